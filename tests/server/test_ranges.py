"""Which bytes a Range header asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.server.ranges import NotSatisfiable, byte_range


@given(st.text(max_size=30), st.integers(0, 100))
def test_whatever_comes_it_is_inside_the_file(header: str, size_bytes: int) -> None:
    for one in (header, f"bytes={header}"):
        try:
            found = byte_range(one, size_bytes)
        except NotSatisfiable:
            continue
        assert found is None or 0 <= found[0] < found[1] <= size_bytes


def test_absurd_numbers() -> None:
    assert byte_range("bytes=0-" + "9" * 18, 10) == (0, 10)
    assert byte_range("bytes=0-" + "9" * 19, 10) is None
    with pytest.raises(NotSatisfiable):
        byte_range("bytes=" + "9" * 18 + "-", 10)
