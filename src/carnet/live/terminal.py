"""One terminal on one tab's screen: what it shows goes out as fast as the tab draws, what is typed goes in once.

It has a line of its own to the kernel host, so that a tab that draws slowly
holds up nobody else's. It keeps nothing: the host has the last of the output
and the numbers of what was typed. Rules TE1 to TE9: docs/specs/terminals.md.
"""

import asyncio
import logging

import msgspec

from carnet.clock import Clock
from carnet.core.wire.host import TerminalEnded, TerminalSaid
from carnet.core.wire.link import (
    Attach,
    Attached,
    Ended,
    NoTerminal,
    Redraw,
    Resize,
    Shown,
    ToBrowser,
    Type,
    Typed,
)
from carnet.errors import CarnetError, HostUnavailable, KernelError, PeerError
from carnet.ids import ClientId
from carnet.kernels.client import HostClient, HostState
from carnet.live.follower import Line
from carnet.live.rate import RateGate

log = logging.getLogger("carnet.terminals")

_encoder = msgspec.msgpack.Encoder()

WINDOW_BYTES = 128 << 10
"""So much may be on the way to a tab: a second of a slow line, so that what Ctrl-C stops is soon off the screen."""

FRAME_LIMIT_BYTES = 64 << 10

TYPED_LIMIT_BYTES = 4 << 20
"""What may wait for the host; our own page sends much less ahead."""

NO_TERMINALS = "Terminals are switched off on this server (terminals_enabled)."


class TerminalFollower:
    """One `Attach` of one link."""

    def __init__(
        self, frame: Attach, host: HostClient, *, writer: ClientId, line: Line, clock: Clock
    ) -> None:
        self._attach = frame.attach
        self._name = frame.name
        self._host = host
        self._writer = writer
        self._line = line
        self._clock = clock
        self._life = frame.life
        self._sent = frame.have
        """All before this offset is with the tab, or on its way."""
        self._reading = False
        """What the host says continues `_sent`."""
        self._waiting: list[TerminalSaid] = []
        self._ended: TerminalEnded | None = None
        self._acts: asyncio.Queue[Type | Resize | Redraw | None] = asyncio.Queue()
        """What the tab asked for; None: read again."""
        self._typed_bytes = 0
        self._gate = RateGate(burst=40, interval_s=0.016)
        self._due: asyncio.Handle | None = None
        host.on_terminal = self._said
        host.on_state = self._line_changed
        if frame.rows > 0 and frame.columns > 0:
            self._acts.put_nowait(Resize(frame.attach, frame.rows, frame.columns))
        self._task = asyncio.get_running_loop().create_task(self._run())

    def type(self, frame: Type) -> None:
        """Type, after all that came before.

        Raises:
            PeerError: the tab sends far more than is taken.
        """
        self._typed_bytes += len(frame.data)
        if self._typed_bytes > TYPED_LIMIT_BYTES:
            raise PeerError("too much was typed into a terminal at once")
        self._acts.put_nowait(frame)

    def shape(self, frame: Resize | Redraw) -> None:
        """Give it the tab's size, or have it drawn again."""
        self._acts.put_nowait(frame)

    def drawn(self, offset: int) -> None:
        """The tab has drawn so far."""
        self._host.acknowledge_terminal(self._name, min(offset, self._sent))

    def leave(self) -> None:
        """Stop; the terminal goes on."""
        self._task.cancel()
        if self._due is not None:
            self._due.cancel()

    # ---- inside

    async def _run(self) -> None:
        try:
            await self._host.connect()
            await self._read()
            while True:
                act = await self._acts.get()
                if act is None:
                    await self._read()
                elif isinstance(act, Resize):
                    await self._host.resize_terminal(self._name, act.rows, act.columns)
                elif isinstance(act, Redraw):
                    await self._host.redraw_terminal(self._name)
                else:
                    await self._type(act)
        except CarnetError as error:
            if self._ended is None:
                self._send(NoTerminal(self._attach, 404, self._why_not(error)))
        except asyncio.CancelledError:
            raise
        except Exception:
            # A fault with one terminal must not end the link of a tab with others.
            log.exception("terminal %s could not be shown", self._name)
            self._send(
                NoTerminal(
                    self._attach, 500, "Something went wrong with this terminal; the server's log says what."
                )
            )
        finally:
            self._host.on_state = None
            await self._host.close()

    async def _read(self) -> None:
        """Begin, or begin again where what was left out is not kept any more."""
        self._reading = False
        have = self._sent
        begun = await self._host.read_terminal(self._name, have, life=self._life, window_bytes=WINDOW_BYTES)
        fresh = begun.life != self._life or begun.offset != have
        self._life, self._sent, self._reading = begun.life, begun.offset, True
        self._send(
            Attached(self._attach, begun.life, begun.offset, begun.end, fresh=fresh, modes=begun.modes)
        )
        self._pump()

    async def _type(self, act: Type) -> None:
        try:
            await self._host.write_terminal(
                self._name,
                act.data,
                writer=self._writer,
                number=act.number,
                life=self._life,
                answer=act.answer,
            )
        except HostUnavailable:
            raise
        except KernelError:
            pass  # it has ended: what was typed after it is nobody's
        self._typed_bytes -= len(act.data)
        self._send(Typed(self._attach, act.number))

    def _said(self, said: TerminalSaid | TerminalEnded) -> None:
        if said.name != self._name:
            return
        if isinstance(said, TerminalEnded):
            self._ended = said
        else:
            self._waiting.append(said)
        if self._due is None and self._reading:
            delay_s = self._gate.delay_s(self._clock.monotonic_s())
            loop = asyncio.get_running_loop()
            self._due = loop.call_later(delay_s, self._pump) if delay_s else loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._due = None
        if not self._reading:
            return
        waiting, self._waiting = self._waiting, []
        data, begin = bytearray(), self._sent
        for said in waiting:
            if said.offset > begin + len(data):
                # The host left us behind, and does not keep what is missing.
                self._reading, self._ended = False, None
                self._acts.put_nowait(None)
                break
            data += said.data[begin + len(data) - said.offset :]
        self._show(bytes(data))
        if self._ended is not None:
            self._send(Ended(self._attach, self._ended.exit_code))
            self._task.cancel()
            return
        self._gate.acted(self._clock.monotonic_s())

    def _show(self, data: bytes) -> None:
        for start in range(0, len(data), FRAME_LIMIT_BYTES):
            piece = data[start : start + FRAME_LIMIT_BYTES]
            self._send(Shown(self._attach, self._sent, piece))
            self._sent += len(piece)

    def _line_changed(self, state: HostState) -> None:
        if state == "lost" and self._ended is None:
            # The tab asks again, and again sends what is not typed yet; or hears that the terminal is gone.
            self._send(NoTerminal(self._attach, 503, "The line to the terminal broke."))
            self.leave()

    def _why_not(self, error: CarnetError) -> str:
        # Terminals live no longer than their host.
        lost = f"There is no terminal {self._name}; it may have ended."
        return lost if isinstance(error, HostUnavailable) else str(error)

    def _send(self, frame: ToBrowser) -> None:
        self._line.send(_encoder.encode(frame))
