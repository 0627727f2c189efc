"""The host's folder: who may enter, who holds it, and where its short-pathed sockets are.

Rules HO1, HO3 to HO5: docs/specs/host.md.
"""

import fcntl
import hashlib
import os
import stat
import tempfile
from pathlib import Path

import msgspec

from carnet.core.wire.host import HostRecord
from carnet.errors import HostUnavailable

SOCKET_PATH_LIMIT_BYTES = 103
"""What fits into sockaddr_un everywhere (macOS 104 with its zero, Linux 108)."""

LONGEST_NAME_BYTES = 24
"""Of a socket in the run folder: `/`, 16 of an id, `-`, a port number."""


class HostIsRunning(HostUnavailable):
    """Another host holds this folder."""


def private_folder(path: Path) -> Path:
    """Make the folder if need be, and make sure that it is ours alone (0700).

    Raises:
        HostUnavailable: it is a link, or belongs to someone else.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise HostUnavailable(
            f"{path} is not a folder of user {os.getuid()}: remove it, or choose another state folder"
        )
    if found.st_mode & 0o777 != 0o700:  # more bits are no matter: jupyter_client sets the sticky one
        path.chmod(0o700)
    return path


def run_folder(folder: Path) -> Path:
    """Return the private folder for sockets: `run` in the host's folder, or a short one elsewhere (HO4)."""
    inside = folder / "run"
    if len(os.fsencode(inside)) + LONGEST_NAME_BYTES <= SOCKET_PATH_LIMIT_BYTES:
        return private_folder(inside)
    name = f"carnet-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]
    for base in bases:
        if base and len(os.fsencode(base)) + 1 + len(name) + LONGEST_NAME_BYTES <= SOCKET_PATH_LIMIT_BYTES:
            return private_folder(Path(base) / name)
    raise HostUnavailable(
        f"no folder with a short enough path for sockets; tried {', '.join(filter(None, bases))}"
    )


class FolderLock:
    """Only one host lives in a folder: an flock that ends with the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Take it.

        Raises:
            HostIsRunning: another host holds it.
        """
        self._file = os.open(folder / "host.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise HostIsRunning(f"a kernel host already runs in {folder}") from None

    def release(self) -> None:
        """Give it back."""
        os.close(self._file)


def write_private(path: Path, data: bytes) -> None:
    """Replace a small file as a whole, mode 0600."""
    fresh = path.with_name(path.name + ".new")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, data)
    finally:
        os.close(file)
    os.replace(fresh, path)


def write_host_record(folder: Path, record: HostRecord) -> None:
    """Write `host.json`."""
    write_private(folder / "host.json", msgspec.json.encode(record))
