"""Write the notebook to its manager soon after each change, and merge what changed outside.

The journal already holds everything; a save is the export that lets every other
tool read the work. Nothing here ever writes over a file whose revision is not
the one we know (invariant 4): an outside change is merged cell by cell first.

Rules SV1 to SV14: docs/specs/live.md.
"""

import asyncio
import logging
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from carnet.core.notebook.ipynb import encode_pieces
from carnet.core.notebook.model import BlobRef, Notebook
from carnet.core.session.operations import MarkSaved, MarkSaveFailed
from carnet.core.session.outside import outside_change
from carnet.core.session.state import SessionState
from carnet.errors import (
    AlreadyExists,
    CarnetError,
    InvalidNotebook,
    NotFound,
    RevisionConflict,
    StorageError,
)
from carnet.ids import CellId, Revision
from carnet.journal.trust import trust
from carnet.live.cell_ids import cell_ids
from carnet.live.reading import read_notebook
from carnet.live.whole import whole
from carnet.live.written import written

if TYPE_CHECKING:
    from carnet.live.session import Session

log = logging.getLogger("carnet.live.save")

GONE = "The file is gone from disk. Nothing of the open notebook is lost. Save now writes it again at its old place."


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

    @property
    def unsaved(self) -> bool:
        """Whether the file lacks something that the session holds."""
        state = self._session.state
        return state.changed_seq > state.saved.seq

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
        if self.unsaved:
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
        if self._gone or (not self.unsaved and session.state.saved.revision is not None):
            self._everything = False
            return
        for _ in range(3):  # an outside change can come in between; each round merges it
            state, known = session.state, session.state.saved.revision
            theirs = () if self._everything else session.elsewhere.cells(state)
            if known is not None and theirs and self._lacks_only_kernel_words(state, theirs):
                if not self._lacks_only_kernel_words(state):
                    return  # it is saved by who ran it, or with the next change, or when that one has left (SV13)
                theirs = ()
            if known is not None and self._lacks_only_kernel_words(state):
                # It goes along with the next change (SV12).
                self._everything = False
                at_ms = session.around.clock.now_ms()
                session.commit_or_stall([MarkSaved(revision=known, seq=state.seq, at_ms=at_ms)])
                return
            started_s = session.around.clock.monotonic_s()
            try:
                revision = await session.in_thread(partial(self._write, state))
            except RevisionConflict as conflict:
                if conflict.found is None:
                    if self._make_again:  # asked for while we were writing
                        continue
                    self._gone = True
                    self._fail(GONE)
                    return
                if not await self._merge():
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
                self._fail(f"Not saved: {error}")
                self._schedule_in(session.around.settings.save_retry_s)
                return
            self._make_again = self._everything = False
            self._took_s = session.around.clock.monotonic_s() - started_s
            self.base = self._content(state)
            session.commit_or_stall(
                [MarkSaved(revision=revision, seq=state.seq, at_ms=session.around.clock.now_ms())]
            )
            if self.unsaved:
                self.schedule()
            return
        self._fail("Not saved: the file keeps changing outside. Trying again.")
        self._schedule_in(session.around.settings.save_retry_s)

    def _write(self, state: SessionState) -> Revision:
        data = whole(encode_pieces(self._content(state), blobs=self._blob))
        expected = None if self._make_again else state.saved.revision
        around = self._session.around
        revision = around.storage.save(state.path, data, expected=expected)
        if not any(cell.foreign for cell in state.cells.values()):
            # All of its outputs were made here, or trusted: who opens these bytes again need not ask (SV11).
            self._mark = trust(around.journal, data, instead_of=self._mark)
        return revision

    def trust_file(self) -> None:
        """Trust the file's bytes, if they are those that we know. Blocking."""
        around, state = self._session.around, self._session.state
        try:
            data, entry = around.storage.read(state.path)
        except StorageError:
            return  # what is saved next is trusted then
        if entry.revision == state.saved.revision and not any(cell.foreign for cell in state.cells.values()):
            self._mark = trust(around.journal, data, instead_of=self._mark)

    def _content(self, state: SessionState) -> Notebook:
        return written(state, stream_limit_bytes=self._session.around.settings.file_stream_limit_bytes)

    def _lacks_only_kernel_words(self, state: SessionState, theirs: Collection[CellId] = ()) -> bool:
        """Return whether the file lacks nothing but what a kernel that started says of itself, and outputs of these cells."""
        base = self.base
        if base is None or self._make_again:
            return False
        metadata = {
            name: value
            for name, value in state.metadata.items()
            if name != "language_info" and (name != "kernelspec" or name in base.metadata)
        }
        held = {name: value for name, value in base.metadata.items() if name != "language_info"}
        content = replace(self._content(state), metadata=base.metadata)
        if theirs:
            written_cells = {cell.id: cell for cell in base.cells}
            cells = tuple(
                replace(cell, outputs=before.outputs, execution_count=before.execution_count)
                if cell.id in theirs and (before := written_cells.get(cell.id)) is not None
                else cell
                for cell in content.cells
            )
            content = replace(content, cells=cells)
        return metadata == held and content == base

    def _blob(self, ref: BlobRef) -> bytes:
        return self._session.around.blobs.get(ref.sha256)

    async def _merge(self) -> bool:
        """Take the outside change into the session. False: it could not be read (said in the page)."""
        session = self._session
        around = session.around
        try:
            read = await session.in_thread(partial(read_notebook, around, session.state.path))
        except InvalidNotebook as error:
            self._fail(f"Not saved: the file was changed outside and cannot be read as a notebook ({error}).")
            self._schedule_in(around.settings.save_retry_s)
            return False
        except CarnetError as error:
            self._fail(f"Not saved: {error}")
            self._schedule_in(around.settings.save_retry_s)
            return False
        state, theirs = session.state, read.notebook
        base = self.base if self.base is not None else theirs
        clean = not self.unsaved
        now_ms = around.clock.now_ms()
        ops = outside_change(state, base, theirs, new_ids=cell_ids(), at_ms=now_ms, trusted=read.trusted)
        # After this entry the file lacks only what was unsaved before, if anything.
        seq = state.seq + 1 if clean else state.saved.seq
        self.base = theirs
        log.info("notebook %s: merged an outside change", state.journal_id)
        return session.commit_or_stall([*ops, MarkSaved(revision=read.revision, seq=seq, at_ms=now_ms)])

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
