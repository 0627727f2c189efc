"""What of a session goes into the file: everything, but of very long streams the head and the tail.

A file of 200 MB opens in no other program, and writing it would take memory that
others need. The whole text stays in blobs; a line in the file says so. Streams
that came with the file are written as they came, however long (invariant 9).

Rule SV10: docs/specs/live.md. Pure.
"""

from msgspec.structs import replace

from carnet.core.notebook.model import Cell, Notebook, Output, Stream
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.state import CellState, SessionState
from carnet.ids import CellId


def written(state: SessionState, *, stream_limit_bytes: int) -> Notebook:
    """Return the content to write for a state."""
    notebook = notebook_of(state)
    running = {run.cell_id for run in state.runs if run.started_ms is not None}
    cells = tuple(
        _shortened(cell, stream_limit_bytes) if _ran_here(state.cells[cell.id], running) else cell
        for cell in notebook.cells
    )
    return notebook if cells == notebook.cells else replace(notebook, cells=cells)


def _ran_here(cell: CellState, running: set[CellId]) -> bool:
    """Return whether the cell's outputs are those of a run, not what the file came with."""
    return cell.last is not None or (cell.cell.id in running and not cell.old_outputs)


def _shortened(cell: Cell, limit_bytes: int) -> Cell:
    outputs = tuple(_head_and_tail(output, limit_bytes) for output in cell.outputs)
    return cell if outputs == cell.outputs else replace(cell, outputs=outputs)


def _head_and_tail(output: Output, limit_bytes: int) -> Output:
    if not isinstance(output, Stream):
        return output
    spilled_bytes = sum(part.blob.size_bytes for part in output.spilled)
    if spilled_bytes <= limit_bytes:
        return output
    lines = sum(part.lines for part in output.spilled)
    before = "" if not output.head or output.head.endswith("\n") else "\n"
    note = (
        f"{before}[... {lines} lines ({spilled_bytes} bytes) are not in this file. Carnet keeps them: "
        "open the notebook there to read or download all of it. ...]\n"
    )
    return replace(output, text=output.head + note + output.text, head="", spilled=())
