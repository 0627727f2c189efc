"""Rules TX1 to TX10 (docs/specs/text.md), against CodeMirror's own answers and against their laws."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.core.text.changes import ChangeJson, ChangeSet, diff, utf16_length
from carnet.errors import InvalidChange


class Case(TypedDict):
    """One case of tests/vectors/text.json; tools/make_text_vectors.mjs says what each field is."""

    doc: str
    a: ChangeJson
    b: ChangeJson
    then: ChangeJson
    after_a: str
    after_b: str
    after_both: str
    after_then: str
    b_map_a: ChangeJson
    a_map_b_before: ChangeJson
    a_map_b: ChangeJson
    b_map_a_before: ChangeJson
    a_compose_then: ChangeJson
    a_compose_b_map_a: ChangeJson
    a_invert: ChangeJson
    positions: list[tuple[int, int, int]]


VECTORS = Path(__file__).parents[2] / "vectors" / "text.json"
CASES: list[Case] = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]

PIECES = ["a", "b", "x = 1", "\n", " ", "é", "中", "😀", "\r", "\u2028", "\x0c", "foo(bar)\n"]
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


edits = st.lists(st.tuples(st.integers(0, 4), st.none() | texts), max_size=6)


@st.composite
def changes(draw: st.DrawFn, text: str) -> ChangeSet:
    """A change to `text` that cuts no surrogate pair, sections in any arrangement that a client may send."""
    sections: ChangeJson = []
    position = 0
    for characters, inserted in draw(edits):
        end = min(len(text), position + characters)
        length = utf16_length(text[position:end])
        sections.append(length if inserted is None else [length, *inserted.split("\n")])
        position = end
    return ChangeSet.from_json([*sections, utf16_length(text[position:])])


@st.composite
def change_pairs(draw: st.DrawFn) -> tuple[str, ChangeSet, ChangeSet]:
    text = draw(texts)
    return text, draw(changes(text)), draw(changes(text))


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_tx5_gives_what_codemirror_gives(case: Case) -> None:
    a, b, then = (ChangeSet.from_json(sections) for sections in (case["a"], case["b"], case["then"]))
    doc = case["doc"]

    assert [change.to_json() for change in (a, b, then)] == [case["a"], case["b"], case["then"]]
    assert a.apply(doc) == case["after_a"]
    assert b.apply(doc) == case["after_b"]
    assert (a.old_length, a.new_length) == (utf16_length(doc), utf16_length(case["after_a"]))
    assert b.map(a).to_json() == case["b_map_a"]
    assert b.map(a).apply(case["after_a"]) == case["after_both"]
    assert a.map(b, before=True).to_json() == case["a_map_b_before"]
    assert a.map(b).to_json() == case["a_map_b"]
    assert b.map(a, before=True).to_json() == case["b_map_a_before"]
    assert a.compose(then).to_json() == case["a_compose_then"]
    assert a.compose(then).apply(doc) == case["after_then"]
    assert a.compose(b.map(a)).to_json() == case["a_compose_b_map_a"]
    assert a.invert(doc).to_json() == case["a_invert"]
    for position, before, after in case["positions"]:
        assert a.map_position(position) == before
        assert a.map_position(position, assoc=1) == after


def test_tx1_wire_form_is_codemirrors() -> None:
    change = ChangeSet.from_json([3, [2], 1, [0, "one", "two"], [4, "x"]])

    assert change.apply("abcDEfGHIJ") == "abcfone\ntwox"
    assert change.to_json() == [3, [2], 1, [0, "one", "two"], [4, "x"]]
    assert list(change.replaced()) == [(3, 5, ""), (6, 6, "one\ntwo"), (6, 10, "x")]


def test_tx2_sections_that_do_nothing_are_left_out() -> None:
    assert ChangeSet.from_json([0, 2, [0], 3, [0, ""], [1, ""], 0]).to_json() == [5, [1]]
    assert ChangeSet.from_json([]).is_empty
    assert ChangeSet.from_json([7]).is_empty
    assert not ChangeSet.from_json([7, [1]]).is_empty


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"0": 1}, "a change must be a list of sections, not dict"),
        ([-1], "section 0 of the change: -1 is not a length"),
        ([1, True], "section 1 of the change: True is not a length"),
        ([1.0], "section 0 of the change: 1.0 is not a length"),
        ([[]], r"section 0 of the change: \[\] is not a length"),
        ([["a"]], "section 0 of the change: 'a' is not a length"),
        ([2, [0, "a", 1]], "section 1 of the change: 1 is not one line of text"),
        ([[0, "a\nb"]], r"section 0 of the change: 'a\\nb' is not one line of text"),
        ([[0, "\ud83d"]], "section 0 of the change: the text holds half a surrogate pair at character 0"),
    ],
)
def test_tx2_other_forms_are_refused(sections: ChangeJson, says: str) -> None:
    with pytest.raises(InvalidChange, match=rf"^{says}"):
        ChangeSet.from_json(sections)


def test_tx3_only_a_line_feed_separates_lines() -> None:
    text = "a\r\nb\u2028c\x0cd"
    change = ChangeSet.from_json([utf16_length(text), [0, "\r", "\u2028"]])

    assert change.apply(text) == text + "\r\n\u2028"
    assert diff(text, text + "\r\n\u2028").apply(text) == text + "\r\n\u2028"


def test_tx4_offsets_are_utf16_units() -> None:
    assert utf16_length("a中😀") == 4
    assert ChangeSet.from_json([3, [1]]).apply("中😀a") == "中😀"
    assert ChangeSet.from_json([1, [1, "é"]]).apply("中a") == "中é"


@pytest.mark.parametrize(
    "act",
    [
        lambda: ChangeSet.from_json([1, [0, "x"], 1]).apply("😀"),
        lambda: ChangeSet.from_json([[1], 1]).apply("😀"),
        lambda: ChangeSet.from_json([[1, "x"], 1]).invert("😀"),
        lambda: ChangeSet.from_json([[0, "😀"]]).compose(ChangeSet.from_json([1, [1]])),
    ],
)
def test_tx4_a_surrogate_pair_is_never_cut(act: Callable[[], object]) -> None:
    with pytest.raises(InvalidChange, match=r"^the change cuts a surrogate pair between unit"):
        act()


def test_tx4_half_a_pair_is_no_text() -> None:
    with pytest.raises(InvalidChange, match=r"^the text holds half a surrogate pair at character 1$"):
        ChangeSet.from_json([2]).apply("a\ud83d")


def test_tx4_a_text_of_another_length_is_refused() -> None:
    change = ChangeSet.from_json([3, [0, "x"]])

    with pytest.raises(InvalidChange, match=r"^the change is for a text of 3 units, this one has 4$"):
        change.apply("a中😀")
    with pytest.raises(InvalidChange, match=r"^the change is for a text of 3 units, this one has 2$"):
        change.invert("ab")


def test_tx5_changes_that_do_not_meet_are_refused() -> None:
    with pytest.raises(InvalidChange, match=r"^cannot map a change for 1 units over one for 2"):
        ChangeSet.from_json([1]).map(ChangeSet.from_json([2]))
    with pytest.raises(
        InvalidChange, match=r"^cannot compose: the first change ends with 0 units, the second"
    ):
        ChangeSet.from_json([[1]]).compose(ChangeSet.from_json([1]))


def test_tx5_empty_changes_give_the_other_back() -> None:
    nothing, something = ChangeSet.from_json([2]), ChangeSet.from_json([[2, "x"]])

    assert something.map(nothing) is something
    assert nothing.compose(something) is something
    assert something.compose(ChangeSet.from_json([1])) is something


@pytest.mark.slow
@given(change_pairs())
def test_tx6_two_editors_converge(pair: tuple[str, ChangeSet, ChangeSet]) -> None:
    text, a, b = pair

    assert a.compose(b.map(a)).apply(text) == b.compose(a.map(b, before=True)).apply(text)


@pytest.mark.slow
@given(st.data())
def test_tx7_composing_is_applying_one_after_the_other(data: st.DataObject) -> None:
    text = data.draw(texts)
    first = data.draw(changes(text))
    second = data.draw(changes(first.apply(text)))

    both = first.compose(second)

    assert both.apply(text) == second.apply(first.apply(text))
    assert (both.old_length, both.new_length) == (first.old_length, second.new_length)


@pytest.mark.slow
@given(change_pairs())
def test_tx8_inverting_undoes(pair: tuple[str, ChangeSet, ChangeSet]) -> None:
    text, change, _ = pair

    assert change.invert(text).apply(change.apply(text)) == text


@pytest.mark.slow
@given(change_pairs())
def test_tx1_json_round_trip(pair: tuple[str, ChangeSet, ChangeSet]) -> None:
    _, change, _ = pair

    assert ChangeSet.from_json(change.to_json()) == change
    assert ChangeSet.from_json(json.loads(json.dumps(change.to_json()))) == change


@pytest.mark.parametrize(
    ("position", "assoc", "expected"), [(0, 1, 0), (2, -1, 2), (2, 1, 4), (3, -1, 4), (3, 1, 4), (5, 1, 6)]
)
def test_tx8_positions_move_with_their_text(position: int, assoc: int, expected: int) -> None:
    change = ChangeSet.from_json([2, [0, "xx"], [1], 2])

    assert change.map_position(position, assoc) == expected


@pytest.mark.parametrize("position", [-1, 4])
def test_tx8_a_position_outside_is_refused(position: int) -> None:
    with pytest.raises(InvalidChange, match=rf"^position {position} is outside a text of 3 units$"):
        ChangeSet.from_json([3]).map_position(position)


@pytest.mark.slow
@given(texts, texts)
def test_tx9_a_diff_turns_old_into_new(old: str, new: str) -> None:
    assert diff(old, new).apply(old) == new


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("same\n", "same\n", [5]),
        ("", "a\nb", [[0, "a", "b"]]),
        ("a\nb", "", [[3]]),
        ("print(1)\nprint(2)\n", "print(1)\nprint(3)\n", [15, [1, "3"], 2]),
        ("a\nb\nc\n", "a\nnew\nb\nc\n", [2, [0, "new", ""], 4]),
        ("a = foo\nb\n", "a = food\nb\n", [7, [0, "d"], 3]),
        ("x = '😀'\n", "x = '😁'\n", [5, [2, "😁"], 2]),
        ("a\nb\nc", "c\nb\na", [[1, "c"], 3, [1, "a"]]),
    ],
)
def test_tx9_a_diff_is_small(old: str, new: str, expected: ChangeJson) -> None:
    assert diff(old, new).to_json() == expected


def test_tx9_a_large_text_is_cut_at_its_unique_lines() -> None:
    old = [f"line {n}\n" for n in range(3000)]
    new = old.copy()
    new[100] = "changed\n"
    new[1500:1510] = []
    new.insert(2500, "inserted\n")
    # Lines that both sides repeat are no anchors, and must not confuse those that are.
    old[2000:2000] = new[1990:1990] = ["again\n"] * 3

    change = diff("".join(old), "".join(new))

    assert change.apply("".join(old)) == "".join(new)
    assert [text for _, _, text in change.replaced()] == ["changed", "", "inserted\n"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["a\n", "b\n"] * 200, ["b\n", "b\n", "c\n"] * 150),
        ([f"{n}\n" for n in range(400)], [f"{n}\n" for n in reversed(range(400))]),
        ([f"{n}\n" for n in range(300)], [f"{n}x\n" for n in range(300)]),
        ([f"{n}\n" for n in range(300)] * 2, [f"{n}\n" for n in range(1, 301)]),
    ],
    ids=["nothing stands once", "turned round", "nothing in common", "twice in old"],
)
def test_tx9_a_large_block_without_anchors_is_replaced(old: list[str], new: list[str]) -> None:
    change = diff("".join(old), "".join(new))

    assert change.apply("".join(old)) == "".join(new)


@pytest.mark.slow
def test_tx10_cuts_are_counted() -> None:
    """Each cut makes tokens unique that were not; after some cuts, what is left is replaced whole."""

    def nested(levels: int, filler: list[str]) -> list[str]:
        lines = filler
        for level in range(levels):
            lines = [*lines, f"only once at level {level}\n", *lines]
        return lines

    old = "".join(nested(10, ["a\n", "b\n"] * 30))
    new = "".join(nested(10, ["b\n", "a\n"] * 30))

    assert diff(old, new).apply(old) == new
