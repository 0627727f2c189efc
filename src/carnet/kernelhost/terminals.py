"""Terminals: shells on ptys of the host's, so that they outlive the server, with what they showed last.

A terminal's output is bytes, counted from its start; readers ask for it by
offset, and a reader that is behind stops the shell, as a real line would. Of
what is in them it knows only modes that a later screen must be told. Rules HO90
to HO99: docs/specs/host.md.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from carnet.clock import Clock
from carnet.core.wire.host import (
    AcknowledgeTerminal,
    ReadTerminal,
    StartTerminal,
    TerminalInfo,
    TerminalReading,
    WriteTerminal,
)
from carnet.errors import KernelError
from carnet.ids import new_id
from carnet.kernelhost.launch import kernel_environment
from carnet.kernelhost.process import kill_left_behind
from carnet.kernelhost.screen_modes import ScreenModes

log = logging.getLogger("carnet.kernelhost")

SCROLLBACK_BYTES: Final = 1 << 20
"""Of each terminal's output, the last is kept for who comes later."""

WINDOW_BYTES: Final = 512 << 10
"""So much may be on the way to a reader; then the shell waits."""

PATIENCE_S: Final = 30.0
"""So long the shell waits for a reader that takes nothing: a tab that sleeps must not hold up a night's work."""

READ_BYTES: Final = 64 << 10

WRITERS_LIMIT: Final = 64
"""So many writers' numbers are known for each terminal; the one that was quiet longest is forgotten."""

ENDED_LIMIT: Final = 8
"""So many terminals that ended can still be read."""

REDRAW_S: Final = 0.08

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


class TerminalConnection(TerminalReader, Protocol):
    """A reader that asked with a call."""

    def answer(self, call: int, value: object = None) -> None:
        """Answer it."""


@dataclass
class _Reading:
    """How far one reader is."""

    acknowledged: int
    window_bytes: int
    told: int
    """All before this was told to it."""
    left_behind: bool = False
    """It was told more than it takes, for too long: it hears no more until it has what it was told."""

    @property
    def is_slow(self) -> bool:
        """It holds up the shell."""
        return not self.left_behind and self.told - self.acknowledged > self.window_bytes


class Terminal:
    """One shell on one pty."""

    def __init__(
        self,
        frame: StartTerminal,
        clock: Clock,
        ended: Callable[["Terminal"], None],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Start it.

        Raises:
            KernelError: there is no such shell, or the system gives no pty.
        """
        self.name = frame.name
        self._clock = clock
        self._told_ended = ended
        self._patience_s = patience_s
        self._started_ms = self._active_ms = clock.now_ms()
        self.life = new_id()
        self._kept = bytearray()
        self._end = 0
        self._modes = ScreenModes()
        """Of all that is not kept any more."""
        self._readers: dict[TerminalReader, _Reading] = {}
        self._writers: dict[str, int] = {}
        """The last number taken of each, the one that wrote last at the end."""
        self._typist = ""
        """Who typed last."""
        self._unwritten = bytearray()
        self._paused: asyncio.TimerHandle | None = None
        """While the shell waits: when the wait is over."""
        self._redrawing: asyncio.TimerHandle | None = None
        """While the window is narrower than was asked for: when that is over."""
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
        # Programs believe the last two more than the window, which is another one than where the host was started.
        for name in ("PYTHONFAULTHANDLER", "LINES", "COLUMNS"):
            environment.pop(name, None)
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
        return TerminalInfo(
            self.name, self._process.pid, self._started_ms, self._active_ms, self._end, self.life
        )

    # ---- in

    def write(self, frame: WriteTerminal) -> None:
        """Type, unless that was typed before. What the shell does not take yet waits."""
        if self.is_over:
            return
        if frame.writer:
            last = self._writers.pop(frame.writer, 0)
            self._writers[frame.writer] = max(last, frame.number)
            while len(self._writers) > WRITERS_LIMIT:
                del self._writers[next(iter(self._writers))]
            if frame.number <= last:
                return
        if not frame.answer:
            self._typist = frame.writer
        elif self._typist not in {"", frame.writer}:
            return
        self._active_ms = self._clock.now_ms()
        self._unwritten += frame.data
        self._writable()

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size, in characters."""
        self._size = max(1, min(rows, ROWS_LIMIT)), max(1, min(columns, ROWS_LIMIT))
        # A program that is being told another size, to draw itself anew, is told this one when it has seen that.
        if self._redrawing is None:
            self._tell_size(*self._size)

    def redraw(self) -> None:
        """Have a full-screen program draw itself again: such programs do when their window changes."""
        if self._redrawing is not None:
            return
        rows, columns = self._size
        self._tell_size(rows, max(1, columns - 1))
        # Not at once: a program that sees only the second change has nothing to do.
        self._redrawing = self._loop.call_later(REDRAW_S, self._tell_size_again)

    def _tell_size_again(self) -> None:
        self._redrawing = None
        if not self.is_over:
            self._tell_size(*self._size)

    def _tell_size(self, rows: int, columns: int) -> None:
        with suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---- out

    def join(
        self, reader: TerminalReader, after: int, *, window_bytes: int = WINDOW_BYTES
    ) -> TerminalReading:
        """Take a reader in that has all before this offset. `catch_up` must follow."""
        begin = max(self._end - len(self._kept), min(after, self._end))
        self._readers[reader] = _Reading(begin, window_bytes, begin)
        modes = self._modes.sequences() if begin > after else b""
        return TerminalReading(self.life, begin, self._end, modes)

    def catch_up(self, reader: TerminalReader) -> None:
        """Tell a reader what it lacks; it hears what comes by itself."""
        reading = self._readers[reader]
        # Greater than what it was told, where that is not kept any more: it sees the gap.
        begin = max(self._end - len(self._kept), reading.told)
        reading.left_behind = False
        reading.told = self._end
        if begin < self._end:
            reader.terminal_said(self.name, begin, bytes(self._kept[begin - self._end :]))
            self._consider_pause()
        if self.is_over:
            del self._readers[reader]
            reader.terminal_ended(self.name, self._exit_code())

    def acknowledge(self, reader: TerminalReader, offset: int) -> None:
        """A reader has this much."""
        reading = self._readers.get(reader)
        if reading is not None:
            reading.acknowledged = min(max(offset, reading.acknowledged), reading.told)
            if reading.left_behind and reading.acknowledged == reading.told:
                self.catch_up(reader)
            self._consider_pause(progress=True)

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
        if len(self._kept) > SCROLLBACK_BYTES:
            self._modes.feed(bytes(self._kept[:-SCROLLBACK_BYTES]))
            del self._kept[:-SCROLLBACK_BYTES]
        offset, self._end = self._end, self._end + len(data)
        for reader, reading in tuple(self._readers.items()):
            if not reading.left_behind:
                reading.told = self._end
                reader.terminal_said(self.name, offset, data)
        self._consider_pause()

    def _consider_pause(self, *, progress: bool = False) -> None:
        """Wait for readers that are slow; `progress`: one of them has taken something."""
        if self.is_over:
            return
        is_slow = any(one.is_slow for one in self._readers.values())
        if self._paused is None and is_slow:
            self._loop.remove_reader(self._master)
            self._paused = self._loop.call_later(self._patience_s, self._leave_behind)
        elif self._paused is not None and not is_slow:
            self._paused.cancel()
            self._paused = None
            self._loop.add_reader(self._master, self._readable)
        elif self._paused is not None and progress:
            self._paused.cancel()
            self._paused = self._loop.call_later(self._patience_s, self._leave_behind)

    def _leave_behind(self) -> None:
        """The shell has waited long enough."""
        for reading in self._readers.values():
            reading.left_behind = reading.left_behind or reading.is_slow
        self._consider_pause()

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
        self._unwritten.clear()
        if self._paused is not None:
            self._paused.cancel()
        code = self._exit_code()
        log.info("terminal %s ended: %d", self.name, code)
        for reader, reading in tuple(self._readers.items()):
            # Who was left behind hears the rest, and the end after it, when it comes for it.
            if not reading.left_behind:
                del self._readers[reader]
                reader.terminal_ended(self.name, code)
        self._told_ended(self)

    def _exit_code(self) -> int:
        code = self._process.returncode
        return -1 if code is None else code


class Terminals:
    """All terminals of a host."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        """`changed` is called when one began or ended."""
        self._clock = clock
        self._changed = changed
        self._all: dict[str, Terminal] = {}
        self._over: dict[str, Terminal] = {}
        """The last ones that ended, by name: who was away when they did may read them."""

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
            self._over.pop(frame.name, None)
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
            raise _no_terminal(name) from None

    def find_to_write(self, name: str, life: str) -> Terminal:
        """Return the one of this name; only if it is of this life, where one is named.

        Raises:
            KernelError: there is none.
        """
        terminal = self.find(name)
        if life not in {"", terminal.life}:
            raise _no_terminal(name)
        return terminal

    def find_to_read(self, name: str, life: str) -> Terminal:
        """Return the one of this life, or else the one of this name.

        Raises:
            KernelError: there is none.
        """
        living, over = self._all.get(name), self._over.get(name)
        if over is not None and life == over.life:
            return over
        found = living or (None if life else over)
        if found is None:
            raise _no_terminal(name)
        return found

    def read(self, connection: "TerminalConnection", frame: ReadTerminal) -> None:
        """Answer where reading begins, then tell what there is."""
        terminal = self.find_to_read(frame.name, frame.life)
        same = frame.life in {"", terminal.life}
        reading = terminal.join(
            connection, frame.after if same else 0, window_bytes=frame.window_bytes or WINDOW_BYTES
        )
        connection.answer(frame.call, reading)
        terminal.catch_up(connection)

    def acknowledge(self, reader: TerminalReader, frame: AcknowledgeTerminal) -> None:
        """A reader has so much of the one it reads, which may have ended."""
        for terminal in (self._all.get(frame.name), self._over.get(frame.name)):
            if terminal is not None:
                terminal.acknowledge(reader, frame.offset)

    def left(self, reader: TerminalReader) -> None:
        """A connection is gone."""
        for terminal in (*self._all.values(), *self._over.values()):
            terminal.leave(reader)

    async def stop(self) -> None:
        """End all."""
        await asyncio.gather(*(one.stop() for one in tuple(self._all.values())))

    def _ended(self, terminal: Terminal) -> None:
        if self._all.get(terminal.name) is terminal:
            del self._all[terminal.name]
            self._over[terminal.name] = terminal
            while len(self._over) > ENDED_LIMIT:
                del self._over[next(iter(self._over))]
            self._changed()


def _no_terminal(name: str) -> KernelError:
    return KernelError(f"There is no terminal {name}; it may have ended.")
