"""One browser tab's end of the link, in the server: frames in, frames out, any transport.

Knows nothing of WebSocket (invariant 10): a transport gives it bytes and a
`send`. Rules LK1 to LK19: docs/specs/link.md; TE1 to TE9: docs/specs/terminals.md.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import assert_never

import msgspec

from carnet import __version__
from carnet.core.session.intents import Intent, IntentBody
from carnet.core.session.state import Refusal
from carnet.core.wire.link import (
    PROTOCOL,
    Answer,
    Ask,
    Attach,
    Bye,
    Detach,
    Drawn,
    Follow,
    Hello,
    Intend,
    NoTerminal,
    Ping,
    Pong,
    Problem,
    Question,
    Redraw,
    Refused,
    Resize,
    Seen,
    ToBrowser,
    ToServer,
    Type,
    Unfollow,
    Welcome,
)
from carnet.errors import CarnetError, PeerError
from carnet.ids import ClientId
from carnet.kernels.client import HostClient
from carnet.live.follower import Follower
from carnet.live.registry import Registry
from carnet.live.session import Session
from carnet.live.terminal import NO_TERMINALS, TerminalFollower

log = logging.getLogger("carnet.link")

_decoder = msgspec.msgpack.Decoder(ToServer)
_encoder = msgspec.msgpack.Encoder()

ASKS_LIMIT = 16
"""Open questions of one tab; more are answered at once with an error."""

TERMINALS_LIMIT = 8
"""Terminals that one tab shows."""


class LinkPeer:
    """The server's side of one link. `receive` must be called in order, one frame at a time."""

    def __init__(  # noqa: PLR0913 - what a transport and a login give it
        self,
        registry: Registry,
        *,
        user: str,
        writable: bool,
        send: Callable[[bytes], None],
        buffered_bytes: Callable[[], int] = lambda: 0,
        forbids: Callable[[IntentBody | Question | Attach], str] = lambda _: "",
        terminal_host: Callable[[], HostClient] | None = None,
        take_place: Callable[[], Callable[[], None]] = lambda: lambda: None,
    ) -> None:
        """Args:
        buffered_bytes: what the transport was given and has not sent yet; frames wait while it is much.
        forbids: why this login may not do that, as a sentence; empty: it may.
        terminal_host: makes a line to the kernel host for a terminal; None: there are no terminals.
        take_place: counts one more notebook that is followed, and returns what gives its place back. Raises TooMuch.
        """
        self._forbids = forbids
        self._buffered_bytes = buffered_bytes
        self._registry = registry
        self._user = user
        self._writable = writable
        self._send_bytes = send
        self._client_id: ClientId | None = None
        self._followers: dict[int, Follower] = {}
        self._take_place = take_place
        self._places: dict[int, Callable[[], None]] = {}
        """What gives back the place of each follow."""
        self._terminal_host = terminal_host
        self._terminals: dict[int, TerminalFollower] = {}
        self._asks: set[asyncio.Task[None]] = set()
        self._left = False

    async def receive(self, frame: bytes) -> None:
        """Handle one frame.

        Raises:
            PeerError: it is not a frame of this protocol; the transport should close.
        """
        try:
            message = _decoder.decode(frame)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise PeerError(f"not a link frame: {error}") from error
        if self._client_id is None and not isinstance(message, Hello | Ping):
            raise PeerError("the first frame of a link must be hello")
        match message:
            case Hello():
                self._hello(message)
            case Follow():
                await self._follow(message)
            case Unfollow(follow=follow):
                self._unfollow(follow)
            case Intend():
                self._intend(message)
            case Seen(follow=follow, seq=seq):
                follower = self._followers.get(follow)
                if follower is not None:
                    follower.seen(seq)
            case Ask():
                self._ask(message)
            case Ping(sent_ms=sent_ms):
                self._send(Pong(sent_ms=sent_ms))
            case Attach():
                self._attach(message)
            case Detach() | Type() | Resize() | Redraw() | Drawn():
                self._of_terminal(message)
            case _:
                assert_never(message)

    def send(self, data: bytes) -> None:
        """Send one encoded frame, unless the transport is gone."""
        if not self._left:
            self._send_bytes(data)

    def buffered_bytes(self) -> int:
        """Return how much the transport has not sent yet."""
        return self._buffered_bytes()

    def bye(self, reason: str, *, retry_ms: int) -> None:
        """Say that the server ends this link on purpose. From now on nothing is typed."""
        self._send(Bye(reason=reason, retry_ms=retry_ms))
        self._leave_terminals()

    def leave(self) -> None:
        """The transport is gone. The tab may come back on another one."""
        self._left = True
        for follow in {*self._followers, *self._places}:
            self._unfollow(follow)
        self._leave_terminals()
        for task in tuple(self._asks):
            task.cancel()

    # ---- inside

    def _send(self, frame: ToBrowser) -> None:
        self.send(_encoder.encode(frame))

    def _hello(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            self.bye("This page is from another version of Carnet. Reload it.", retry_ms=-1)
            return
        self._client_id = hello.client_id
        self._send(
            Welcome(
                protocol=PROTOCOL,
                version=__version__,
                now_ms=self._registry.around.clock.now_ms(),
                user=self._user,
            )
        )

    async def _follow(self, frame: Follow) -> None:
        assert self._client_id is not None
        self._unfollow(frame.follow)
        try:
            self._places[frame.follow] = self._take_place()
            path = self._registry.normalise(frame.path)
            session = await self._registry.open(path)
        except CarnetError as error:
            self._unfollow(frame.follow)
            self._send(Problem(follow=frame.follow, status=error.status, message=str(error)))
            return
        except Exception:
            # A fault in opening one notebook must not end the link of a tab with others.
            log.exception("a notebook could not be opened")
            self._unfollow(frame.follow)
            self._send(
                Problem(
                    follow=frame.follow,
                    status=500,
                    message="Something went wrong while opening this notebook; the server's log says what.",
                )
            )
            return
        if self._left:
            return
        self._followers[frame.follow] = Follower(
            session,
            follow=frame.follow,
            client_id=self._client_id,
            journal_id=frame.journal_id,
            have=frame.have,
            line=self,
        )

    def _unfollow(self, follow: int) -> None:
        follower, give_back = self._followers.pop(follow, None), self._places.pop(follow, None)
        if follower is not None:
            follower.leave()
        if give_back is not None:
            give_back()

    def _attach(self, frame: Attach) -> None:
        assert self._client_id is not None
        previous = self._terminals.pop(frame.attach, None)
        if previous is not None:
            previous.leave()
        forbidden = self._forbids(frame)
        if self._terminal_host is None:
            self._send(NoTerminal(frame.attach, 404, NO_TERMINALS))
        elif forbidden or not self._writable:
            self._send(NoTerminal(frame.attach, 403, forbidden or "This login may look, but not change."))
        elif len(self._terminals) >= TERMINALS_LIMIT:
            self._send(NoTerminal(frame.attach, 429, "This tab shows too many terminals. Close one."))
        else:
            self._terminals[frame.attach] = TerminalFollower(
                frame,
                self._terminal_host(),
                writer=self._client_id,
                line=self,
                clock=self._registry.around.clock,
            )

    def _of_terminal(self, frame: Detach | Type | Resize | Redraw | Drawn) -> None:
        terminal = self._terminals.get(frame.attach)
        if terminal is None:
            return  # it ended while this was on its way
        match frame:
            case Detach():
                del self._terminals[frame.attach]
                terminal.leave()
            case Type():
                terminal.type(frame)
            case Resize() | Redraw():
                terminal.shape(frame)
            case Drawn(offset=offset):
                terminal.drawn(offset)
            case _:
                assert_never(frame)

    def _leave_terminals(self) -> None:
        for terminal in self._terminals.values():
            terminal.leave()
        self._terminals.clear()

    def _intend(self, frame: Intend) -> None:
        follower = self._followers.get(frame.follow)
        if follower is None:
            raise PeerError(f"intent {frame.number} for follow {frame.follow}, which is not followed")
        if not self._writable:
            self._refuse(frame, "read-only", "This login may look, but not change.")
            return
        forbidden = self._forbids(frame.body)
        if forbidden:
            self._refuse(frame, "read-only", forbidden)
            return
        intent = Intent(client_id=frame.client_id, number=frame.number, by=self._user, body=frame.body)
        # Not waited for: while the session stalls, pings are answered, and the page hears why (LK29).
        answer = follower.session.take(intent)
        if answer.done() and answer.result().unreached:
            self._refuse(frame, "read-only", answer.result().message)

    def _refuse(self, frame: Intend, refusal: Refusal, message: str) -> None:
        self._send(
            Refused(
                follow=frame.follow,
                client_id=frame.client_id,
                number=frame.number,
                refusal=refusal,
                message=message,
            )
        )

    def _ask(self, frame: Ask) -> None:
        follower = self._followers.get(frame.follow)
        if follower is None or len(self._asks) >= ASKS_LIMIT:
            self._send(Answer(ask=frame.ask, error="Too many questions at once."))
            return
        forbidden = self._forbids(frame.question)
        if forbidden:
            self._send(Answer(ask=frame.ask, error=forbidden))
            return
        self._start(self._answer(frame, follower.session))

    async def _answer(self, frame: Ask, session: Session) -> None:
        try:
            reply = await session.ask(frame.question)
            # The kernel speaks JSON; the link speaks MessagePack.
            value = msgspec.Raw(_encoder.encode(msgspec.json.decode(reply)))
        except (CarnetError, msgspec.MsgspecError) as error:
            self._send(Answer(ask=frame.ask, error=str(error)))
            return
        self._send(Answer(ask=frame.ask, value=value))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._asks.add(task)
        task.add_done_callback(self._asks.discard)
