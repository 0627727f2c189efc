"""From a session's state to what others hold: the file's content, the page's view; and from a file to a session.

Rules SE13, LK6: docs/specs/session.md, docs/specs/link.md.
"""

from itertools import islice

from msgspec.structs import replace

from carnet.core.notebook.model import Cell, DisplayData, ErrorOutput, ExecuteResult, Notebook, Output, Stream
from carnet.core.session.comms import comm_size
from carnet.core.session.outputs import meet_outputs
from carnet.core.session.state import CellState, Comm, KernelState, Saved, SessionState
from carnet.core.wire.link import SessionView
from carnet.ids import CommId, JournalId, NotebookPath, Revision


def notebook_of(state: SessionState) -> Notebook:
    """Return the content to write: cells in order, without what lives only with the kernel."""
    return Notebook(
        cells=tuple(_written(state.cells[cell_id].cell) for cell_id in state.order),
        metadata=state.metadata,
        nbformat=state.nbformat,
        nbformat_minor=state.nbformat_minor,
        extra=state.extra,
    )


def _written(cell: Cell) -> Cell:
    # In a loop of its own: this is asked of tens of thousands of outputs at each save.
    for output in cell.outputs:
        if _is_transient(output):
            return replace(cell, outputs=tuple(_stored(output) for output in cell.outputs))
    return cell


def _is_transient(output: Output) -> bool:
    if isinstance(output, Stream):
        return output.column != -1
    return not isinstance(output, ErrorOutput) and output.display_id is not None


def _stored(output: Output) -> Output:
    match output:
        case Stream(column=column):
            return output if column == -1 else replace(output, column=-1)
        case DisplayData(display_id=display_id) | ExecuteResult(display_id=display_id):
            return output if display_id is None else replace(output, display_id=None)
        case ErrorOutput():
            return output


def new_session(
    journal_id: JournalId,
    path: NotebookPath,
    notebook: Notebook,
    revision: Revision | None,
    *,
    at_ms: int,
    kernel: KernelState | None = None,
) -> SessionState:
    """Return the state at number 0 of a new journal; its content is what the file has.

    `notebook` must have cell ids that differ (as `ipynb.decode` gives them).
    `kernel`: one to go on with, which another journal of this notebook was bound to.
    Its outputs are foreign until somebody trusts them (SE16).
    """
    state = SessionState(
        journal_id=journal_id,
        path=path,
        order=tuple(cell.id for cell in notebook.cells),
        cells={cell.id: CellState(cell, foreign=bool(cell.outputs)) for cell in notebook.cells},
        metadata=notebook.metadata,
        nbformat=notebook.nbformat,
        nbformat_minor=notebook.nbformat_minor,
        extra=notebook.extra,
        kernel=kernel or KernelState(),
        saved=Saved(revision=revision, at_ms=at_ms),
    )
    # Streams that are too long are spilled by `effects_after_restart`.
    for cell in notebook.cells:
        if cell.outputs:
            state, _ = meet_outputs(state, cell.id)
    return state


def view_of(state: SessionState, first_cells: int | None = None) -> SessionView:
    """Return what a page holds of the state, with the first cells only and no comms (None: all of them)."""
    cells = {cell_id: state.cells[cell_id] for cell_id in islice(state.order, first_cells)}
    return SessionView(
        journal_id=state.journal_id,
        path=state.path,
        seq=state.seq,
        changed_seq=state.changed_seq,
        order=state.order,
        cells=cells,
        metadata=state.metadata,
        nbformat=state.nbformat,
        nbformat_minor=state.nbformat_minor,
        runs=state.runs,
        kernel=state.kernel,
        saved=state.saved,
        notices=state.notices,
        bin=state.bin,
        comms=state.comms if first_cells is None else {},
    )


def comm_pieces(state: SessionState, limit_bytes: int) -> list[dict[CommId, Comm]]:
    """Return the comms in their order, in pieces of about so many bytes; no piece is empty."""
    pieces: list[dict[CommId, Comm]] = []
    room = 0
    for comm_id, comm in state.comms.items():
        if room <= 0:
            pieces.append({})
            room = limit_bytes
        pieces[-1][comm_id] = comm
        room -= comm_size(comm)
    return pieces
