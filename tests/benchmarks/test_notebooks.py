"""What is measured with are real notebooks, of the size that was asked for."""

import json
from collections.abc import Callable

import nbformat
import pytest

from benchmarks.notebooks import cells_of, encoded, of_size, talking
from carnet.core.notebook.ipynb import decode, encode
from carnet.live.cell_ids import cell_ids


@pytest.mark.parametrize("make", [of_size, talking])
@pytest.mark.parametrize("size_bytes", [100_000, 5_000_000])
def test_a_notebook_of_a_size_is_valid_and_has_it(size_bytes: int, make: Callable[[int], bytes]) -> None:
    data = make(size_bytes)

    nbformat.validate(json.loads(data))
    assert abs(len(data) - size_bytes) < size_bytes * 0.1


def test_cells_are_as_nbformat_writes_them() -> None:
    data = encoded(cells_of(3))

    # What nbformat would write is what `encode` writes: tests/core/notebook/test_ipynb.py.
    assert encode(decode(data, new_ids=cell_ids())) == data
