"""Bring a notebook to life: from its journal where there is one, else from its file.

A server that was killed and started again comes through here: snapshot, entries
after it, then what changed outside, then the effects that may not have been
performed. Rules LV13 to LV18: docs/specs/live.md.
"""

import asyncio
import logging
from dataclasses import dataclass

import msgspec

from carnet.core.notebook.model import Notebook
from carnet.core.session.apply import apply, apply_entry, effects_after_restart
from carnet.core.session.interpret import kernel_gone
from carnet.core.session.notebook_of import new_session
from carnet.core.session.operations import Entry, MarkSaved, TrustOutputs
from carnet.core.session.state import SessionState
from carnet.errors import InvalidNotebook, JournalDamaged, KernelError
from carnet.ids import JournalId, NotebookPath
from carnet.live.identity import is_another_notebook
from carnet.live.reading import read_notebook
from carnet.live.session import KERNEL_LOST, Session
from carnet.live.snapshots import pieces_of, state_of
from carnet.live.surroundings import Surroundings
from carnet.live.written import written

log = logging.getLogger("carnet.live")

_entry_decoder = msgspec.msgpack.Decoder(Entry)


@dataclass(frozen=True)
class Replayed:
    """A session's state out of its journal, and what its file held then."""

    state: SessionState
    base: Notebook | None


def replay(around: Surroundings, journal_id: JournalId, path: NotebookPath) -> Replayed | None:
    """Return the state at the journal's last entry; None: the journal holds nothing yet. Blocking.

    Raises:
        JournalDamaged: an entry cannot be read; nothing was changed.
    """
    stored = around.journal.snapshot(journal_id)
    if stored is None:
        return None
    try:
        state = state_of(stored[1])
    except msgspec.MsgspecError as error:
        raise JournalDamaged(f"Journal {journal_id}: its snapshot cannot be read ({error}).") from error
    entries: list[Entry] = []
    after = stored[0]
    while True:
        batch = list(around.journal.read(journal_id, after))
        if not batch:
            break
        after = batch[-1][0]
        try:
            entries += [_entry_decoder.decode(data) for _, data in batch]
        except msgspec.MsgspecError as error:
            raise JournalDamaged(
                f"Journal {journal_id}: an entry after {after} cannot be read ({error})."
            ) from error
    saved_seq = max(
        (op.seq for entry in entries for op in entry.ops if isinstance(op, MarkSaved)),
        default=state.saved.seq,
    )
    # The base of a three-way merge is the state at the number that the file holds.
    limit_bytes = around.settings.file_stream_limit_bytes
    base = None
    if state.seq == saved_seq or state.changed_seq <= saved_seq:
        base = written(state, stream_limit_bytes=limit_bytes)
    for entry in entries:
        state, _ = apply_entry(state, entry)
        if entry.seq == saved_seq:
            base = written(state, stream_limit_bytes=limit_bytes)
    if state.path != path:
        state = msgspec.structs.replace(state, path=path)
    return Replayed(state, base)


async def open_session(around: Surroundings, path: NotebookPath, *, writable: bool) -> Session:
    """Open the notebook at a path.

    Raises:
        StorageError: it cannot be read (NotFound, PermissionDenied, ...).
        InvalidNotebook: the file is not a notebook; nothing was changed.
    """
    loop = asyncio.get_running_loop()
    state, base = await loop.run_in_executor(around.workers, _load, around, path)
    session = Session(state, around, writable=writable)
    session.saver.base = base
    await session.saver.look_outside()
    await _find_kernel(session)
    session.perform(effects_after_restart(session.state))
    log.info("notebook %s: open, %d cells, entry %d", state.journal_id, len(state.order), state.seq)
    return session


def _load(around: Surroundings, path: NotebookPath) -> tuple[SessionState, Notebook | None]:
    now_ms = around.clock.now_ms()
    around.storage.stat(path)  # a notebook that is gone is not opened from its journal alone
    record = around.journal.open_notebook(path, now_ms)
    if record is not None:
        try:
            replayed = replay(around, record.journal_id, path)
        except JournalDamaged:
            log.exception("journal %s: set aside; opening from the file", record.journal_id)
            around.journal.detach_notebook(record.journal_id)
            record = None
        else:
            if replayed is not None and not _replaced(around, path, replayed.state):
                return replayed.state, replayed.base
            if replayed is not None:
                log.info("journal %s: its file was replaced by another notebook", record.journal_id)
                around.journal.detach_notebook(record.journal_id)
                record = None
    notebook, revision, trusted = read_notebook(around, path)
    if record is None:
        record = around.journal.create_notebook(path, now_ms)
    state = new_session(record.journal_id, path, notebook, revision, at_ms=now_ms)
    if trusted:
        state, _ = apply(state, TrustOutputs(state.order), seq=0)
    around.journal.put_snapshot(state.journal_id, state.seq, pieces_of(state))
    return state, notebook


def _replaced(around: Surroundings, path: NotebookPath, state: SessionState) -> bool:
    if around.storage.stat(path).revision == state.saved.revision:
        return False
    try:
        notebook = read_notebook(around, path).notebook
    except InvalidNotebook:
        return False  # the session opens from its journal, and says what is wrong with the file
    return is_another_notebook(state, notebook)


async def _find_kernel(session: Session) -> None:
    """Go on with the kernel this notebook was bound to, if it still lives; else say that it is lost."""
    kernel = session.state.kernel
    if kernel.id is None or kernel.status in ("none", "dead"):
        return
    try:
        await session.around.host.connect()
        living = {info.kernel_id for info in await session.around.host.kernels()}
    except KernelError as error:
        log.warning("notebook %s: the kernel host: %s", session.state.journal_id, error)
        living = set()
    if kernel.id in living:
        await session.read_kernel()
        session.start(session.settle_runs(), "settle")
        return
    session.commit_or_stall(
        kernel_gone(session.state, problem=KERNEL_LOST, at_ms=session.around.clock.now_ms())
    )
