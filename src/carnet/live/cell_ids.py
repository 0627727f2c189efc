"""An endless supply of cell ids for code that may not make its own (core)."""

from collections.abc import Iterator

from carnet.ids import CellId, new_cell_id


def cell_ids() -> Iterator[CellId]:
    """Yield random cell ids, for ever."""
    while True:
        yield new_cell_id()
