"""Rules NB10 to NB12 (docs/specs/notebook.md): a stream is what a terminal would show."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.core.notebook.terminal_text import AT_END, shortened, write

RED, RESET = "\x1b[31m", "\x1b[0m"


def show(*pieces: str) -> str:
    text, column = "", AT_END
    for piece in pieces:
        text, column = write(text, column, piece)
    return text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\nb\n", "a\nb\n"),
        ("a\r\nb", "a\nb"),
        ("a\r\r\nb", "a\nb"),
        ("10%\r20%", "20%"),
        ("100%\r5", "500%"),
        ("long\rme\n", "meng\n"),
        ("one\ntwo\rTW", "one\nTWo"),
        ("ab\bc", "ac"),
        ("ab\b\b\b\bc", "cb"),
        ("\b\rx", "x"),
        ("abc\r\x1b[Kd", "d"),
        ("abc\b\x1b[0Kd", "abd"),
        ("abc\r\x1b[2Kd", "d"),
        ("abc\x1b[2K", "   "),
        ("abc\b\x1b[1Kd", "  d"),
        ("abc\x1b[1K", "   "),
        ("中文\r英", "英文"),
        ("a\tb\x07\x0c", "a\tb\x07\x0c"),
    ],
)
def test_nb10_the_last_line_is_written_over(written: str, shown: str) -> None:
    assert show(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"{RED}red{RESET} plain", f"{RED}red{RESET} plain"),
        # The style that stood before an overwritten character comes after it: the others keep theirs.
        (f"{RED}red{RESET}\rX", f"X{RED}ed{RESET}"),
        (f"{RED}red{RESET}\rall new", f"all{RED}{RESET} new"),
        (f"{RED}abc{RESET}\b\bX", f"{RED}aXc{RESET}"),
        # What is written over does not pile up: a reset ends what came before, and of equal styles one is enough.
        (f"{RED}a{RESET}b{RED}c{RESET}d\rxyz!", f"xyz!{RESET}"),
        (f"{RED}a{RED}b{RED}c!\rxyz", f"xyz{RED}!"),
        (f"{RED}abc{RESET}\r\x1b[Kd", f"{RED}{RESET}d".replace(RED, "")),
        (f"a{RED}b{RESET}c\x1b[1K", f" {RED} {RESET} "),
        (f"{RED}\rx", f"{RED}x"),
        (f"{RED}ab\b\b\bx", f"x{RED}b"),
        (f"ab\r{RED}\x1b[1Kx", f"{RED}xb"),
        # Other sequences are kept, and go with the character that they stand before.
        ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "\x1b]8;;http://x\x07link\x1b]8;;\x1b\\"),
        ("\x1b[?25la\x1b(Bb\x1b7c\rxyz", "xyz"),
        ("a\x1b[3Kb\x1b[?Kc", "a\x1b[3Kb\x1b[?Kc"),
    ],
)
def test_nb11_escape_sequences_have_no_width(written: str, shown: str) -> None:
    assert show(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\x1bé", "a␛é"),
        ("\x1b\x1b[0m", f"␛{RESET}"),
        ("\x1b[\n1m", "␛[\n1m"),
        ("\x1b]" + "x" * 3000, "␛]" + "x" * 3000),
        # Unfinished: it waits for its rest.
        ("a\x1b", "a\x1b"),
        ("a\x1b[3", "a\x1b[3"),
        ("a\x1b]8;;x\x1b", "a\x1b]8;;x\x1b"),
        ("abc\r\x1b[", "\x1b[abc"),
    ],
)
def test_nb11_a_stray_escape_is_shown(written: str, shown: str) -> None:
    assert show(written) == shown


def test_nb12_an_unfinished_sequence_waits_at_the_cursor() -> None:
    assert write("", AT_END, "abc\r\x1b[") == ("\x1b[abc", 2)
    assert write("\x1b[abc", 2, "31mX") == (f"{RED}Xbc", 6)
    assert write(f"{RED}Xbc", 6, "YZ") == (f"{RED}XYZ", AT_END)


def test_nb12_the_cursor_survives_in_the_column() -> None:
    assert write("done\nhalf", AT_END, "\r") == ("done\nhalf", 0)
    assert write("done\nhalf", 0, "c") == ("done\ncalf", 1)
    assert write("done\ncalf", 1, "\n") == ("done\ncalf\n", AT_END)


PIECES = [
    "a",
    "bc",
    "\n",
    "\r",
    "\r\n",
    "\b",
    "\x1b",
    "[",
    "]",
    "K",
    "m",
    "\x1b[K",
    "\x1b[1K",
    "\x1b[2K",
    RED,
    RESET,
]
PIECES += [
    "\x1b[1;32m",
    "\x1b[m",
    "\x1b]8;;u\x07",
    "\x1b]0;t\x1b\\",
    "\\",
    "\x07",
    "é",
    "😀",
    "\x1b[?25l",
    "0",
    ";",
    "(",
]
written = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@pytest.mark.slow
@given(written, st.lists(st.integers(0, 60), max_size=5))
def test_nb12_any_pieces_give_the_same(text: str, cuts: list[int]) -> None:
    offsets = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in pairwise(offsets)]

    assert show(*pieces) == show(text)
    assert show(*text) == show(text)


@given(written, written)
def test_nb10_finished_lines_are_never_touched(first: str, second: str) -> None:
    text, column = write("", AT_END, first)
    finished = text[: text.rfind("\n") + 1]

    assert write(text, column, second)[0].startswith(finished)


def test_nb10_redrawing_does_not_grow() -> None:
    frames = [f"\r\x1b[2K\x1b[?25l{RED}{'#' * (n % 10)}{RESET}{n:4d}\x1b[K" for n in range(500)]

    assert len(show(*frames)) < 100


@pytest.mark.slow
@given(written, written, written)
def test_nb12_a_shortened_text_does_the_same(before: str, text: str, after: str) -> None:
    assert show(before, shortened(text), after) == show(before, text, after)


def test_nb12_steps_that_are_written_over_are_left_out() -> None:
    steps = "".join(f"\r{n:3d} %" for n in range(101))

    assert shortened("a" + steps + "\ndone") == "a\r100 %\ndone"
    assert shortened("\rlong\rme") == "\rlong\rme"
