"""One room of a text file: a shared document whose letters are kept, and brought together with the file.

A text file has no session. Here the document is what people write in, each
update is kept before anybody is told of it, and the file is written within a
second, on the revision that is known. What changed in the file meanwhile is
merged line by line. Rules CB24 to CB30: docs/specs/collaboration.md.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeVar

from carnet.collaboration import protocol
from carnet.collaboration.members import (
    ANOTHER_HISTORY,
    FAULT,
    FORBIDDEN,
    GONE,
    MALFORMED,
    TRY_AGAIN,
    Member,
    Members,
)
from carnet.collaboration.room import CHECKED_ASIDE_BYTES, WAITING_LIMIT_BYTES
from carnet.collaboration.shared_document import Spoilt
from carnet.collaboration.text_document import TextDocument, text_at
from carnet.collaboration.text_file import TEXT_LIMIT_BYTES, NoText, TextFile, plain, text_file
from carnet.collaboration.updates import TEXT_ROOTS, Brought, check_update
from carnet.core.text.merge import Merged, merge
from carnet.errors import AlreadyExists, CarnetError, JournalError, NotFound, PeerError, RevisionConflict
from carnet.ids import NotebookPath, Revision, new_id
from carnet.journal.texts import Beginning, Held, TextStore, Writing
from carnet.live.surroundings import Surroundings

log = logging.getLogger("carnet.collaboration")

COMPACT_UPDATES: Final = 1000
"""When so many updates are kept that the file holds, they are put together."""

HISTORY_LIMIT_BYTES: Final = 4 * TEXT_LIMIT_BYTES
"""A history that is longer when nobody is in the room, and the file holds everything, is begun anew: clients reload."""

EXPIRED: Final = json.dumps({"reason": "session_expired", "reloadable": True})

T = TypeVar("T")


class TextRoom:
    """The room of one text file. Made by `open_text_room`, kept by `collaboration.text_rooms`."""

    def __init__(self, around: Surroundings, store: TextStore, prepared: "Prepared") -> None:
        self.file_id = prepared.file_id
        self.path = prepared.path
        self.history = prepared.history
        self.members = Members()
        self.closed = False
        self.problem = ""
        """Why the file lacks what is written; empty: it does not, or not for long."""
        self.on_end: Callable[[], None] = lambda: None
        self._around = around
        self._store = store
        self._document = prepared.document
        self._known = prepared.known
        self._number = prepared.number
        """Of the update that was kept last."""
        self._together = prepared.together
        """Updates up to this one are kept as one, or soon will be."""
        self._turn = asyncio.Lock()
        """One at a time changes the document, or reads it."""
        self._saving = asyncio.Lock()
        self._waiting_bytes = 0
        """Of updates that are not in the document yet, since others are missing."""
        self._writing = Writing()
        """What was written last, until it is known whether the file holds it."""
        self._make_again = False
        """The file is gone, and somebody saves it on purpose."""
        self._timer: asyncio.TimerHandle | None = None
        self._took_s = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        if prepared.update:
            self.members.tell(protocol.changed(prepared.update))
        if self.unsaved:
            self._schedule_in(0.0)
        if around.settings.watch_interval_s:
            self._start(self._watch())

    @property
    def unsaved(self) -> bool:
        """Whether something was kept after what the file holds."""
        return self._known.held.number < self._number

    @property
    def is_gone(self) -> bool:
        """Whether the file is not there any more."""
        return self._known.held.revision is None

    # ---- members

    async def join(self, member: Member) -> None:
        """Let a client in."""
        async with self._turn:
            if member.may_edit:
                member.send(protocol.what_i_have(self._document.vector()))
            self.members.welcome(member)

    def leave(self, member: Member) -> None:
        """A client is gone; it may come back."""
        self.members.leave(member)

    async def receive(self, member: Member, frame: bytes) -> None:
        """Handle one message of a client. To be called in order, one at a time.

        Raises:
            PeerError: it is malformed; the socket is to be closed.
        """
        message = protocol.decode(frame)
        match message:
            case protocol.WhatIHave(vector=vector):
                async with self._turn:
                    member.send(protocol.what_you_miss(self._document.missing(vector)))
            case protocol.WhatYouMiss(update=update):
                if member.may_edit and update != protocol.NOTHING:
                    await self._change(member, update)
            case protocol.Changed(update=update):
                if not member.may_edit:
                    member.socket.end(FORBIDDEN, "this token may look, but not change")
                elif update != protocol.NOTHING:
                    await self._change(member, update)
            case protocol.Presences(of=said):
                self.members.hear(member, said)
            case protocol.AskPresences():
                self.members.answer(member)
            case protocol.Save(number=number):
                ok = member.may_edit and await self.save(make_again=True)
                member.send(protocol.saved(number, ok=ok))
            case None:
                pass

    def end(self, code: int, reason: str) -> None:
        """Send everybody away and close. What is kept stays."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        self.members.send_away(code, reason)
        self.on_end()

    def renamed(self, path: NotebookPath) -> None:
        """Follow the file."""
        self.path = path
        self._start(self._say_path())

    # ---- what clients do

    async def _change(self, member: Member, update: bytes) -> None:
        check = partial(check_update, update, roots=TEXT_ROOTS)
        brought = await self._in_thread(check) if len(update) > CHECKED_ASIDE_BYTES else check()
        if brought.types:
            raise PeerError("not a Yjs message: a shared type that no text file has")
        async with self._turn:
            if self.closed or member not in self.members:
                return
            if not brought.founders <= self._document.has().keys():
                # It was written in a document that began elsewhere: put together, all of it would be there twice.
                member.socket.end(ANOTHER_HISTORY, EXPIRED)
                return
            try:
                self._take(member, update, brought)
            except Spoilt:
                await self._begin_again()
                raise
            except PeerError:
                raise
            except JournalError as error:
                log.warning("text %s: %s", self.file_id, error)
                self.end(TRY_AGAIN, "nothing can be recorded now; come back")
            except Exception:
                # One update that we do not understand must not leave a document that shows what is not kept.
                log.exception("text %s: an update could not be taken", self.file_id)
                self.end(FAULT, "something went wrong; come back")

    def _take(self, member: Member, update: bytes, brought: Brought) -> None:
        new = self._document.take(update)
        if brought.waits(self._document.has()):
            self._waiting_bytes += len(update)
            if self._waiting_bytes > WAITING_LIMIT_BYTES:
                raise Spoilt("updates that wait for what does not come")
        else:
            self._waiting_bytes = 0
        if not new:
            return
        text = self._document.text
        if len(text) > TEXT_LIMIT_BYTES:
            raise Spoilt(f"a text of more than {TEXT_LIMIT_BYTES} letters cannot be shared")
        self._keep(new)
        self.members.tell(protocol.changed(new), but=member)
        self._say(plain(text))
        if self.unsaved:
            self._schedule()

    async def _begin_again(self) -> None:
        """Make the document anew from what is kept, which is all that anybody was told."""
        record = await self._in_thread(lambda: self._store.record(self.path))
        if record is None:
            self.end(GONE, "this file was deleted")
            return
        document = TextDocument()
        document.load([update for _, update in record.updates])
        self._document, self._waiting_bytes = document, 0

    # ---- the file

    async def save(self, *, make_again: bool = False) -> bool:
        """Write what is unsaved now; return whether the file holds all of it. `make_again`: also if it is gone."""
        asked = self._number  # what comes while it is written is for the next one
        async with self._saving:
            self._make_again = make_again
            if self.unsaved or (make_again and self._known.held.revision is None):
                await self._save()
            return not self.problem and self._known.held.number >= asked

    async def look_outside(self) -> None:
        """Merge what changed in the file, if it did; say so if it is gone."""
        async with self._saving:
            await self._look()

    async def _look(self) -> None:
        path = self.path
        try:
            entry = await self._in_thread(lambda: self._around.storage.stat(path))
        except NotFound:
            if path == self.path:
                self._is_gone()
            return
        except CarnetError:
            return  # it cannot be looked at now; the next save or look says more
        if path == self.path and entry.revision != self._known.held.revision:
            await self._merge()
            if self.unsaved:
                await self._save()

    async def _save(self) -> None:
        around = self._around
        for _ in range(3):  # an outside change can come in between; each round merges it
            if self._writing.digest and not self.is_gone and not await self._merge():
                return  # of the last save nobody knows whether it happened, and now it cannot be seen
            async with self._turn:
                text, number, path, known = self._document.text, self._number, self.path, self._known
            revision = known.held.revision
            if revision is not None and text == known.file.text:
                self._holds(Known(known.file, Held(revision, number)))
                return
            if revision is None and not self._make_again:
                return  # it is gone; who saves on purpose writes it again
            started_s = around.clock.monotonic_s()
            try:
                written = await self._in_thread(
                    partial(self._write, path, known.file, text, number, revision)
                )
            except RevisionConflict as conflict:
                if path != self.path:
                    continue  # renamed meanwhile
                if conflict.found is None:
                    self._is_gone()
                elif not await self._merge():
                    return
                continue
            except AlreadyExists:
                if not await self._merge():  # it came back by itself while we were about to make it again
                    return
                continue
            except CarnetError as error:
                if path != self.path:
                    continue
                if isinstance(error, NotFound):
                    self._is_gone()  # with its folder
                self._fails(f"not saved: {error}")
                self._schedule_in(around.settings.save_retry_s)
                return
            self._took_s = around.clock.monotonic_s() - started_s
            self._holds(Known(written.file, Held(written.revision, number)))
            log.info("text %s: saved", self.file_id)
            if self.unsaved:
                self._schedule()
            return
        self._fails("not saved: the file keeps changing outside")
        self._schedule_in(around.settings.save_retry_s)

    def _write(
        self, path: NotebookPath, file: TextFile, text: str, number: int, expected: Revision | None
    ) -> "Written":
        """Write the file. Blocking."""
        data = file.bytes_of(text)
        # Should we not hear that it was written, or die before: who reads these bytes next knows whose they are.
        self._writing = Writing(sha256(data).hexdigest(), number)
        self._store.begin_writing(self.file_id, self._writing)
        revision = self._around.storage.save(path, data, expected=expected)
        return Written(text_file(path, data), revision)

    async def _merge(self) -> bool:
        """Bring what the file holds now into the document. False: it cannot be read as text."""
        path = self.path
        try:
            found = await self._in_thread(partial(self._read, path))
        except NotFound:
            self._is_gone()
            return False
        except CarnetError as error:
            self._fails(f"not saved: {error}")
            self._schedule_in(self._around.settings.save_retry_s)
            return False
        if self._writing.digest == sha256(found.data).hexdigest():
            self._holds(Known(found.file, Held(found.revision, self._writing.number)))
            return True
        async with self._turn:
            if self.closed:
                return False
            base, ours = self._known.file.text, self._document.text
            merged = await self._in_thread(lambda: merge(base, ours, found.file.text))
            update = await self._in_thread(lambda: self._document.become(merged.text, {}))
            known = _known_after(found, merged, self._number + bool(update))
            try:
                if update:
                    self._store.append(self.file_id, self._number + 1, update, known.held)
                else:
                    self._store.hold(self.file_id, known.held)
            except JournalError as error:
                log.warning("text %s: %s", self.file_id, error)
                self.end(TRY_AGAIN, "nothing can be recorded now; come back")
                return False
            self._number += bool(update)
            self._known, self.problem, self._writing = known, "", Writing()
            if update:
                self.members.tell(protocol.changed(update))
        log.info("text %s: merged an outside change, %d conflicts", self.file_id, merged.conflicts)
        return True

    def _read(self, path: NotebookPath) -> "Found":
        data, entry = self._around.storage.read(path)
        assert entry.revision is not None, "a file has a revision"
        return Found(text_file(path, data), entry.revision, data)

    def _is_gone(self) -> None:
        held = self._known.held
        if held.revision is not None:
            self._fails("its file is gone; what is written is kept, and saved again by whoever saves it")
            self._known = Known(self._known.file, Held(None, held.number, held.base))

    def _holds(self, known: "Known") -> None:
        """The file holds this."""
        self._known, self.problem, self._make_again = known, "", False
        self._writing = Writing()
        try:
            self._store.hold(self.file_id, known.held)
        except JournalError as error:
            # The next one who opens it finds by its bytes what was written.
            log.warning("text %s: %s", self.file_id, error)
        if not self.unsaved:
            self._start(self._say_saved())
        if known.held.number - self._together > COMPACT_UPDATES:
            self._together = known.held.number
            self._start(self._compact())

    def _fails(self, problem: str) -> None:
        if self.problem != problem:
            log.warning("text %s: %s", self.file_id, problem)
        self.problem = problem

    async def _watch(self) -> None:
        while not self.closed:
            await asyncio.sleep(self._around.settings.watch_interval_s)
            if self.members:
                await self.look_outside()

    async def _compact(self) -> None:
        """Put together what the file holds; the base of a merge stays what it is."""

        def put_together() -> None:
            record = self._store.record(self.path)
            if record is None or record.held.base is not None:
                return
            number = record.held.number
            document = TextDocument()
            document.load([update for one, update in record.updates if one <= number])
            self._store.compact(self.file_id, document.whole(), number)

        try:
            await self._in_thread(put_together)
        except (JournalError, PeerError) as error:
            log.warning("text %s: not compacted: %s", self.file_id, error)

    # ---- keeping and telling

    async def _say_saved(self) -> None:
        async with self._turn:
            if not self.closed and not self.unsaved:
                was_saved = self._number
                self._say(None, dirty=False)
                if self._number > was_saved:
                    # What was said of it is no text: the file holds that, too.
                    held = Held(self._known.held.revision, self._number)
                    self._known = Known(self._known.file, held)
                    try:
                        self._store.hold(self.file_id, held)
                    except JournalError as error:
                        log.warning("text %s: %s", self.file_id, error)

    async def _say_path(self) -> None:
        async with self._turn:
            if not self.closed:
                self._say(None)
                self._schedule()

    def _say(self, text: str | None, **more: Any) -> None:
        """Make the document say what is so, where it does not."""
        update = self._document.become(
            self._document.text if text is None else text, {**_about(self.file_id, self.path), **more}
        )
        if update:
            try:
                self._keep(update)
            except JournalError as error:
                log.warning("text %s: %s", self.file_id, error)
                self.end(TRY_AGAIN, "nothing can be recorded now; come back")
                return
            self.members.tell(protocol.changed(update))

    def _keep(self, update: bytes) -> None:
        self._store.append(self.file_id, self._number + 1, update)
        self._number += 1

    # ---- time

    def _schedule(self) -> None:
        # A file that takes long to write is written less often: at most a tenth of the time.
        self._schedule_in(max(self._around.settings.autosave_delay_s, 10 * self._took_s))

    def _schedule_in(self, delay_s: float) -> None:
        if self.closed:
            return
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer = None
        self._start(self._save_due())

    async def _save_due(self) -> None:
        await self.save()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"text {self.file_id}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("text %s: %s", self.file_id, error, exc_info=error)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._around.workers, work)


@dataclass(frozen=True)
class Known:
    """What we know of the file."""

    file: TextFile
    held: Held


@dataclass(frozen=True)
class Written:
    """What a save wrote."""

    file: TextFile
    revision: Revision


@dataclass(frozen=True)
class Found:
    """What is in the file."""

    file: TextFile
    revision: Revision
    data: bytes


@dataclass(frozen=True)
class Prepared:
    """A document that shows what is kept, brought together with the file."""

    file_id: str
    path: NotebookPath
    history: str
    is_new: bool
    """This history begins now."""
    document: TextDocument
    known: Known
    number: int
    together: int
    update: bytes = b""


async def open_text_room(around: Surroundings, store: TextStore, path: NotebookPath) -> tuple[TextRoom, bool]:
    """Open the room of a text file; also return whether its history begins now.

    Raises:
        NotFound, StorageError: there is no such file, or it cannot be read.
        NoText: it is no text, or too large.
        JournalError: nothing can be kept.
    """
    loop = asyncio.get_running_loop()
    prepared = await loop.run_in_executor(around.workers, _prepare, around, store, path)
    return TextRoom(around, store, prepared), prepared.is_new


def _prepare(around: Surroundings, store: TextStore, path: NotebookPath) -> Prepared:
    data, entry = around.storage.read(path)
    if entry.revision is None:
        raise NoText(f"{path}: it is a folder, not a file.")
    found = Found(text_file(path, data), entry.revision, data)
    try:
        prepared = _from_kept(store, path, found)
    except (JournalError, PeerError) as error:
        log.warning("text %s: its history begins anew: %s", path, error)
        prepared = None
    if prepared is None:
        prepared = _from_file(store, path, found, around.clock.now_ms())
    else:
        store.used(prepared.file_id, around.clock.now_ms())
    return prepared


def _from_file(store: TextStore, path: NotebookPath, found: Found, now_ms: int) -> Prepared:
    document, file_id, history = TextDocument(), store.id_of(path) or new_id(), new_id()
    document.begin(found.file.text)
    document.become(found.file.text, _about(file_id, path))
    store.begin(Beginning(file_id, path, history, found.revision, document.whole()), now_ms)
    known = Known(found.file, Held(found.revision, 1))
    return Prepared(file_id, path, history, True, document, known, 1, 1)


def _from_kept(store: TextStore, path: NotebookPath, found: Found) -> Prepared | None:
    """Return the document that is kept, with what the file has that it lacks; None: there is none, or it is too long."""
    record = store.record(path)
    if record is None or not record.updates:
        return None
    together, number = record.updates[0][0], record.updates[-1][0]
    is_saved = record.held.number == number and record.held.revision == found.revision
    if is_saved and sum(len(update) for _, update in record.updates) > HISTORY_LIMIT_BYTES:
        return None
    document = TextDocument()
    document.load([update for _, update in record.updates])
    prepared = partial(Prepared, record.file_id, path, record.history, False, document)
    if record.writing.digest == sha256(found.data).hexdigest():
        # A save of ours of which we did not hear the end.
        held = Held(found.revision, record.writing.number)
        store.hold(record.file_id, held)
        return prepared(Known(found.file, held), number, together)
    if record.held.revision == found.revision:
        return prepared(Known(found.file, record.held), number, together)
    if record.held.base is not None:
        base = text_file(path, record.held.base).text
    else:
        base = text_at([update for one, update in record.updates if one <= record.held.number])
    merged = merge(base, document.text, found.file.text)
    update = document.become(merged.text, _about(record.file_id, path))
    known = _known_after(found, merged, number + bool(update))
    if update:
        store.append(record.file_id, number + 1, update, known.held)
    else:
        store.hold(record.file_id, known.held)
    return prepared(known, number + bool(update), together, update)


def _known_after(found: Found, merged: Merged, number: int) -> Known:
    """Return what is known of the file after it was merged into a document whose last update has this number."""
    if merged.text == found.file.text:
        return Known(found.file, Held(found.revision, number))
    return Known(found.file, Held(found.revision, 0, found.data))


def _about(file_id: str, path: NotebookPath) -> dict[str, Any]:
    return {"path": path, "document_id": f"text:file:{file_id}", "hash": protocol.ROOM_HASH}


REFUSED: Final = MALFORMED
"""Jupyter's close code for what cannot be opened: JupyterLab closes the tab then, and says so."""
