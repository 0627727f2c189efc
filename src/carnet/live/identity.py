"""Is the file at a path still the notebook that its journal is of? Pure.

A path is not an identity: a notebook is deleted, and another takes its name. To
merge the two would mix what never belonged together (LV17).
"""

from carnet.core.notebook.model import Notebook
from carnet.core.session.state import SessionState


def is_another_notebook(state: SessionState, file: Notebook) -> bool:
    """Return whether the file shares nothing with the session: no cell's id, no cell's text.

    Work that was never saved makes it the same: then both are kept, by a merge.
    """
    if state.changed_seq > state.saved.seq:
        return False
    known = {*state.cells, *(binned.state.cell.id for binned in state.bin)}
    texts = {cell.cell.source for cell in state.cells.values() if cell.cell.source.strip()}
    if not file.cells and not texts:
        return False
    return not any(cell.id in known or cell.source in texts for cell in file.cells)
