"""Updates are walked through before pycrdt sees them (CB20)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_ydoc import YNotebook
from pycrdt import Doc, Map

from carnet.collaboration import updates
from carnet.collaboration.updates import DEPTH_LIMIT, NESTING_LIMIT, check_update, clocks
from carnet.errors import PeerError


def notebook_update() -> bytes:
    notebook = YNotebook()
    values: list[Any] = [1, 2.5, -3, 2**60, None, True, False, "ä😀", {"b": []}]
    cell = {
        "id": "c1",
        "cell_type": "code",
        "source": "print('😀')",
        "metadata": {"a": values},
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "hi"}],
        "execution_count": 1,
    }
    notebook.set({"cells": [cell], "metadata": {"x": 1}, "nbformat": 4, "nbformat_minor": 5})
    del notebook.ycells[0]["source"][0:3]
    notebook.ycells[0]["metadata"]["bytes"] = b"\x00\x01"
    del notebook.ycells[0]["outputs"][0]
    return notebook.ydoc.get_update()


UPDATE = notebook_update()


def of_any(value: bytes) -> bytes:
    """An update that sets a key of a map to this encoded value."""
    return bytes([1, 1, 5, 0, 0x28, 1]) + b"\x04meta" + bytes([1]) + b"k" + bytes([1]) + value + b"\x00"


def update_of(structs: dict[int, list[bytes]]) -> bytes:
    """An update of these structs of each client, from clock 0."""
    parts = [varint(len(structs))]
    for client, own in structs.items():
        parts += [varint(len(own)), varint(client), b"\x00", *own]
    return b"".join([*parts, b"\x00"])


def map_in(client: int, clock: int) -> bytes:
    """A shared map that is a key of another one."""
    return b"\x27\x00" + varint(client) + varint(clock) + b"\x01k\x01"


MAP_IN_ROOT = b"\x27\x01\x04meta\x01x\x01"


def in_each_other(levels: int) -> bytes:
    return update_of({1: [MAP_IN_ROOT, *(map_in(1, clock) for clock in range(levels - 1))]})


def beside_letters(levels: int) -> bytes:
    """Each in the one before, though only letters say so: a type after a letter stands where the letter does."""
    structs = [MAP_IN_ROOT]
    for level in range(1, levels):
        structs.append(b"\x04\x00\x01" + varint(2 * level - 2) + b"\x01x")
        structs.append(b"\x87\x01" + varint(2 * level - 1) + b"\x01")
    return update_of({1: structs})


def from_client_to_client(levels: int) -> bytes:
    """Each in the one before, of two clients in turn."""
    own: dict[int, list[bytes]] = {1: [MAP_IN_ROOT], 2: []}
    for level in range(1, levels):
        own[1 + level % 2].append(map_in(2 - level % 2, (level - 1) // 2))
    return update_of(own)


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def nested(depth: int) -> bytes:
    return b"\x75\x01" * depth + b"\x7e"


def test_cb20_what_pycrdt_writes_is_let_through() -> None:
    assert check_update(UPDATE).structs > 10
    assert check_update(UPDATE).types == 7
    assert check_update(b"\x00\x00") == (0, 0, {}, frozenset())


def test_cb20_how_far_an_update_goes_is_counted_as_yjs_counts() -> None:
    document: Doc[Any] = Doc()
    document.apply_update(UPDATE)
    have = clocks(document.get_state())

    assert check_update(UPDATE).ends == have
    assert not check_update(UPDATE).waits(have)
    assert check_update(UPDATE).waits({client: clock - 1 for client, clock in have.items()})
    assert check_update(UPDATE).waits({})


def test_cb20_values_as_deep_as_is_allowed_and_no_deeper() -> None:
    document: Doc[Any] = Doc()
    update = of_any(nested(DEPTH_LIMIT - 1))
    assert check_update(update) == (1, 0, {5: 1}, frozenset())
    document.apply_update(update)
    assert isinstance(document.get("meta", type=Map)["k"], list)

    for depth in (DEPTH_LIMIT, 100_000):
        with pytest.raises(PeerError, match="nested too deep"):
            check_update(of_any(nested(depth)))


def test_cb20_old_values_as_json_are_bounded_too() -> None:
    text = b"[" * 1000
    update = bytes([1, 1, 5, 0, 0x22, 1]) + b"\x04meta" + bytes([1]) + b"k" + bytes([1])
    with pytest.raises(PeerError, match="nested too deep"):
        check_update(update + bytes([0xE8, 0x07]) + text + b"\x00")


@pytest.mark.parametrize("way", [in_each_other, beside_letters, from_client_to_client])
def test_cb20_shared_types_as_deep_as_is_allowed_and_no_deeper(way: Callable[[int], bytes]) -> None:
    document: Doc[Any] = Doc()
    document.get("meta", type=Map)
    update = way(NESTING_LIMIT)
    assert check_update(update).types == NESTING_LIMIT
    document.apply_update(update)

    with pytest.raises(PeerError, match="nested too deep"):
        check_update(way(NESTING_LIMIT + 1))


def test_cb20_many_shared_types_beside_each_other_are_let_through() -> None:
    notebook = YNotebook()
    cell: dict[str, Any] = {
        "cell_type": "code",
        "source": "1",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    notebook.set({"cells": [cell] * 300, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert check_update(notebook.ydoc.get_update()).types > 5 * NESTING_LIMIT


def test_cb20_types_that_stand_in_themselves_are_passed() -> None:
    circle = [map_in(1, number) for number in reversed(range(NESTING_LIMIT + 1))]
    assert check_update(update_of({1: circle})).types == NESTING_LIMIT + 1


def test_cb20_an_update_has_a_bounded_number_of_structs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "STRUCTS_LIMIT", 50)
    letters = [b"\x84\x01\x00\x01x"] * 51
    assert check_update(update_of({1: letters[:50]})).structs == 50
    with pytest.raises(PeerError, match="more than 50 structs"):
        check_update(update_of({1: letters}))


@pytest.mark.parametrize(
    ("update", "why"),
    [
        (b"", "ends too early"),
        (b"\x01", "ends too early"),
        (b"\x00\x00\x00", "follows its end"),
        (b"\xff" * 12, "too large"),
        (of_any(b"\x05"), "a value of kind 5"),
        (bytes([1, 1, 5, 0, 0x07, 1]) + b"\x04meta" + b"\x03\x01x\x00", "shared type"),
        (bytes([1, 1, 5, 0, 0x09, 1]) + b"\x04meta" + b"\x00", "content of kind 9"),
        (bytes([1, 1, 5, 0, 0x04, 1]) + b"\x04meta" + b"\x02\xff\xff\x00", "UTF-8"),
        (bytes([1, 1, 5, 0, 0x07, 1]) + b"\x01x\x01\x00", "a root that no such document has"),
    ],
)
def test_cb20_what_is_malformed_is_said(update: bytes, why: str) -> None:
    with pytest.raises(PeerError, match=why):
        check_update(update)


@settings(max_examples=400)
@given(st.binary(max_size=200))
def test_cb20_any_bytes(data: bytes) -> None:
    walk_and_apply(data)


@settings(max_examples=400)
@given(st.integers(0, len(UPDATE) - 1), st.integers(0, 255), st.booleans())
def test_cb20_an_update_with_one_wrong_byte(place: int, byte: int, cut: bool) -> None:
    walk_and_apply(UPDATE[:place] if cut else UPDATE[:place] + bytes([byte]) + UPDATE[place + 1 :])


def walk_and_apply(data: bytes) -> None:
    """What is let through, pycrdt takes, or refuses with an exception: it does not end the process."""
    try:
        check_update(data)
    except PeerError:
        return
    document: Doc[Any] = Doc()
    for root in ("cells", "meta"):
        document.get(root, type=Map)
    try:
        document.apply_update(data)
    except (ValueError, RuntimeError):
        return
    document.get_update()
