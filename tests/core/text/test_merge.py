"""Two changes of one text (TX11, TX12)."""

from hypothesis import given
from hypothesis import strategies as st

from carnet.core.text.merge import BETWEEN, OURS, THEIRS, Merged, merge

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "dd\n", "\n"]), max_size=8).map("".join)


def test_tx11_what_only_one_side_changed_is_taken_from_it() -> None:
    base = "one\ntwo\nthree\nfour\n"

    assert merge(base, "ONE\ntwo\nthree\nfour\n", "one\ntwo\nthree\nfour\nfive\n") == Merged(
        "ONE\ntwo\nthree\nfour\nfive\n", 0
    )
    assert merge(base, "one\nthree\nfour\n", "zero\none\ntwo\nthree\nFOUR\n") == Merged(
        "zero\none\nthree\nFOUR\n", 0
    )


def test_tx11_lines_put_before_a_changed_line_are_no_conflict() -> None:
    assert merge("one\ntwo\n", "one\nTWO\n", "one\nbetween\ntwo\n") == Merged("one\nbetween\nTWO\n", 0)
    assert merge("one\ntwo\n", "one\nbetween\ntwo\n", "one\nTWO\n") == Merged("one\nbetween\nTWO\n", 0)


def test_tx11_what_both_changed_alike_is_taken_once() -> None:
    assert merge("one\ntwo\n2\n", "ONE\ntwo\n2\nthree\n", "ONE\ntwo\nII\n") == Merged(
        "ONE\ntwo\nII\nthree\n", 0
    )


def test_tx12_both_versions_of_the_same_lines_stay() -> None:
    assert merge("one\ntwo\n", "one\nours", "one\ntheirs\n") == Merged(
        f"one\n{OURS}ours\n{BETWEEN}theirs\n{THEIRS}", 1
    )
    assert merge("", "ours\n", "theirs\n") == Merged(f"{OURS}ours\n{BETWEEN}theirs\n{THEIRS}", 1)
    assert merge("one\n", "ONE\n", "") == Merged(f"{OURS}ONE\n{BETWEEN}{THEIRS}", 1)


@given(TEXTS, TEXTS)
def test_tx11_one_side_that_changed_nothing_takes_the_other(base: str, other: str) -> None:
    assert (
        merge(base, base, other) == merge(base, other, base) == merge(base, other, other) == Merged(other, 0)
    )


@given(TEXTS, TEXTS, TEXTS)
def test_tx12_no_line_that_a_side_brought_is_lost(base: str, ours: str, theirs: str) -> None:
    merged, _ = merge(base, ours, theirs)

    for side in (ours, theirs):
        for line in set(side.split("\n")) - set(base.split("\n")):
            assert line in merged.split("\n")
