"""Pieces are put together as they are."""

from carnet.live.whole import STEP_BYTES, whole


def test_the_whole_is_the_pieces_in_order() -> None:
    pieces = [b"", b"a", bytes(range(256)) * (STEP_BYTES // 100), b"", b"end"]
    found = whole(pieces)
    assert type(found) is bytes
    assert found == b"".join(pieces)
    assert whole([]) == b""
