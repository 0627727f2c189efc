"""Write the notebook to its manager soon after each change, and merge what changed outside.

The journal already holds everything; a save is the export that lets every other
tool read the work. Nothing here ever writes over a file whose revision is not
the one we know (invariant 4): an outside change is merged cell by cell first.
What goes through all of a notebook (its content, what differs) is worked out on
a worker thread, for nobody else shall wait for it.

Rules SV1 to SV16: docs/specs/live.md.
"""

import asyncio
import logging
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from carnet.core.notebook.ipynb import encode_pieces
from carnet.core.notebook.model import BlobRef, Notebook
from carnet.core.session.comms import shows_comms
from carnet.core.session.operations import MarkSaved, MarkSaveFailed, Operation
from carnet.core.session.outside import in_portions, outside_change
from carnet.core.session.saved_widgets import with_widgets
from carnet.core.session.state import SessionState
from carnet.errors import (
    AlreadyExists,
    CarnetError,
    InvalidNotebook,
    NotFound,
    RevisionConflict,
    StorageError,
)
from carnet.ids import CellId, NotebookPath, Revision
from carnet.journal.trust import trust
from carnet.live.cell_ids import cell_ids
from carnet.live.reading import Read, read_notebook
from carnet.live.written import written
from carnet.storage.pieces import file_of

if TYPE_CHECKING:
    from carnet.live.session import Session

log = logging.getLogger("carnet.live.save")

GONE = "The file is gone from disk. Nothing of the open notebook is lost. Save now writes it again at its old place."


class _Content(NamedTuple):
    """What the file shall hold, and what it lacks of it."""

    notebook: Notebook
    lacks_little: bool
    """Nothing but what a kernel that started says of itself."""
    lacks_theirs: bool
    """Nothing but that, and outputs of cells that another program runs."""


class Saver:
    """Saves one session. At most one save or merge at a time."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._timer: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        self._took_s = 0.0
        self._gone = False
        self._make_again = False
        """The file is gone, and the user wants it back."""
        self._everything = False
        """The next save is asked for: it writes what somebody else would, too (SV13)."""
        self._closed = False
        self.hold = False
        """True: do not save by itself for now (a person who renames the file, a test that changes it)."""
        self._mark = ""
        """Of the bytes that we trusted last; only the newest are remembered."""
        self.base: Notebook | None = None
        """What the file held when we last read or wrote it: the base of a three-way merge."""
        self.held: SessionState | None = None
        """The state that we wrote last, and that the journal says is in the file; None: nothing was written yet."""

    @property
    def unsaved(self) -> bool:
        """Whether the file lacks something that the session holds."""
        state = self._session.state
        return state.changed_seq > state.saved.seq

    @property
    def unsaved_widgets(self) -> bool:
        """Whether widgets that are shown have other states than in the file: no reason to write it by itself (SV16)."""
        state = self._session.state
        return state.comm_seq > state.saved.seq and shows_comms(state)

    def schedule(self) -> None:
        """Save after the autosave delay, unless a save is already on its way."""
        delay_s = self._session.around.settings.autosave_delay_s
        # A file that takes long to write is written less often: at most a tenth of the time.
        self._schedule_in(max(delay_s, 10 * self._took_s))

    def save_soon(self) -> None:
        """Save without waiting; writes the file again if it is gone."""
        self._make_again = self._make_again or self._gone
        self._gone = False
        self._everything = True
        self._schedule_in(0.0)

    async def save(self) -> None:
        """Save everything now, and return when it is done or has failed (the state says which)."""
        self._everything = True
        await self.save_own()

    async def save_own(self) -> None:
        """Save now, but not for the sake of what another program runs and saves (SV13)."""
        async with self._lock:
            await self._save()

    async def look_outside(self) -> None:
        """Merge an outside change, if there is one; say so if the file is gone."""
        if self.hold:
            return
        async with self._lock:
            session = self._session
            path, known = session.state.path, session.state.saved.revision
            try:
                entry = await session.in_thread(lambda: session.around.storage.stat(path))
            except NotFound:
                # Who asked for it to be made again knows; a look must not take that back.
                if not self._gone and not self._make_again and known is not None:
                    self._gone = True
                    self._fail(GONE)
                return
            except StorageError:
                return  # it cannot be looked at now; the next save or look says more
            if entry.revision != known and path == session.state.path:
                await self._merge()
                if self.unsaved:
                    await self._save()
                return
            back, self._gone = self._gone, False
            if not self.unsaved:
                # It is as we know it, and holds everything: what was said of it is no longer true.
                self._say_saved()
            elif back:
                await self._save()

    async def close(self) -> None:
        """Save what is unsaved, a last time; after `abandon`: not."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.unsaved or self.unsaved_widgets:
            await self.save()

    def abandon(self) -> None:
        """Never save again."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    # ---- inside

    def _schedule_in(self, delay_s: float) -> None:
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay_s
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer = None
        if self.hold:
            self._schedule_in(0.1)
            return
        self._session.start(self.save_own(), "save")

    async def _save(self) -> None:
        session = self._session
        asked, self._everything = self._everything, False
        wanted = self.unsaved or (asked and self.unsaved_widgets)
        if self._gone or (not wanted and session.state.saved.revision is not None):
            return
        for _ in range(3):  # an outside change can come in between; each round merges it
            state, known = session.state, session.state.saved.revision
            theirs = frozenset() if asked else frozenset(session.elsewhere.cells(state))
            content = await session.in_thread(partial(self._compared, state, theirs))
            if known is not None and theirs and content.lacks_theirs and not content.lacks_little:
                return  # it is saved by who ran it, or with the next change, or when that one has left (SV13)
            if known is not None and content.lacks_little and not (asked and self.unsaved_widgets):
                # It goes along with the next change (SV12).
                at_ms = session.around.clock.now_ms()
                session.commit_or_stall([MarkSaved(revision=known, seq=state.seq, at_ms=at_ms)])
                return
            started_s = session.around.clock.monotonic_s()
            try:
                revision = await session.in_thread(partial(self._write, state, content.notebook))
            except RevisionConflict as conflict:
                if conflict.found is None:
                    if self._make_again:  # asked for while we were writing
                        continue
                    self._gone = True
                    self._fail(GONE)
                    return
                if not await self._merge():
                    self._everything = self._everything or asked
                    return
                continue
            except NotFound:
                self._gone = True
                self._fail(GONE)
                return
            except AlreadyExists:
                # It came back by itself while we were about to make it again.
                self._make_again = False
                continue
            except CarnetError as error:
                self._everything = self._everything or asked
                self._fail(f"Not saved: {error}")
                self._schedule_in(session.around.settings.save_retry_s)
                return
            self._make_again = False
            self._took_s = session.around.clock.monotonic_s() - started_s
            self.base = content.notebook
            at_ms = session.around.clock.now_ms()
            if session.commit_or_stall([MarkSaved(revision=revision, seq=state.seq, at_ms=at_ms)]):
                self.held = state
            if self.unsaved:
                self.schedule()
            return
        self._everything = self._everything or asked
        self._fail("Not saved: the file keeps changing outside. Trying again.")
        self._schedule_in(session.around.settings.save_retry_s)

    def _write(self, state: SessionState, content: Notebook) -> Revision:
        metadata = with_widgets(content.metadata, state, self._blob)
        pieces = encode_pieces(replace(content, metadata=metadata), blobs=self._blob)
        expected = None if self._make_again else state.saved.revision
        around = self._session.around
        revision = around.storage.save_from(state.path, file_of(pieces), expected=expected)
        if not any(cell.foreign for cell in state.cells.values()):
            # All of its outputs were made here, or trusted: who opens these bytes again need not ask (SV11).
            self._mark = trust(around.journal, pieces, instead_of=self._mark)
        return revision

    def trust_file(self) -> None:
        """Trust the file's bytes, if they are those that we know. Blocking."""
        around, state = self._session.around, self._session.state
        try:
            data, entry = around.storage.read(state.path)
        except StorageError:
            return  # what is saved next is trusted then
        if entry.revision == state.saved.revision and not any(cell.foreign for cell in state.cells.values()):
            self._mark = trust(around.journal, (data,), instead_of=self._mark)

    def _content(self, state: SessionState) -> Notebook:
        return written(state, stream_limit_bytes=self._session.around.settings.file_stream_limit_bytes)

    def _compared(self, state: SessionState, theirs: Collection[CellId]) -> _Content:
        """Return what the file shall hold, and what it lacks; `theirs`: cells whose outputs somebody else saves."""
        content, base = self._content(state), self.base
        if base is None or self._make_again:
            return _Content(content, False, False)
        metadata = {
            name: value
            for name, value in state.metadata.items()
            if name != "language_info" and (name != "kernelspec" or name in base.metadata)
        }
        held = {name: value for name, value in base.metadata.items() if name != "language_info"}
        if metadata != held:
            return _Content(content, False, False)
        compared = replace(content, metadata=base.metadata)
        lacks_little = compared == base
        if lacks_little or not theirs:
            return _Content(content, lacks_little, lacks_little)
        written_cells = {cell.id: cell for cell in base.cells}
        cells = tuple(
            replace(cell, outputs=before.outputs, execution_count=before.execution_count)
            if cell.id in theirs and (before := written_cells.get(cell.id)) is not None
            else cell
            for cell in compared.cells
        )
        return _Content(content, False, replace(compared, cells=cells) == base)

    def _blob(self, ref: BlobRef) -> bytes:
        return self._session.around.blobs.get(ref.sha256)

    async def _merge(self) -> bool:
        """Take the outside change into the session. False: it could not be read (said in the page)."""
        session = self._session
        around = session.around
        try:
            read = await session.in_thread(partial(self._read, session.state.path))
        except InvalidNotebook as error:
            self._fail(f"Not saved: the file was changed outside and cannot be read as a notebook ({error}).")
            self._schedule_in(around.settings.save_retry_s)
            return False
        except CarnetError as error:
            self._fail(f"Not saved: {error}")
            self._schedule_in(around.settings.save_retry_s)
            return False
        with session.held():
            return await self._take_in(read)

    def _read(self, path: NotebookPath) -> Read:
        base = self.base
        known = {} if base is None else {cell.id: cell for cell in base.cells}
        return read_notebook(self._session.around, path, known=known)

    async def _take_in(self, read: Read) -> bool:
        """Make what the file holds part of the session, in several entries where it is much (SV15)."""
        session = self._session
        now_ms = session.around.clock.now_ms()
        clean = not self.unsaved
        while True:
            state = session.state
            ops = await session.in_thread(partial(self._difference, state, read, now_ms))
            if session.state.cells is state.cells and session.state.order is state.order:
                break
            # What we did meanwhile by ourselves (a kernel that ended, say); nobody else can.
        ours = {session.state.changed_seq}
        *portions, last = in_portions(ops, cells=len(session.state.cells))
        for portion in portions:
            if not session.commit_or_stall(portion):
                return False  # what is in already is the same on both sides when it is merged again
            ours.add(session.state.seq)
            await asyncio.sleep(0)
        # After this entry the file lacks only what was unsaved before, if anything.
        state = session.state
        seq = state.seq + 1 if clean and state.changed_seq in ours else state.saved.seq
        if not session.commit_or_stall([*last, MarkSaved(revision=read.revision, seq=seq, at_ms=now_ms)]):
            return False
        self.base = read.notebook
        log.info("notebook %s: merged an outside change", state.journal_id)
        return True

    def _difference(self, state: SessionState, read: Read, now_ms: int) -> tuple[Operation, ...]:
        """Return what to do to have in the session what the file holds."""
        base = self.base if self.base is not None else read.notebook
        return outside_change(
            state, base, read.notebook, new_ids=cell_ids(), at_ms=now_ms, trusted=read.trusted
        )

    def _say_saved(self) -> None:
        session = self._session
        saved = session.state.saved
        if saved.problem and saved.revision is not None:
            session.commit_or_stall(
                [MarkSaved(revision=saved.revision, seq=saved.seq, at_ms=session.around.clock.now_ms())]
            )

    def _fail(self, problem: str) -> None:
        session = self._session
        if session.state.saved.problem != problem:
            log.warning("notebook %s: %s", session.state.journal_id, problem)
            session.commit_or_stall([MarkSaveFailed(problem=problem, at_ms=session.around.clock.now_ms())])
