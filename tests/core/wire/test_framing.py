"""Frames on the host's socket (HO2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.core.wire.framing import FrameBuffer, framed
from carnet.errors import PeerError


@given(st.lists(st.binary(max_size=300)), st.integers(min_value=1, max_value=50))
def test_ho2_frames_come_out_whole_however_they_are_cut(payloads: list[bytes], piece: int) -> None:
    stream = b"".join(framed(payload) for payload in payloads)
    buffer = FrameBuffer()
    found: list[bytes] = []
    for at in range(0, len(stream), piece):
        found += buffer.feed(stream[at : at + piece])
    assert found == payloads


def test_ho2_a_frame_over_the_limit_ends_the_connection() -> None:
    with pytest.raises(PeerError, match="frame of 11 bytes; the limit is 10"):
        FrameBuffer(limit_bytes=10).feed(framed(b"x" * 11))
