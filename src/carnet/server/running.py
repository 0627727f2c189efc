"""Which servers run on this state folder: one small file each, held by a lock while its server lives.

The file has no secret in it. A lock, not the process id, says who lives: ids
are used again, locks end with their process.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

_FOLDER: Final = "servers"


class RunningServer(NamedTuple):
    """What a server says of itself."""

    pid: int
    port: int
    url: str
    """Without token."""
    base_url: str
    notebook_dir: str
    hostname: str
    secure: bool
    started_ms: int
    version: str


class Presence:
    """Our own file. Held from start to end."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def announce(cls, state_folder: Path, server: RunningServer) -> Self:
        """Write the file and lock it."""
        folder = state_folder / _FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{server.pid}.json"
        path.unlink(missing_ok=True)  # of a dead server that had our id
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps(server._asdict()).encode())
        return cls(path, descriptor)

    def leave(self) -> None:
        """Take the file away."""
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(".html").unlink(missing_ok=True)  # what a browser was given to open
        os.close(self._descriptor)


def running_servers(state_folder: Path) -> Sequence[RunningServer]:
    """Return the servers that live, by port; files of dead ones are taken away."""
    found: list[RunningServer] = []
    folder = state_folder / _FOLDER
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        server = _read_if_alive(path)
        if server is not None:
            found.append(server)
    return sorted(found, key=lambda one: (one.port, one.pid))


def _read_if_alive(path: Path) -> RunningServer | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # it ended just now
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return _read(path)
        path.unlink(missing_ok=True)
        return None
    finally:
        os.close(descriptor)


def _read(path: Path) -> RunningServer | None:
    try:
        return RunningServer(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # being written, or by another version
        return None
