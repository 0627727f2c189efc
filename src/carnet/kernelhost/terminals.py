"""Terminals: shells on ptys of the host's, so that they outlive the server, with what they showed last.

A terminal's output is bytes, counted from its start; readers ask for it by
offset, and a reader that is behind stops the shell, as a real line would. It
knows nothing of what is in them. Rules HO90 to HO95: docs/specs/host.md.
"""

import asyncio
import fcntl
import logging
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from carnet.clock import Clock
from carnet.core.wire.host import StartTerminal, TerminalInfo
from carnet.errors import KernelError
from carnet.ids import new_id
from carnet.kernelhost.launch import kernel_environment
from carnet.kernelhost.process import kill_left_behind

log = logging.getLogger("carnet.kernelhost")

SCROLLBACK_BYTES: Final = 1 << 20
"""Of each terminal's output, the last is kept for who comes later."""

WINDOW_BYTES: Final = 512 << 10
"""So much may be on the way to a reader; then the shell waits."""

READ_BYTES: Final = 64 << 10

HANGUP_S: Final = 0.5
"""Between SIGHUP and SIGKILL."""

ROWS_LIMIT: Final = 65535

#: Makes the pty the controlling terminal of the new session, then becomes the shell. Not `preexec_fn`, which is not
#: safe beside the host's threads.
_BEGIN: Final = (
    "import fcntl,os,sys,termios;fcntl.ioctl(0,termios.TIOCSCTTY,0);os.execvp(sys.argv[1],sys.argv[1:])"
)


class TerminalReader(Protocol):
    """One connection that reads a terminal."""

    def terminal_said(self, name: str, offset: int, data: bytes) -> None:
        """New output; the first byte is at this offset."""

    def terminal_ended(self, name: str, exit_code: int) -> None:
        """The shell is gone, and all it said was told."""


class Terminal:
    """One shell on one pty."""

    def __init__(self, frame: StartTerminal, clock: Clock, ended: Callable[["Terminal"], None]) -> None:
        """Start it.

        Raises:
            KernelError: there is no such shell, or the system gives no pty.
        """
        self.name = frame.name
        self._clock = clock
        self._told_ended = ended
        self._started_ms = self._active_ms = clock.now_ms()
        self._kept = bytearray()
        self._end = 0
        self._readers: dict[TerminalReader, int] = {}
        """How far each has acknowledged."""
        self._unwritten = bytearray()
        self._paused = False
        self._loop = asyncio.get_running_loop()
        self._token = new_id()
        folder = frame.cwd
        while not Path(folder).is_dir() and folder != "/":
            folder = str(Path(folder).parent)
        command = frame.command or (os.environ.get("SHELL") or "/bin/sh", "-l")
        if shutil.which(command[0]) is None:
            raise KernelError(f"{command[0]} is not a program here: set SHELL to one that is.")
        environment = {
            **kernel_environment(self._token, frame.env),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        environment.pop("PYTHONFAULTHANDLER", None)
        try:
            self._master, slave = pty.openpty()
        except OSError as error:
            raise KernelError(f"No terminal could be opened: {error.strerror}.") from error
        self.resize(frame.rows, frame.columns)
        os.set_blocking(self._master, False)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BEGIN, *command],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._master)
            raise KernelError(f"The terminal could not be started: {error}") from error
        finally:
            os.close(slave)
        self.is_over = False
        self._loop.add_reader(self._master, self._readable)

    def info(self) -> TerminalInfo:
        """Return it as it is now."""
        return TerminalInfo(self.name, self._process.pid, self._started_ms, self._active_ms, self._end)

    # ---- in

    def write(self, data: bytes) -> None:
        """Type. What the shell does not take yet waits."""
        if self.is_over:
            return
        self._active_ms = self._clock.now_ms()
        self._unwritten += data
        self._writable()

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size, in characters."""
        rows, columns = max(1, min(rows, ROWS_LIMIT)), max(1, min(columns, ROWS_LIMIT))
        with suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---- out

    def read(self, reader: TerminalReader, after: int) -> int:
        """Tell a reader what is kept after this offset, and what comes; return the offset it begins at."""
        begin = max(self._end - len(self._kept), min(after, self._end))
        self._readers[reader] = begin
        if begin < self._end:
            reader.terminal_said(self.name, begin, bytes(self._kept[begin - self._end :]))
            self._consider_pause()
        return begin

    def acknowledge(self, reader: TerminalReader, offset: int) -> None:
        """A reader has this much."""
        if reader in self._readers:
            self._readers[reader] = min(max(offset, self._readers[reader]), self._end)
            self._consider_pause()

    def leave(self, reader: TerminalReader) -> None:
        """Tell it no more."""
        if self._readers.pop(reader, None) is not None:
            self._consider_pause()

    # ---- end

    async def stop(self) -> None:
        """Hang up, then kill all that is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGHUP)
        try:
            await asyncio.wait_for(asyncio.to_thread(self._process.wait), HANGUP_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await asyncio.to_thread(self._process.wait)
        await asyncio.to_thread(kill_left_behind, self._process.pid, self._token)
        self._over()

    # ---- inside

    def _readable(self) -> None:
        try:
            data = os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # Linux says so when the last process has closed the other end
            data = b""
        if not data:
            self._loop.remove_reader(self._master)
            self._ending = self._loop.create_task(self._reap())
            return
        self._active_ms = self._clock.now_ms()
        self._kept += data
        del self._kept[:-SCROLLBACK_BYTES]
        offset, self._end = self._end, self._end + len(data)
        for reader in tuple(self._readers):
            reader.terminal_said(self.name, offset, data)
        self._consider_pause()

    def _consider_pause(self) -> None:
        if self.is_over:
            return
        behind = any(self._end - offset > WINDOW_BYTES for offset in self._readers.values())
        if behind is not self._paused:
            self._paused = behind
            if behind:
                self._loop.remove_reader(self._master)
            else:
                self._loop.add_reader(self._master, self._readable)

    def _writable(self) -> None:
        try:
            written = os.write(self._master, self._unwritten)
        except BlockingIOError:
            written = 0
        except OSError:
            self._unwritten.clear()  # it is ending
            written = 0
        del self._unwritten[:written]
        if self._unwritten:
            self._loop.add_writer(self._master, self._writable)
        else:
            self._loop.remove_writer(self._master)

    async def _reap(self) -> None:
        await asyncio.to_thread(self._process.wait)
        self._over()

    def _over(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        code = self._process.returncode
        log.info("terminal %s ended: %s", self.name, code)
        for reader in tuple(self._readers):
            reader.terminal_ended(self.name, code if code is not None else -1)
        self._readers.clear()
        self._told_ended(self)


class Terminals:
    """All terminals of a host."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        """`changed` is called when one began or ended."""
        self._clock = clock
        self._changed = changed
        self._all: dict[str, Terminal] = {}

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._all)

    def start(self, frame: StartTerminal) -> TerminalInfo:
        """Start one; a name that is known stands for the one that has it.

        Raises:
            KernelError: it could not be started.
        """
        if not frame.name:
            number = next(n for n in range(1, len(self._all) + 2) if str(n) not in self._all)
            frame = StartTerminal(
                frame.call, str(number), frame.cwd, frame.rows, frame.columns, frame.command, frame.env
            )
        terminal = self._all.get(frame.name)
        if terminal is None:
            terminal = self._all[frame.name] = Terminal(frame, self._clock, self._ended)
            self._changed()
        return terminal.info()

    def infos(self) -> list[TerminalInfo]:
        """Return all."""
        return [one.info() for one in self._all.values()]

    def find(self, name: str) -> Terminal:
        """Return one.

        Raises:
            KernelError: there is none of this name.
        """
        try:
            return self._all[name]
        except KeyError:
            raise KernelError(f"There is no terminal {name}; it may have ended.") from None

    def left(self, reader: TerminalReader) -> None:
        """A connection is gone."""
        for terminal in self._all.values():
            terminal.leave(reader)

    async def stop(self) -> None:
        """End all."""
        await asyncio.gather(*(one.stop() for one in tuple(self._all.values())))

    def _ended(self, terminal: Terminal) -> None:
        if self._all.get(terminal.name) is terminal:
            del self._all[terminal.name]
            self._changed()
