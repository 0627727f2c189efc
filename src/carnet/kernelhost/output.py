"""What a kernel process writes to its real stdout and stderr: the last of it, in memory.

A named pipe that the kernel holds open for reading and writing: when the host
is killed, the kernel's writes do not fail, and the next host reads on (HO43).
"""

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path

TAIL_BYTES = 16 << 10
PIPE_BYTES = 1 << 20


class OutputTail:
    """Drains one named pipe and keeps its last bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            os.mkfifo(path, 0o600)
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self._file, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._tail = bytearray()
        self._loop = asyncio.get_running_loop()
        self._writer = self.for_the_kernel()  # while it is open, the pipe never ends
        self._loop.add_reader(self._file, self._drain)

    def for_the_kernel(self) -> int:
        """Return a new file descriptor for the process to start; the caller closes it."""
        return os.open(self.path, os.O_RDWR | os.O_CLOEXEC)

    def text(self) -> str:
        """Return the last of what was written."""
        self._drain()
        return bytes(self._tail).decode(errors="replace")

    def clear(self) -> None:
        """Forget what was written so far: greetings of a start that went well say nothing of a later end."""
        self._drain()
        self._tail.clear()

    def close(self) -> None:
        """Stop, and remove the pipe."""
        self._loop.remove_reader(self._file)
        os.close(self._file)
        os.close(self._writer)
        self.path.unlink(missing_ok=True)

    def _drain(self) -> None:
        # A bounded turn: a process that floods its stderr must not hold up the others.
        for _ in range(16):
            try:
                data = os.read(self._file, 64 << 10)
            except BlockingIOError:
                return
            if not data:
                return
            self._tail += data
            del self._tail[:-TAIL_BYTES]
