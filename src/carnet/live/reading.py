"""Read a notebook from its manager, with large outputs put aside as blobs. Blocking."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from carnet.core.notebook.ipynb import (
    LARGE_BYTES,
    NotApart,
    cells_apart,
    decode,
    extract_large,
    extract_large_cell,
)
from carnet.core.notebook.model import BlobRef, Cell, Notebook
from carnet.core.notebook.numbers import carried_cell, carried_notebook
from carnet.errors import InvalidNotebook
from carnet.ids import CellId, NotebookPath, Revision
from carnet.journal.trust import is_trusted
from carnet.live.cell_ids import cell_ids
from carnet.live.surroundings import Surroundings


class Read(NamedTuple):
    """What is in a notebook's file."""

    notebook: Notebook
    revision: Revision
    trusted: bool
    """A person trusts the outputs in it (SE16)."""


def read_notebook(
    around: Surroundings, path: NotebookPath, *, known: Mapping[CellId, Cell] = MappingProxyType({})
) -> Read:
    """Return the notebook in a file, and what is known of the file.

    `known`: cells that are in memory already. Those that are equal are taken instead: half the memory, and nothing
    to let go of later.

    Raises:
        StorageError: it cannot be read.
        InvalidNotebook: it is not a notebook.
    """
    data, entry = around.storage.read(path)
    if entry.revision is None:
        raise InvalidNotebook(f"{path} is a folder, not a notebook.")
    trusted = is_trusted(around.journal, data)
    limit = around.settings.blob_limit_bytes
    with around.blobs.together() as put:
        notebook = _read_apart(data, put, limit, known) if len(data) > LARGE_BYTES else None
        if notebook is None:
            notebook = decode(data, new_ids=cell_ids())
            notebook = carried_notebook(extract_large(notebook, limit_bytes=limit, new_blob=put))
    return Read(notebook, entry.revision, trusted)


def _read_apart(
    data: bytes, put: Callable[[bytes, str], BlobRef], limit_bytes: int, known: Mapping[CellId, Cell]
) -> Notebook | None:
    """Return a large notebook, each cell done with before the next is read; None: it must be read whole."""
    apart = cells_apart(data, new_ids=cell_ids())
    if apart is None:
        return None
    cells: list[Cell] = []
    try:
        for one in apart.cells:
            cell = carried_cell(extract_large_cell(one, limit_bytes=limit_bytes, new_blob=put))
            before = known.get(cell.id)
            cells.append(before if before is not None and before == cell else cell)
    except NotApart:
        return None
    return replace(carried_notebook(apart.notebook), cells=tuple(cells))
