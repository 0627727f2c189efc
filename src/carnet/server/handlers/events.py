"""`/api/events`: what clients' parts tell each other, through the server. Rule JA2: docs/specs/jupyter-api.md."""

import json
from typing import Final

from carnet.errors import PeerError
from carnet.server.handlers.base import Handler
from carnet.server.handlers.socket import Socket
from carnet.server.times import iso_time

WAITING_LIMIT_BYTES: Final = 4 << 20
"""Of events for one who does not read."""

TOO_SLOW: Final = 4408

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
        try:
            said = json.dumps(event, allow_nan=False)
        except ValueError:
            raise PeerError("data: it holds NaN or an infinity, which JSON does not have.") from None
        (await self.workbench()).events.tell(said)
        self.answer_nothing()


class EventSocket(Socket):
    """Hear events, over a WebSocket. Nothing is said here: events are posted."""

    async def ready(self) -> None:
        """Have the bus at hand."""
        self.bus = (await self.workbench()).events

    async def opened(self) -> None:
        """Begin to hear."""
        self.bus.hear(self._tell)

    def left(self) -> None:
        """Hear no more."""
        self.bus.forget(self._tell)

    def _tell(self, event: str) -> None:
        if self.buffered_bytes > WAITING_LIMIT_BYTES:
            # Events are not kept (JA2): who does not read has missed them.
            self.bus.forget(self._tell)
            self.close(TOO_SLOW, "too slow: events were missed")
            return
        self.post(event)
