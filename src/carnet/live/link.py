"""One browser tab's end of the link, in the server: frames in, frames out, any transport.

Knows nothing of WebSocket (invariant 10): a transport gives it bytes and a
`send`. Rules LK1 to LK19: docs/specs/link.md.
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
    Bye,
    Follow,
    Hello,
    Intend,
    Ping,
    Pong,
    Problem,
    Question,
    Refused,
    Seen,
    ToBrowser,
    ToServer,
    Unfollow,
    Welcome,
)
from carnet.errors import CarnetError, PeerError
from carnet.ids import ClientId
from carnet.live.follower import Follower
from carnet.live.registry import Registry
from carnet.live.session import Session

log = logging.getLogger("carnet.link")

_decoder = msgspec.msgpack.Decoder(ToServer)
_encoder = msgspec.msgpack.Encoder()

ASKS_LIMIT = 16
"""Open questions of one tab; more are answered at once with an error."""


class LinkPeer:
    """The server's side of one link. `receive` must be called in order, one frame at a time."""

    def __init__(
        self,
        registry: Registry,
        *,
        user: str,
        writable: bool,
        send: Callable[[bytes], None],
        buffered_bytes: Callable[[], int] = lambda: 0,
        forbids: Callable[[IntentBody | Question], str] = lambda _: "",
    ) -> None:
        """Args:
        buffered_bytes: what the transport was given and has not sent yet; frames wait while it is much.
        forbids: why this login may not do that, as a sentence; empty: it may.
        """
        self._forbids = forbids
        self._buffered_bytes = buffered_bytes
        self._registry = registry
        self._user = user
        self._writable = writable
        self._send_bytes = send
        self._client_id: ClientId | None = None
        self._followers: dict[int, Follower] = {}
        self._asks: set[asyncio.Task[None]] = set()
        self._left = False

    async def receive(self, frame: bytes) -> None:
        """Handle one frame.

        Raises:
            PeerError: it is not a frame of this protocol; the transport should close.
        """
        try:
            message = _decoder.decode(frame)
        except msgspec.MsgspecError as error:
            raise PeerError(f"not a link frame: {error}") from error
        if self._client_id is None and not isinstance(message, Hello | Ping):
            raise PeerError("the first frame of a link must be hello")
        match message:
            case Hello():
                self._hello(message)
            case Follow():
                await self._follow(message)
            case Unfollow(follow=follow):
                follower = self._followers.pop(follow, None)
                if follower is not None:
                    follower.leave()
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
        """Say that the server ends this link on purpose."""
        self._send(Bye(reason=reason, retry_ms=retry_ms))

    def leave(self) -> None:
        """The transport is gone. The tab may come back on another one."""
        self._left = True
        for follower in self._followers.values():
            follower.leave()
        self._followers.clear()
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
        previous = self._followers.pop(frame.follow, None)
        if previous is not None:
            previous.leave()
        try:
            path = self._registry.normalise(frame.path)
            session = await self._registry.open(path)
        except CarnetError as error:
            self._send(Problem(follow=frame.follow, status=error.status, message=str(error)))
            return
        except Exception:
            # A fault in opening one notebook must not end the link of a tab with others.
            log.exception("a notebook could not be opened")
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
