"""What a carrier does with a page that does not read, and with one that is gone."""

import asyncio
from typing import Any, cast

import pytest

from carnet.errors import PeerError
from carnet.live.link import LinkPeer
from carnet.server.carriers import FRAME_LIMIT_BYTES, KEPT_LIMIT_BYTES, Carrier, packed
from carnet.server.link_watch import LEFT_S, SILENT_S, end_silent_carriers
from carnet.server.services import Services
from carnet.server.shares import Holder
from carnet.testing.fake_clock import FakeClock

HOLDER = Holder("login", "ada", "one", "")


class Peer:
    """What a carrier asks of a peer."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.has_left = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def receive(self, frame: bytes) -> None:
        await self.gate.wait()
        self.received.append(frame)

    def bye(self, reason: str, *, retry_ms: int) -> None:
        pass

    def leave(self) -> None:
        self.has_left = True


def a_carrier() -> tuple[Carrier, Peer, list[Carrier]]:
    ended: list[Carrier] = []
    carrier = Carrier("id", HOLDER, 0.0, ended.append)
    peer = Peer()
    carrier.peer = cast("LinkPeer", peer)
    return carrier, peer, ended


def whole(*frames: bytes) -> bytes:
    return b"".join(b"\x00" + packed([frame]) for frame in frames)


def test_hl10_a_page_that_reads_nothing_is_let_go_with_bounded_memory() -> None:
    carrier, peer, ended = a_carrier()
    frame = bytes(1 << 20)
    for _ in range(20):
        carrier.give(frame)

    assert ended == [carrier]
    assert peer.has_left
    assert carrier.kept_bytes() <= KEPT_LIMIT_BYTES + len(frame)


def test_hl10_one_large_frame_still_passes() -> None:
    carrier, _, ended = a_carrier()
    carrier.give(bytes(3 * KEPT_LIMIT_BYTES))

    assert ended == []
    assert [len(frame) for frame in carrier.after(0, 1)] == [3 * KEPT_LIMIT_BYTES]


def test_hl6_what_the_page_has_is_forgotten() -> None:
    carrier, _, _ = a_carrier()
    for frame in (b"one", b"two", b"three"):
        carrier.give(frame)
    carrier.seen(2)

    assert carrier.kept_bytes() == 5
    assert carrier.after(2, 100) == [b"three"]
    carrier.seen(1)  # of a request that was late
    with pytest.raises(PeerError):
        carrier.seen(4)


async def test_hl4_a_request_waits_until_those_before_it_are_handled() -> None:
    carrier, peer, _ = a_carrier()
    peer.gate.clear()
    await carrier.take(1, whole(b"one"))
    second = asyncio.create_task(carrier.take(2, whole(b"two")))
    await asyncio.sleep(0)
    assert not second.done()
    peer.gate.set()
    await second
    await carrier.take(3, b"")

    assert peer.received == [b"one", b"two"]


async def test_hl2_a_frame_in_pieces_is_as_large_as_any_other_at_most() -> None:
    carrier, _, _ = a_carrier()
    piece = b"\x01" + packed([bytes(FRAME_LIMIT_BYTES // 2)])
    await carrier.take(1, piece)
    await carrier.take(2, piece)
    with pytest.raises(PeerError):
        await carrier.take(3, whole(b"x"))


def test_hl9_a_carrier_whose_page_is_silent_ends() -> None:
    carrier, _, ended = a_carrier()
    clock = FakeClock()
    carrier.heard_s = clock.monotonic_s()
    services: Any = type("Some", (), {"carriers": {"id": carrier}, "clock": clock})
    end_silent_carriers(cast("Services", services))
    assert ended == []
    clock.advance(SILENT_S + 1)
    end_silent_carriers(cast("Services", services))
    assert ended == [carrier]


def test_hl9_sooner_when_what_it_read_was_cut_unless_it_asks_again() -> None:
    clock = FakeClock()
    (gone, _, ended), (back, _, _) = a_carrier(), a_carrier()
    services: Any = type("Some", (), {"carriers": {"gone": gone, "back": back}, "clock": clock})
    for carrier in (gone, back):
        carrier.heard_s = clock.monotonic_s()
        carrier.left(clock.monotonic_s())
    clock.advance(LEFT_S / 2)
    back.heard_s = clock.monotonic_s()
    clock.advance(LEFT_S)
    end_silent_carriers(cast("Services", services))
    assert ended == [gone]
    assert not back.has_ended
