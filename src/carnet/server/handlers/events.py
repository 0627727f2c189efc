"""`/api/events`: what clients' parts tell each other, through the server. Rule JA2: docs/specs/jupyter-api.md."""

import asyncio
import json
import logging

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from carnet.server.handlers.base import Handler
from carnet.server.times import iso_time

log = logging.getLogger("carnet.server")

_KEYS = ("schema_id", "version", "data")


class Events(Handler):
    """Send an event to all who hear."""

    async def post(self) -> None:
        """Hand one event to every subscriber."""
        body = self.json_body()
        missing = next((key for key in _KEYS if key not in body), None)
        if (
            missing is not None
            or not isinstance(body["data"], dict)
            or not isinstance(body["schema_id"], str)
        ):
            self.refuse(400, "request", f"{missing or 'data'}: an event has schema_id, version and data.")
            return
        event = {
            "schema_id": body["schema_id"],
            **body["data"],
            "__timestamp__": iso_time(self.services.clock.now_ms()),
            "__schema__": body["schema_id"],
            "__schema_version__": str(body["version"]),
            "__metadata_version__": 1,
        }
        (await self.workbench()).events.tell(json.dumps(event))
        self.answer_nothing()


class EventSocket(Handler, WebSocketHandler):
    """Hear events, over a WebSocket."""

    login_id: str | None = None
    token_id: str = ""

    async def prepare(self) -> None:
        """Have the bus at hand."""
        self.login_id = self.identity.login.login_id if self.identity.login else None
        self.token_id = self.identity.token_id
        self.bus = (await self.workbench()).events

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002  Tornado's signature
        """Yes: the gate has looked at it (rule AC4)."""
        return True

    def open(self, *_arguments: str) -> None:
        """Begin to hear."""
        self.services.links.add(self)
        self.bus.hear(self._send)

    def on_message(self, message: str | bytes) -> None:
        """Nothing is said here: events are posted."""

    def on_close(self) -> None:
        """Hear no more."""
        self.services.links.discard(self)
        self.bus.forget(self._send)

    def say_goodbye(self, reason: str, *, retry_ms: int) -> None:  # noqa: ARG002  as links have it
        """End the socket on purpose."""
        self.close(1001, reason)

    def _send(self, event: str) -> None:
        try:
            self.write_message(event).add_done_callback(_seen)
        except (WebSocketClosedError, StreamClosedError):
            pass  # `on_close` follows


def _seen(done: "asyncio.Future[None]") -> None:
    if not done.cancelled():
        done.exception()
