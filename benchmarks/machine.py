"""What the operating system knows: memory and CPU time of a process, versions, load. Linux."""

import os
import platform
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")

PATIENCE_S = 30.0

PACKAGES = ("carnet", "tornado", "jupyter_client", "ipykernel", "pyzmq", "msgspec", "playwright")


def pss_mb(pid: int) -> float:
    """Return the proportional set size of one process: shared pages count for each sharer's part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("smaps_rollup has no Pss line")


def cpu_s(pid: int) -> float:
    """Return the CPU time that one process has used so far, all threads, user and system."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return (int(fields[11]) + int(fields[12])) / _TICKS


def descendants(pid: int) -> list[int]:
    """Return the processes below one, children first."""
    below: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended just now
            below.setdefault(int(_fields(path)[1]), []).append(int(path.parent.name))
    found = list(below.get(pid, []))
    for child in found:
        found += below.get(child, [])
    return found


def command_line(pid: int) -> str:
    """Return what a process was started with; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def end_all(pids: Iterable[int]) -> None:
    """Kill these processes, and wait until they are gone."""
    victims = list(pids)
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until_s = time.monotonic() + PATIENCE_S
    while any(map(is_alive, victims)) and time.monotonic() < until_s:
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Return whether there is such a process, other than a dead one that nobody has waited for."""
    try:
        return _fields(Path(f"/proc/{pid}/stat"))[0] not in {"Z", "X"}
    except OSError:
        return False


def _fields(stat: Path) -> list[str]:
    """Return the fields of a stat file behind the name, which may hold anything."""
    return stat.read_text(errors="replace").rpartition(")")[2].split()


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions that are installed here."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass  # optional
    return found


def description() -> str:
    """Return one line about the machine and its load now."""
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    system = f"{platform.system()} {platform.machine()}"
    return (
        f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {system}, Python {sys.version.split()[0]}, load {load}"
    )
