"""The rooms of text files: one for each that somebody shares. Rules CB24, CB29: docs/specs/collaboration.md."""

import asyncio
import logging
from typing import Final

from carnet.collaboration.members import GONE, TRY_AGAIN
from carnet.collaboration.text_room import TextRoom, open_text_room
from carnet.errors import CarnetError, NotFound
from carnet.ids import NotebookPath
from carnet.journal.texts import TextStore
from carnet.live.surroundings import Surroundings

log = logging.getLogger("carnet.collaboration")

LINGER_S: Final = 60.0
"""A room without clients stays open for so long: they come back after a cut."""

FORGET_AFTER_S: Final = 30 * 24 * 3600
"""What is kept of a file that nobody shared for so long goes, if the file holds everything."""


class TextRooms:
    """The open rooms of text files. One for each server."""

    def __init__(self, around: Surroundings, store: TextStore) -> None:
        self._around = around
        self._store = store
        self._opening: dict[NotebookPath, asyncio.Task[tuple[TextRoom, bool]]] = {}
        self._closing: dict[TextRoom, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        store.forget_unused(around.clock.now_ms() - FORGET_AFTER_S * 1000)

    async def of_path(self, path: NotebookPath) -> tuple[TextRoom, bool]:
        """Return the room of the file at a path, and whether its history begins now.

        Raises:
            CarnetError: it cannot be opened, or is no text.
        """
        task = self._opening.get(path)
        is_first = task is None
        if task is None:
            task = asyncio.create_task(self._begin(path), name=f"text room {path}")
            self._opening[path] = task
        try:
            room, is_new = await asyncio.shield(task)
        except asyncio.CancelledError:
            raise
        except Exception:
            if self._opening.get(path) is task:
                del self._opening[path]
            raise
        return room, is_new and is_first

    async def of_file(self, file_id: str) -> TextRoom:
        """Return the room of a file by the id that the session of its path has.

        Raises:
            NotFound: there is no such file.
        """
        path = self._store.find(file_id)
        if path is None:
            raise NotFound(
                f"There is no text {file_id}; it may have been deleted. Ask for a session of its path."
            )
        room, _ = await self.of_path(path)
        if room.file_id != file_id:
            raise NotFound(f"{path} is another file now. Ask for a session of its path.")
        return room

    def find(self, path: NotebookPath) -> TextRoom | None:
        """Return the open room of a file, or None."""
        task = self._opening.get(path)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()[0]

    def left(self, room: TextRoom) -> None:
        """Somebody left; close it after a while if that was the last."""
        if room.members or room.closed:
            return
        if (timer := self._closing.pop(room, None)) is not None:
            timer.cancel()
        self._closing[room] = asyncio.get_running_loop().call_later(LINGER_S, self._close, room)

    def renamed(self, old: NotebookPath, new: NotebookPath) -> None:
        """Follow a file or a folder to its new path."""
        self.deleted(new)
        for path in tuple(self._opening):
            if path == old or path.startswith(f"{old}/"):
                room, moved = self.find(path), NotebookPath(new + path[len(old) :])
                self._opening[moved] = self._opening.pop(path)
                if room is not None:
                    room.renamed(moved)

    def deleted(self, path: NotebookPath) -> None:
        """End the rooms of a file, or of those in a folder, that were deleted on purpose."""
        for one in tuple(self._opening):
            if one == path or one.startswith(f"{path}/"):
                room = self.find(one)
                if room is not None:
                    room.end(GONE, "this file was deleted")

    async def save_below(self, path: NotebookPath) -> None:
        """Write what is unsaved of a file, or of those in a folder, which is about to be deleted."""
        for one in tuple(self._opening):
            room = self.find(one) if one == path or one.startswith(f"{path}/") else None
            if room is not None:
                await room.save()

    async def recover(self) -> None:
        """Write the files that a server which did not stop cleanly left behind."""
        for path in self._store.unsaved():
            try:
                room, _ = await self.of_path(path)
                await room.save()
            except CarnetError as error:
                log.warning("text %s lacks what was written in it: %s", path, error)

    async def stop(self) -> None:
        """Write what is unsaved, and close all."""
        for path in tuple(self._opening):
            room = self.find(path)
            if room is not None:
                await room.save()
                room.end(TRY_AGAIN, "the server stops")

    def abandon(self) -> None:
        """Close all without saving anything, as if the process had died. For tests of what comes after that."""
        for path in tuple(self._opening):
            room = self.find(path)
            if room is not None:
                room.end(TRY_AGAIN, "abandoned")

    # ---- inside

    async def _begin(self, path: NotebookPath) -> tuple[TextRoom, bool]:
        room, is_new = await open_text_room(self._around, self._store, path)
        room.on_end = lambda: self._ended(room)
        self.left(room)
        return room, is_new

    def _ended(self, room: TextRoom) -> None:
        if (timer := self._closing.pop(room, None)) is not None:
            timer.cancel()
        if self.find(room.path) is room:
            del self._opening[room.path]

    def _close(self, room: TextRoom) -> None:
        del self._closing[room]
        if not room.members and not room.closed:
            task = asyncio.create_task(self._put_away(room), name=f"close text room {room.file_id}")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _put_away(self, room: TextRoom) -> None:
        is_saved = await room.save()
        if room.members or room.closed:
            return
        if is_saved or room.is_gone:
            room.end(GONE, "closed")
        else:
            self.left(room)  # it tries again; what is written is kept meanwhile
