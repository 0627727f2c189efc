"""Apply what a session decided to its state, purely. Every replica does the same (invariant 3).

`apply_entry` never waits, reads a clock, draws a random number, or logs; it
gives the next state, and the effects that make it true. An operation that
comes too late (its cell is gone, its run is over) changes nothing. Work for
one operation does not grow with the length of the history.

Rules OP1 to OP5, SE1 to SE24: docs/specs/session.md.
"""

from typing import assert_never

from msgspec.structs import replace

from carnet.core.session import comms, document, outputs, runs
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.effects import Effect
from carnet.core.session.operations import Entry, Operation
from carnet.core.session.state import CLIENTS_LIMIT, REFUSED_LIMIT, Notice, Saved, SessionState
from carnet.core.session.step import Step, without
from carnet.ids import ClientId

Applied = tuple[SessionState, tuple[Effect, ...]]
"""The next state, and what is to be done about it."""


def apply_entry(state: SessionState, entry: Entry) -> Applied:
    """Return the state at `entry.seq`, and the effects in order; `ScheduleSave` at most once, last.

    `entry.seq` must be `state.seq + 1`: entries have no gap.
    """
    assert entry.seq == state.seq + 1, f"entry {entry.seq} does not follow {state.seq}"
    changed = False
    effects: list[Effect] = []
    comms_before = state.comms
    of_comms: list[comms.CommState] = []  # that follow on one another: there may be thousands, for thousands
    for operation in entry.ops:
        if isinstance(operation, comms.CommState):
            of_comms.append(operation)
            continue
        if of_comms:
            state, of_comms = comms.change_comms(state, of_comms), []
        step = _step(state, operation)
        state = step.state
        changed = changed or step.changed
        effects += step.effects
    state = comms.change_comms(state, of_comms)
    if changed:
        state = replace(state, changed_seq=entry.seq)
        effects.append(fx.ScheduleSave())
    if state.comms is not comms_before:
        state = replace(state, comm_seq=entry.seq)
    state = replace(state, seq=entry.seq)
    if entry.client_id is not None and entry.intent is not None:
        state = _decided(state, entry.client_id, entry.intent, refused=entry.refusal is not None)
    if entry.cursor is not None and entry.cursor.kernel_id == state.kernel.id:
        state = replace(state, kernel=replace(state.kernel, cursor=entry.cursor.number))
    return state, tuple(effects)


def apply(state: SessionState, operation: Operation, *, seq: int) -> Applied:
    """Return the state with one operation of entry `seq` done, and its effects."""
    step = _step(state, operation)
    if not step.changed:
        return step.state, step.effects
    return replace(step.state, changed_seq=seq), (*step.effects, fx.ScheduleSave())


def effects_after_restart(state: SessionState) -> tuple[Effect, ...]:
    """Return what a server that came back does again: its predecessor may have died before doing it.

    All of it may be done twice: the host knows kernels, runs and lineages.
    """
    kernel, effects = state.kernel, list[Effect]()
    if kernel.replaces is not None:
        effects.append(fx.ShutdownKernel(kernel.replaces, now=False))
    if kernel.id is not None:
        if kernel.status == "starting":
            effects.append(fx.StartKernel(kernel.id, kernel.kernelspec))
        elif kernel.status == "restarting":
            effects.append(fx.RestartKernel(kernel.id, kernel.lineage))
        queued = [run for run in state.runs if run.started_ms is None and not run.elsewhere]
        cancelled = tuple(run.id for run in queued if run.cancelled or run.cell_id not in state.cells)
        wanted = tuple(run for run in queued if run.id not in set(cancelled))
        if wanted:
            effects.append(fx.SubmitRuns(kernel.id, wanted))
            effects.append(fx.ReorderRuns(kernel.id, tuple(run.id for run in wanted)))
        if cancelled:
            effects.append(fx.CancelRuns(kernel.id, cancelled))
        effects += comms.sends_under_way(state)
    effects += outputs.spills_under_way(state)
    if state.changed_seq > state.saved.seq:
        effects.append(fx.ScheduleSave())
    return tuple(effects)


def _decided(state: SessionState, client_id: ClientId, number: int, *, refused: bool) -> SessionState:
    # Taken out and put in again, so that the client heard of longest ago is the first.
    clients = {**without(state.clients, client_id), client_id: number}
    refusals = state.refused
    if refused:
        refusals = {**refusals, client_id: (*refusals.get(client_id, ()), number)[-REFUSED_LIMIT:]}
    if len(clients) > CLIENTS_LIMIT:
        oldest = next(iter(clients))
        clients, refusals = without(clients, oldest), without(refusals, oldest)
    return replace(state, clients=clients, refused=refusals)


def _step(state: SessionState, operation: Operation) -> Step:
    match operation:
        case ops.InsertCells():
            return document.insert_cells(state, operation)
        case ops.DeleteCells():
            return _delete_cells(state, operation)
        case ops.RestoreCells():
            return document.restore_cells(state, operation)
        case ops.MoveCells():
            return document.move_cells(state, operation)
        case ops.ChangeSource():
            return document.change_source(state, operation)
        case ops.SetKind():
            return document.set_kind(state, operation)
        case ops.SetCellMetadata():
            return document.set_cell_metadata(state, operation)
        case ops.SetMetadata():
            return document.set_metadata(state, operation)
        case ops.SetAttachments():
            return document.set_attachments(state, operation)
        case ops.SetExtra():
            return document.set_extra(state, operation)
        case ops.ClearOutputs():
            return outputs.clear_outputs(state, operation)
        case ops.ReplaceOutputs():
            return outputs.replace_outputs(state, operation)
        case ops.QueueRuns():
            return runs.queue_runs(state, operation)
        case ops.ReorderRuns():
            return runs.reorder_runs(state, operation)
        case ops.DropRuns():
            return runs.drop_runs(state, operation)
        case ops.StartRun():
            return runs.start_run(state, operation)
        case ops.CountRun():
            return runs.count_run(state, operation)
        case ops.MarkRun():
            return runs.mark_run(state, operation)
        case ops.FinishRun():
            return runs.finish_run(state, operation)
        case ops.AppendStream():
            return outputs.append_stream(state, operation)
        case ops.AddOutput():
            return outputs.add_output(state, operation)
        case ops.TrustOutputs():
            return outputs.trust_outputs(state, operation)
        case ops.UpdateDisplay():
            return outputs.update_display(state, operation)
        case ops.ClearOutput():
            return outputs.clear_output(state, operation)
        case ops.SpillStream():
            return outputs.spill_stream(state, operation)
        case ops.RequestInput():
            return runs.request_input(state, operation)
        case ops.CloseInput():
            return runs.close_input(state, operation)
        case ops.ShowPage():
            return Step(state)
        case (
            ops.OpenComm()
            | ops.ChangeComm()
            | ops.WriteComm()
            | ops.ShowInComm()
            | ops.ClearComm()
            | ops.CloseComms()
        ):
            return Step(comms.change_comms(state, (operation,)))
        case ops.TellComm():
            return Step(state)
        case ops.CommSent():
            return comms.comm_sent(state, operation)
        case ops.MarkSend():
            return comms.mark_send(state, operation)
        case ops.CommHandled():
            return comms.comm_handled(state, operation)
        case ops.SetKernel():
            return _set_kernel(state, operation)
        case ops.MarkSaved():
            return _mark_saved(state, operation)
        case ops.MarkSaveFailed():
            return _mark_save_failed(state, operation)
        case ops.SetPath():
            return Step(replace(state, path=operation.path))
        case ops.AddNotice():
            return Step(replace(state, notices=_with_notice(state.notices, operation.notice)))
        case ops.DropNotice():
            notices = tuple(notice for notice in state.notices if notice.id != operation.id)
            return Step(replace(state, notices=notices) if notices != state.notices else state)
        case _:
            assert_never(operation)


def _delete_cells(state: SessionState, operation: ops.DeleteCells) -> Step:
    """The cells go at once; their queued runs when the host says that it did not send them (SE9)."""
    step = document.delete_cells(state, operation)
    gone = {cell_id for cell_id in state.cells if cell_id not in step.state.cells} if step.changed else set()
    cancelled = tuple(
        run.id for run in state.runs if run.started_ms is None and run.cell_id in gone and not run.elsewhere
    )
    if not cancelled or state.kernel.id is None:
        return step
    return step._replace(effects=(fx.CancelRuns(state.kernel.id, cancelled),))


def _set_kernel(state: SessionState, operation: ops.SetKernel) -> Step:
    kernel, before = operation.kernel, state.kernel
    if kernel.id == before.id:
        # The cursor moves with entries only: this operation may have been made before some of them.
        kernel = replace(kernel, cursor=before.cursor)
    state = comms.end_process(replace(state, kernel=kernel), before)
    if kernel.id is not None and kernel.id != before.id and kernel.status == "starting":
        return Step(state, effects=(fx.StartKernel(kernel.id, kernel.kernelspec),))
    return Step(state)


def _mark_saved(state: SessionState, operation: ops.MarkSaved) -> Step:
    saved = Saved(operation.revision, max(operation.seq, state.saved.seq), operation.at_ms)
    return Step(replace(state, saved=saved))


def _mark_save_failed(state: SessionState, operation: ops.MarkSaveFailed) -> Step:
    since_ms = state.saved.problem_since_ms if state.saved.problem else operation.at_ms
    saved = replace(state.saved, problem=operation.problem, problem_since_ms=since_ms)
    return Step(replace(state, saved=saved))


def _with_notice(notices: tuple[Notice, ...], new: Notice) -> tuple[Notice, ...]:
    if any(notice.id == new.id for notice in notices):
        return tuple(new if notice.id == new.id else notice for notice in notices)
    return (*notices, new)
