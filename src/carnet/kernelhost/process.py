"""Facts about processes: alive or not, memory, how one ended, what it left behind.

On Linux from /proc and cgroups; elsewhere what is not known is None, never
guessed. Rules HO40 to HO46: docs/specs/host.md.
"""

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MARK_VARIABLE = "CARNET_KERNEL"
"""In the environment of each kernel: its token, by which its children are found when it ends."""


KILLED_WAIT_S = 2.0
"""At most so long do we wait until the killed are gone."""

KILLED_POLL_S = 0.005


class ProcessMark(Struct, frozen=True):
    """One process and no other: pids come back, a pid with its start time does not."""

    pid: int
    started: int | None
    """Clock ticks after boot; None where the system does not tell."""


def mark_of(pid: int) -> ProcessMark:
    """Return the mark of a running process."""
    return ProcessMark(pid, _start_ticks(pid))


def is_alive(mark: ProcessMark) -> bool:
    """Is this very process still running? A zombie is not."""
    if mark.started is not None:
        fields = _stat_fields(mark.pid)
        return fields is not None and fields[0] not in {"Z", "X"} and int(fields[19]) == mark.started
    try:
        os.kill(mark.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False
    return True


def resident_bytes(pid: int) -> int | None:
    """Return the resident size of a process now."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return None


def peak_bytes(pid: int) -> int | None:
    """Return the peak resident size of a running process."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    return None


class MemoryLimits:
    """The cgroup a process lives in: how often the system killed there, and its limit."""

    def __init__(self, pid: int, groups: Sequence[tuple[int, Path]] = ()) -> None:
        """`groups`: (cgroup version, folder) to look in; those of the process if none are given."""
        self._events: Path | None = None
        self._limit: Path | None = None
        for version, folder in groups or _memory_cgroups(pid):
            events = folder / ("memory.events" if version == 2 else "memory.oom_control")
            if events.exists():
                self._events = events
                self._limit = folder / ("memory.max" if version == 2 else "memory.limit_in_bytes")
                break
        self._before = self._kills()

    def killed_since(self) -> bool:
        """Did the system kill a process of this cgroup for memory since this object was made?"""
        return self._kills() > self._before

    def limit_bytes(self) -> int | None:
        """Return the limit, where there is one."""
        try:
            limit = int(self._limit.read_text()) if self._limit else 0
        except (OSError, ValueError):  # `max`: no limit
            return None
        # Version 1 writes "no limit" as the largest number of pages.
        return limit if 0 < limit < 1 << 60 else None

    def _kills(self) -> int:
        try:
            for line in self._events.read_text().splitlines() if self._events else []:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        except (OSError, ValueError):
            pass
        return 0


def left_behind(token: str) -> list[int]:
    """Return the processes that carry this kernel's token in their environment."""
    wanted = f"{MARK_VARIABLE}={token}".encode()
    found = []
    own = os.getpid()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0") and int(folder.name) != own:
            found.append(int(folder.name))
    return found


def kill_group(pid: int, signum: signal.Signals) -> None:
    """Signal the process group that this kernel leads; one that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)


def kill_left_behind(pid: int | None, token: str) -> None:
    """End what a kernel leaves behind: its group, and its children that left the group (HO45). Blocks until they are gone."""
    marks = [mark_of(child) for child in left_behind(token)]
    if pid is not None:
        kill_group(pid, signal.SIGKILL)
    for mark in marks:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(mark.pid, signal.SIGKILL)
    # The signal is sent, not yet obeyed; and a process that waits for a dead disk obeys when that answers.
    give_up_s = time.monotonic() + KILLED_WAIT_S
    while any(is_alive(mark) for mark in marks if mark.started is not None) and time.monotonic() < give_up_s:
        time.sleep(KILLED_POLL_S)


def _stat_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on (the name before it may hold anything)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _start_ticks(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def _memory_cgroups(pid: int) -> list[tuple[int, Path]]:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return []
    root = Path("/sys/fs/cgroup")
    found = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        relative = path.lstrip("/")
        if number == "0":
            found += [(2, root / relative), (2, root / "unified" / relative)]
        elif "memory" in controllers.split(","):
            # In a container the path may be the one outside: then the root is ours.
            found += [(1, root / "memory" / relative), (1, root / "memory")]
    return found
