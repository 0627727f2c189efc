"""Carry link frames between one browser tab and the sessions it follows, over WebSocket.

It knows nothing of the frames (invariant 10). Who may open it was decided at
the front door. Rules WS1 to WS6: docs/specs/link-websocket.md.
"""

import logging
import re
from typing import Any, Final

from carnet.errors import PeerError
from carnet.live.link import LinkPeer
from carnet.server.handlers.socket import Socket
from carnet.server.link_peer import is_far, make_peer, place_of

log = logging.getLogger("carnet.link")


#: What browsers offer, and others that keep to RFC 7692.
_OFFER: Final = re.compile(
    r"permessage-deflate(?:\s*;\s*(?:(?:client|server)_no_context_takeover|"
    r"client_max_window_bits(?:=(?:9|1[0-5]))?|server_max_window_bits=(?:9|1[0-5])))*"
)


class LinkSocket(Socket):
    """One tab's link."""

    peer: LinkPeer | None = None

    async def ready(self) -> None:
        """Have everything open before the socket is."""
        bench = await self.workbench()
        self.peer = make_peer(
            bench,
            self.identity,
            send=self.post,
            buffered_bytes=lambda: self.buffered_bytes,
            take_place=lambda: place_of(self),
        )

    def get_compression_options(self) -> dict[str, Any] | None:
        """Compress for who is far away, quickly and with little memory for each tab.

        Measured: 3 to 4 µs for a small frame, so there is no size below which it is not worth it; level 1 takes half
        the time of level 3 for a large one, and comes out 3 % larger.
        """
        offered = self.request.headers.get("Sec-WebSocket-Extensions", "")
        # Tornado fails at what it does not understand.
        self.is_compressed = is_far(self.request) and _OFFER.fullmatch(offered) is not None
        if not self.is_compressed:
            return None
        return {"compression_level": 1, "mem_level": 5}

    async def receive(self, message: str | bytes) -> None:
        """Hand one frame to the peer."""
        peer = self.peer
        if peer is None:
            return
        try:
            if isinstance(message, str):
                raise PeerError("link frames are binary")
            await peer.receive(message)
        except PeerError as error:
            log.info("link closed: %s", error)
            self.close(1002, "protocol error")

    def left(self) -> None:
        """The tab may come back on another link."""
        if self.peer is not None:
            self.peer.leave()
            self.peer = None

    def say_goodbye(self, reason: str, *, retry_ms: int) -> None:
        """End the link on purpose, and say when to come back (-1: not)."""
        if self.peer is not None:
            self.peer.bye(reason, retry_ms=retry_ms)
        self.close(1001, "goodbye")
