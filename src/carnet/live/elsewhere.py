"""Cells of one notebook that another program runs and will write into the file by itself.

JupyterLab and its kin send a cell to the kernel over a socket of their own. The
session keeps such a run as one of its own (SE17); but who ran the cell saves it
too, and would take our save for somebody's change of the file. So what the
kernel says of it goes along with the next change, and is saved here only once
that program has left. Rules SV13, SV14, LV23: docs/specs/live.md.
"""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from carnet.core.session.operations import CloseInput, DropRuns
from carnet.core.session.runs import find_run, run_elsewhere
from carnet.core.session.state import SessionState
from carnet.ids import CellId, RunId

if TYPE_CHECKING:
    from carnet.live.session import Session

_UNKNOWN = ""
"""Who ran what a session found running when it came back, until a client comes."""


class Elsewhere:
    """Whose cells are whose. Made by the session."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._left_to: dict[CellId, tuple[RunId, str]] = {
            run.cell_id: (run.id, _UNKNOWN) for run in session.state.runs if run.elsewhere
        }
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._under_way: set[RunId] = set()
        if self._left_to:
            self.left(_UNKNOWN)

    # ---- what the lines of clients say

    def came(self, client: str) -> None:
        """A client has opened a line to the kernel, maybe again."""
        for name in (client, _UNKNOWN):
            timer = self._leaving.pop(name, None)
            if timer is not None:
                timer.cancel()
        for cell_id, (run_id, name) in self._left_to.items():
            if name == _UNKNOWN:
                self._left_to[cell_id] = (run_id, client)

    def left(self, client: str) -> None:
        """Its line is closed; if it does not come again soon, its cells are ours to save (SV14)."""
        if client not in self._leaving and not self._session.closed:
            grace_s = self._session.around.settings.client_grace_s
            self._leaving[client] = asyncio.get_running_loop().call_later(grace_s, self._is_gone, client)

    def asks(self, run_id: str, cell_id: str, source: str, *, client: str, by: str) -> bool:
        """Make what a client is about to send to the kernel a run of this cell; False: it is none of ours.

        After it, `sent` or `not_sent` must be called.
        """
        session = self._session
        if not session.writable or session.closed or session.stalled is not None:
            return False
        now_ms = session.around.clock.now_ms()
        ops = run_elsewhere(
            session.state, run_id=run_id, cell_id=cell_id, source=source, by=by, now_ms=now_ms
        )
        if not ops or not session.commit_or_stall(ops):
            return False
        self._left_to[CellId(cell_id)] = (RunId(run_id), client)
        self._under_way.add(RunId(run_id))
        return True

    def sent(self, run_id: RunId) -> None:
        """The kernel host has it."""
        self._under_way.discard(run_id)

    def not_sent(self, run_id: RunId, *, for_sure: bool) -> None:
        """The kernel host has not taken it, or nobody knows whether: then it is asked."""
        self._under_way.discard(run_id)
        session = self._session
        if for_sure:
            session.commit_or_stall([DropRuns((run_id,), "aborted", session.around.clock.now_ms())])
        elif not session.closed:
            session.start(session.settle_runs(), "settle")

    def answered(self) -> None:
        """A client has answered what its run asked for."""
        state = self._session.state
        cells = [run.cell_id for run in state.runs if run.elsewhere]
        ops = [CloseInput(cell_id) for cell_id in cells if _asks(state, cell_id)]
        if ops:
            self._session.commit_or_stall(ops)

    # ---- what the session asks

    def settled(self) -> frozenset[RunId]:
        """Return the runs that the kernel host must know if they are not over."""
        runs = self._session.state.runs
        return frozenset(run.id for run in runs if run.elsewhere and run.id not in self._under_way)

    def cells(self, state: SessionState) -> Collection[CellId]:
        """Return the cells whose outputs and count somebody else will save (SV13)."""
        self._left_to = {
            cell_id: (run_id, client)
            for cell_id, (run_id, client) in self._left_to.items()
            if _is_of(state, cell_id, run_id)
        }
        return self._left_to.keys()

    def close(self) -> None:
        """Wait for nobody any more."""
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()

    # ---- inside

    def _is_gone(self, client: str) -> None:
        del self._leaving[client]
        self._left_to = {key: left_to for key, left_to in self._left_to.items() if left_to[1] != client}
        if self._session.saver.unsaved:
            self._session.saver.schedule()


def _is_of(state: SessionState, cell_id: CellId, run_id: RunId) -> bool:
    """Return whether what a cell shows is of this run, and nothing of ours is about to change that."""
    cell = state.cells.get(cell_id)
    if cell is None or any(run.cell_id == cell_id and not run.elsewhere for run in state.runs):
        return False
    return find_run(state, run_id) is not None or (cell.last is not None and cell.last.run_id == run_id)


def _asks(state: SessionState, cell_id: CellId) -> bool:
    cell = state.cells.get(cell_id)
    return cell is not None and cell.input is not None
