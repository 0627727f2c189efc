"""What operations do to the run queue, and to cells that run.

Rules SE3, SE4, SE7, SE8, SE12, SE17: docs/specs/session.md.
"""

import re

from msgspec.structs import replace

from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.outputs import code_cell, without_old_outputs
from carnet.core.session.state import CellState, LastRun, Run, RunOutcome, SessionState
from carnet.core.session.step import Step, with_cells
from carnet.ids import BatchId, CellId, RunId

NO_VERSION = -1
"""The version of a run whose source was none of the session's."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def find_run(state: SessionState, run_id: RunId) -> Run | None:
    """Return the run while it is queued or running."""
    return next((run for run in state.runs if run.id == run_id), None)


def queued_ids(state: SessionState) -> tuple[RunId, ...]:
    """Return the runs that were not sent yet, in their order."""
    return tuple(run.id for run in state.runs if run.started_ms is None)


def queue_runs(state: SessionState, operation: ops.QueueRuns) -> Step:
    queue = {run.id: run for run in state.runs}
    new = [queue.setdefault(run.id, run) for run in operation.runs if run.id not in queue]
    if not new:
        return Step(state)
    own = tuple(run for run in new if not run.elsewhere)
    effects = (fx.SubmitRuns(state.kernel.id, own),) if own and state.kernel.id is not None else ()
    return Step(replace(state, runs=tuple(queue.values())), effects=effects)


def run_elsewhere(
    state: SessionState, *, run_id: str, cell_id: str, source: str, by: str, now_ms: int
) -> tuple[ops.QueueRuns, ...]:
    """Return what makes a request that another program sends to the kernel a run of this cell (SE17).

    None: it is no cell of ours that can have outputs, or the run is known.
    """
    cell = code_cell(state, CellId(cell_id))
    if cell is None or not _ID.fullmatch(run_id) or not source.strip():
        return ()
    if state.kernel.id is None or state.kernel.status in {"none", "dead"}:
        return ()
    last = cell.last
    if find_run(state, RunId(run_id)) is not None or (last is not None and last.run_id == run_id):
        return ()
    run = Run(
        id=RunId(run_id),
        cell_id=CellId(cell_id),
        batch_id=BatchId(run_id),
        source=source,
        version=cell.version if source == cell.cell.source else NO_VERSION,
        stop_on_error=True,
        by=by,
        queued_ms=now_ms,
        elsewhere=True,
    )
    return (ops.QueueRuns((run,)),)


def reorder_runs(state: SessionState, operation: ops.ReorderRuns) -> Step:
    """Running ones stay in front; queued ones that are not named follow in their old order."""
    queued = {run.id: run for run in state.runs if run.started_ms is None}
    named = [queued.pop(run_id) for run_id in dict.fromkeys(operation.run_ids) if run_id in queued]
    running = [run for run in state.runs if run.started_ms is not None]
    runs = (*running, *named, *queued.values())
    if runs == state.runs:
        return Step(state)
    state = replace(state, runs=runs)
    if state.kernel.id is None:
        return Step(state)
    return Step(state, effects=(fx.ReorderRuns(state.kernel.id, queued_ids(state)),))


def drop_runs(state: SessionState, operation: ops.DropRuns) -> Step:
    gone = set(operation.run_ids)
    dropped = [run for run in state.runs if run.id in gone]
    if not dropped:
        return Step(state)
    state = replace(state, runs=tuple(run for run in state.runs if run.id not in gone))
    changed = False
    cells: dict[CellId, CellState] = {}
    for run in dropped:
        cell = cells.get(run.cell_id) or code_cell(state, run.cell_id)
        if cell is not None:
            over = _over(cell, run, operation.outcome, operation.at_ms)
            changed = changed or over.cell != cell.cell
            cells[run.cell_id] = over
    return Step(with_cells(state, cells), changed=changed)


def start_run(state: SessionState, operation: ops.StartRun) -> Step:
    run = find_run(state, operation.run_id)
    if run is None:
        return Step(state)
    started = replace(run, started_ms=operation.at_ms, reply=None, idle=False)
    state = _with_run(state, run, started)
    cell = code_cell(state, run.cell_id)
    if cell is not None:
        state = with_cells(state, {run.cell_id: replace(cell, clear_pending=True, old_outputs=True)})
    return Step(state)


def count_run(state: SessionState, operation: ops.CountRun) -> Step:
    run = find_run(state, operation.run_id)
    cell = code_cell(state, run.cell_id) if run is not None else None
    if cell is None or cell.cell.execution_count == operation.execution_count:
        return Step(state)
    content = replace(cell.cell, execution_count=operation.execution_count)
    return Step(with_cells(state, {content.id: replace(cell, cell=content)}), changed=True)


def mark_run(state: SessionState, operation: ops.MarkRun) -> Step:
    run = find_run(state, operation.run_id)
    if run is None:
        return Step(state)
    marked = replace(
        run,
        reply=operation.reply or run.reply,
        idle=operation.idle or run.idle,
        cancelled=operation.cancelled or run.cancelled,
    )
    if marked == run:
        return Step(state)
    state = _with_run(state, run, marked)
    if not marked.cancelled or run.cancelled or state.kernel.id is None:
        return Step(state)
    return Step(state, effects=(fx.CancelRuns(state.kernel.id, (run.id,)),))


def finish_run(state: SessionState, operation: ops.FinishRun) -> Step:
    run = find_run(state, operation.run_id)
    if run is None:
        return Step(state)
    state = _with_run(state, run)
    cell = code_cell(state, run.cell_id)
    if cell is None:
        return Step(state)
    before = cell.cell
    if operation.outcome in {"done", "failed"}:
        # It came to its end without any output: only now are the old ones known to be outdated.
        state, cell = without_old_outputs(state, cell)
    if operation.execution_count is not None:
        cell = replace(cell, cell=replace(cell.cell, execution_count=operation.execution_count))
    cell = _over(cell, run, operation.outcome, operation.at_ms)
    return Step(with_cells(state, {run.cell_id: cell}), changed=cell.cell != before)


def _over(cell: CellState, run: Run, outcome: RunOutcome, at_ms: int) -> CellState:
    """Return the cell after a run of it that is no longer in the queue."""
    source = run.source if run.version == NO_VERSION else None
    last = LastRun(run.id, outcome, run.version, run.started_ms, at_ms, source)
    if cell.old_outputs:
        cell = replace(cell, clear_pending=False, old_outputs=False)
    if outcome == "aborted" and cell.cell.execution_count is not None:
        cell = replace(cell, cell=replace(cell.cell, execution_count=None))
    request = cell.input
    return replace(
        cell, last=last, input=None if request is not None and request.run_id == run.id else request
    )


def _with_run(state: SessionState, run: Run, *instead: Run) -> SessionState:
    """Return the state with `instead` (none: nothing) in the place of the run of this id."""
    # The run is near the front: this does not look at the whole of a long queue.
    index = next(index for index, other in enumerate(state.runs) if other.id == run.id)
    return replace(state, runs=(*state.runs[:index], *instead, *state.runs[index + 1 :]))


def request_input(state: SessionState, operation: ops.RequestInput) -> Step:
    cell = code_cell(state, operation.cell_id)
    if cell is None or find_run(state, operation.input.run_id) is None:
        return Step(state)
    return Step(with_cells(state, {operation.cell_id: replace(cell, input=operation.input)}))


def close_input(state: SessionState, operation: ops.CloseInput) -> Step:
    cell = state.cells.get(operation.cell_id)
    if cell is None or cell.input is None:
        return Step(state)
    return Step(with_cells(state, {operation.cell_id: replace(cell, input=None)}))
