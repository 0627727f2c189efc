"""Carry link frames in ordinary requests: streamed, or fetched in turns. Rules HL1 to HL13: docs/specs/link-http.md."""

import asyncio
import zlib
from typing import Final, cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from carnet.errors import PeerError, TooMuch
from carnet.ids import new_id
from carnet.server.carriers import (
    HEARTBEAT,
    Carrier,
    CarrierGone,
    Reading,
    packed,
)
from carnet.server.handlers.base import Handler
from carnet.server.link_peer import is_far, make_peer, place_of
from carnet.server.shares import Holder, Thing, holder_of

ID_LENGTH: Final = 32
"""165 bits."""

BEAT_S: Final = 10.0
"""A line that is quiet so long gets a sign of life: below the 15 s after which hasty proxies cut."""

PIECE_BYTES: Final = 256 << 10
"""Written to a stream before its socket is waited for."""

POLL_BYTES: Final = 1 << 20
"""In one answer, about."""

#: As for WebSockets: fast, and little memory for each tab. The bits ask for gzip's form.
GZIP_LEVEL, GZIP_BITS, GZIP_MEMORY = 1, 31, 5

NUMBER_LIMIT: Final = 1 << 53

GONE: Final = "This link has ended; the page makes a new one."


class _Carried(Handler):
    def carrier(self, carrier_id: str) -> Carrier:
        """Return the carrier, if it is of who asks."""
        carrier = self.services.carriers.get(carrier_id)
        if carrier is None or carrier.holder != self.holder():
            raise CarrierGone(GONE)
        carrier.heard_s = self.services.clock.monotonic_s()
        return carrier

    def holder(self) -> Holder:
        """Return who asks."""
        return holder_of(self.identity, self.request.remote_ip or "")

    def number(self, name: str) -> int:
        """Return a number of the query."""
        text = self.get_query_argument(name, "")
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else NUMBER_LIMIT
        if number >= NUMBER_LIMIT:
            raise PeerError(f"{name}: a number is wanted.")
        return number


class Carriers(_Carried):
    """Where a link over HTTP begins."""

    async def post(self) -> None:
        """Open a carrier, and say its id."""
        services = self.services
        bench = await self.workbench()
        place, memory = (
            services.shares.lease(self.identity, self.request.remote_ip or "", thing)
            for thing in (Thing.LINKS, Thing.MEMORY)
        )
        place.hold(1)
        carrier = Carrier(
            new_id(ID_LENGTH),
            self.holder(),
            services.clock.monotonic_s(),
            services.drop_carrier,
            memory,
            place,
        )
        carrier.peer = make_peer(
            bench,
            self.identity,
            send=carrier.give,
            buffered_bytes=carrier.kept_bytes,
            take_place=lambda: place_of(self),
        )
        services.carriers[carrier.carrier_id] = carrier
        services.links.add(carrier)
        self.answer({"id": carrier.carrier_id}, 201)


class OneCarrier(_Carried):
    """What goes up, and the end."""

    async def post(self, carrier_id: str) -> None:
        """Take the frames of one request."""
        carrier = self.carrier(carrier_id)
        self.services.last_activity_ms = self.services.clock.now_ms()
        try:
            carrier.seen(self.number("has"))
            await carrier.take(self.number("number"), self.request.body)
        except (PeerError, TooMuch):
            carrier.end()
            raise
        self.answer_nothing()

    def delete(self, carrier_id: str) -> None:
        """The page leaves."""
        self.carrier(carrier_id).end()
        self.answer_nothing()


class _Down(_Carried):
    reading: Reading | None = None
    read_from: Carrier
    zipper: "zlib._Compress | None" = None
    """Compresses, where it pays."""

    def cut_off(self) -> None:
        """Not at once: its link says goodbye, which ends it (HL11)."""

    def on_connection_close(self) -> None:
        """Nobody waits for it any more."""
        if self.reading is None:
            return
        if not self.reading.is_over:
            self.read_from.left(self.services.clock.monotonic_s())
        self.reading.end()

    async def news(self, reading: Reading) -> None:
        """Wait for more to send, for the end, or for the time of a sign of life."""
        reading.news.clear()
        try:
            async with asyncio.timeout(BEAT_S):
                await reading.news.wait()
        except TimeoutError:
            pass

    def begin(self, carrier: Carrier, number: int) -> Reading:
        """Take the place of who reads now; and tell what is in between to pass on what comes, as it is."""
        self.reading, self.read_from = carrier.read(number), carrier
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Cache-Control", "no-store, no-transform")
        self.set_header("X-Accel-Buffering", "no")
        if "gzip" in self.request.headers.get("Accept-Encoding", "") and is_far(self.request):
            self.set_header("Content-Encoding", "gzip")
            self.zipper = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_BITS, GZIP_MEMORY)
        return self.reading

    def zipped(self, data: bytes, how: int = zlib.Z_SYNC_FLUSH) -> bytes:
        """Return what goes over the line for this, all of it."""
        return data if self.zipper is None else self.zipper.compress(data) + self.zipper.flush(how)


class Stream(_Down):
    """What goes down, in a response without an end."""

    async def get(self, carrier_id: str) -> None:
        """Write each frame as it comes."""
        carrier, number = self.carrier(carrier_id), self.number("after")
        reading = self.begin(carrier, number)
        connection = cast("HTTP1Connection", self.request.connection)
        connection.stream.set_nodelay(True)
        is_old = self.request.version == "HTTP/1.0"
        if is_old:
            self.set_header("Connection", "close")
        self.write(self.zipped(HEARTBEAT))
        try:
            while True:
                await self.flush()
                frames = carrier.after(number, PIECE_BYTES)
                if frames:
                    number += len(frames)
                    self.write(self.zipped(packed(frames)))
                    continue
                if reading.is_over:
                    break
                await self.news(reading)
                if not reading.news.is_set():
                    self.write(self.zipped(HEARTBEAT))
            await self.finish(self.zipped(b"", zlib.Z_FINISH))
            if is_old:  # without chunks, only the end of the connection says that this is the end
                connection.stream.close()
        except StreamClosedError:
            reading.end()  # the page reads again, elsewhere


class Poll(_Down):
    """What goes down, in responses that end as soon as there is something."""

    async def get(self, carrier_id: str) -> None:
        """Answer with what there is, or wait a while for it."""
        carrier, number = self.carrier(carrier_id), self.number("after")
        reading = self.begin(carrier, number)
        if not carrier.after(number, 1) and not reading.is_over and self.number("hold"):
            await self.news(reading)
        frames = carrier.after(number, POLL_BYTES)
        self.finish(self.zipped(packed(frames) or HEARTBEAT, zlib.Z_FINISH))
