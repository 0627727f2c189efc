"""Programs from Debian's packages for tests, unpacked and not installed: proxies and servers that are not on PyPI.

Nothing of the system changes, and root is not needed: the lists, the packages
and what is unpacked are below .carnet-dev/debian/. A test says which packages
it wants with the mark `debian`; it is left out where the system has no apt.
"""

import fcntl
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".carnet-dev" / "debian"
APT_S = 300.0
"""A fault, not a measure: a mirror that does not answer."""


@dataclass(frozen=True)
class Unpacked:
    """Packages with what they need, as a file system of their own."""

    root: Path

    def program(self, name: str) -> str:
        """Return the path of a program.

        Raises:
            FileNotFoundError: no package has it.
        """
        for folder in ("usr/sbin", "usr/bin", "sbin", "bin"):
            path = self.root / folder / name
            if path.exists():
                return str(path)
        raise FileNotFoundError(f"None of the packages in {self.root} has a program {name!r}.")

    def env(self) -> Mapping[str, str]:
        """Return the environment in which its programs find their libraries."""
        folders = [self.root / part / f"{platform.machine()}-linux-gnu" for part in ("usr/lib", "lib")]
        libraries = os.pathsep.join(str(one) for one in (*folders, self.root / "usr" / "lib"))
        return {**os.environ, "LD_LIBRARY_PATH": libraries}


def has_apt() -> bool:
    """Return whether Debian's packages can be had here."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def debian(*packages: str) -> Unpacked:
    """Return these packages and those they need that this system lacks; the first call fetches them.

    Raises:
        RuntimeError: apt or dpkg failed; the message is theirs.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    root = HOME / "-".join(sorted(packages))
    with (HOME / "lock").open("w") as lock:
        # Two test workers may come here at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            fresh = root.with_name(f"{root.name}.fresh")
            shutil.rmtree(fresh, ignore_errors=True)
            for archive in _fetch(packages):
                _run(["dpkg-deb", "--extract", str(archive), str(fresh)])
            fresh.rename(root)
    return Unpacked(root)


def _fetch(packages: Sequence[str]) -> list[Path]:
    """Download packages and what they need, but for what is installed, and return the files."""
    lists, archives = HOME / "lists", HOME / "archives"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    archives.mkdir(exist_ok=True)
    # Lists of our own: the system's are root's, and on a fresh machine there are none.
    own = ["-q", "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={HOME}", "-o", "Debug::NoLocking=1"]
    if not any(lists.glob("*Packages*")):
        _run(["apt-get", *own, "update"])
    planned = _run(["apt-get", *own, "--simulate", "--no-install-recommends", "install", *packages])
    # `Inst NAME (NEW ...)` is new; `Inst NAME [OLD] (NEW ...)` would only make newer what is there.
    wanted = {*packages, *re.findall(r"^Inst (\S+) \(", planned, re.MULTILINE)}
    for stale in archives.glob("*.deb"):
        stale.unlink()
    _run(["apt-get", *own, "download", *sorted(wanted)], archives)
    return sorted(archives.glob("*.deb"))


def _run(command: Sequence[str], folder: Path = HOME) -> str:
    # As root, apt would download as a user of its own, who cannot write here.
    if command[0] == "apt-get":
        command = [*command[:1], "-o", "APT::Sandbox::User=root", *command[1:]]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=APT_S,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
