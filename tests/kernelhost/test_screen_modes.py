"""Modes of a terminal's screen (HO97)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.kernelhost.screen_modes import ScreenModes


@pytest.mark.parametrize(
    ("output", "sequences"),
    [
        (b"plain \x1b[31mred\x1b[0m", b""),
        (b"\x1b[?1h\x1b=\x1b[?1049h", b"\x1b[?1049h\x1b[?1h\x1b="),
        (b"\x1b[?1000;1006h\x1b[?1000l", b"\x1b[?1006h"),
        (b"\x1b[?25l\x1b[?7l\x1b[?7h", b"\x1b[?25l"),
        (b"\x1b[?1049h\x1b[?25l\x1bc", b""),
        (b"\x1b[?1h\x1b=\x1b>\x1b[!p", b""),
        (b"\x1b[?2026h\x1b[?12345678h\x1b[?;h", b""),
    ],
)
def test_ho97_what_a_fresh_screen_must_be_told(output: bytes, sequences: bytes) -> None:
    modes = ScreenModes()
    modes.feed(output)
    assert modes.sequences() == sequences


@given(st.lists(st.integers(0, 40), max_size=6))
def test_ho97_sequences_may_be_cut_anywhere(cuts: list[int]) -> None:
    output = b"a\x1b[?1049hb\x1b[?1;2004h\x1b=c\x1b[?25l"
    whole, pieces = ScreenModes(), ScreenModes()
    whole.feed(output)
    places = sorted({0, len(output), *(cut for cut in cuts if cut < len(output))})
    for start, end in itertools.pairwise(places):
        pieces.feed(output[start:end])
    assert pieces.sequences() == whole.sequences() != b""
