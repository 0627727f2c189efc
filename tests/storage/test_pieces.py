"""Rule ST26: docs/specs/storage.md."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.storage.pieces import STEP_BYTES, file_of, whole


def test_the_whole_is_the_pieces_in_order() -> None:
    pieces = [b"", b"a", bytes(range(256)) * (STEP_BYTES // 100), b"", b"end"]
    found = whole(pieces)
    assert type(found) is bytes
    assert found == b"".join(pieces)
    assert whole([]) == b""


@given(st.lists(st.binary(max_size=20)), st.lists(st.one_of(st.integers(0, 30), st.none()), max_size=20))
def test_st26_pieces_are_read_as_a_file_is(pieces: list[bytes], sizes: list[int | None]) -> None:
    ours, file = file_of(pieces), io.BytesIO(b"".join(pieces))
    for size in sizes:
        if size is None:
            assert ours.seek(0) == file.seek(0)
        else:
            assert ours.read(size) == file.read(size)
    found = ours.read()
    assert type(found) is bytes
    assert found == file.read()
    assert ours.read() == ours.read(5) == b""


def test_st26_pieces_are_read_into_a_buffer() -> None:
    assert io.BufferedReader(file_of([b"ab", b"", b"c" * 50_000])).read() == b"ab" + b"c" * 50_000  # type: ignore[type-var]


def test_st26_pieces_are_read_from_their_start_only() -> None:
    with pytest.raises(OSError, match="start"):
        file_of([b"abc"]).seek(1)
