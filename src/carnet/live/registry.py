"""All open notebooks of this server: one session for each path, whoever asks.

Also what must happen without anybody looking: sessions with kernels or unsaved
work are opened again after a restart, outside changes are looked for, idle
sessions are closed. Rules LV1, LV9, LV18, LV19: docs/specs/live.md.
"""

import asyncio
import logging

from carnet.core.session.operations import SetPath
from carnet.errors import CarnetError, KernelError
from carnet.ids import JournalId, KernelId, NotebookPath
from carnet.live.memory_guard import MemoryGuard
from carnet.live.opening import open_session
from carnet.live.session import Session
from carnet.live.surroundings import Surroundings
from carnet.storage.paths import normalise_path

log = logging.getLogger("carnet.live")

_OPEN_KEY = "live.open"
"""Journal ids of the sessions that were open, one a line: what a killed server must look at again."""


class Registry:
    """The open sessions. One for each server; made by the composition root."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        # An open notebook keeps its name, even while its file is gone (SV5).
        around.storage.name_taken = self._has_name  # type: ignore[method-assign]  # the hook is made for it
        self._sessions: dict[NotebookPath, asyncio.Task[Session]] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._guard: asyncio.Task[None] | None = None
        self._stopping = False

    async def open(self, path: NotebookPath) -> Session:
        """Return the session of this notebook, opening it if needed.

        Raises:
            StorageError, InvalidNotebook: it cannot be opened; nothing was changed.
        """
        if self._stopping:
            raise CarnetError("The server is stopping. Try again in a moment.")
        task = self._sessions.get(path)
        if task is None:
            task = asyncio.create_task(self._open(path), name=f"open {path}")
            self._sessions[path] = task
            self._keep()
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            raise
        except Exception:
            if self._sessions.get(path) is task:
                del self._sessions[path]
            raise

    def normalise(self, raw: str) -> NotebookPath:
        """Return the path as storage spells it.

        Raises:
            InvalidPath: it is not a path below the root.
        """
        return normalise_path(raw)

    def find(self, path: NotebookPath) -> Session | None:
        """Return the open session of this notebook, or None."""
        task = self._sessions.get(path)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def sessions(self) -> list[Session]:
        """Return the open sessions, in the order they were opened."""
        return [session for path in tuple(self._sessions) if (session := self.find(path)) is not None]

    def _has_name(self, path: NotebookPath) -> bool:
        return path in self._sessions

    def bound_to(self, kernel_id: KernelId) -> Session | None:
        """Return the session that this kernel belongs to, or None."""
        return next((s for s in self.sessions() if s.state.kernel.id == kernel_id), None)

    async def renamed(self, old: NotebookPath, new: NotebookPath) -> None:
        """Follow a file or folder that the storage has just renamed.

        What had the new name before is gone, or the storage would have refused.
        """
        await self.deleted(new)
        self.around.journal.rename_folder(old, new)
        record = self.around.journal.open_notebook(old, self.around.clock.now_ms())
        if record is not None:
            self.around.journal.rename_notebook(record.journal_id, new)
        for path in tuple(self._sessions):
            if path == old or path.startswith(f"{old}/"):
                session = self.find(path)
                moved = NotebookPath(new + path[len(old) :])
                self._sessions[moved] = self._sessions.pop(path)
                if session is not None:
                    session.commit_or_stall([SetPath(path=moved)])

    async def deleted(self, path: NotebookPath) -> None:
        """Follow a file or folder that was just deleted on purpose: its sessions and their kernels end.

        The journal is kept, but no longer belongs to the path: another notebook may take the name.
        """
        for open_path in tuple(self._sessions):
            if open_path == path or open_path.startswith(f"{path}/"):
                session = self.find(open_path)
                self._sessions.pop(open_path)
                if session is not None:
                    await session.end()
        for record in self.around.journal.all_notebooks():
            if record.path is not None and (record.path == path or record.path.startswith(f"{path}/")):
                self.around.journal.detach_notebook(record.journal_id)
        self._remember_open()

    async def close(self, path: NotebookPath) -> None:
        """Close a session: saved, snapshot written. Its kernel goes on if it has one."""
        task = self._sessions.pop(path, None)
        if task is not None:
            session = await task
            await session.close()
            self._remember_open()

    async def recover(self) -> int:
        """Open again what a server that did not stop cleanly had open; return how many."""
        stored = self.around.journal.get_value(_OPEN_KEY)
        count = 0
        for journal_id in (stored or b"").decode().splitlines():
            record = self.around.journal.find_notebook(JournalId(journal_id))
            if record is None or record.path is None:
                continue
            try:
                await self.open(record.path)
                count += 1
            except CarnetError as error:
                log.warning("notebook %s cannot be opened again: %s", record.journal_id, error)
        return count

    async def stop(self) -> None:
        """Close every session; kernels go on. The open ones are found again by `recover`."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
        if self._guard is not None:
            self._guard.cancel()
        self._remember_open()
        results = await asyncio.gather(
            *(session.close() for session in self.sessions()), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                log.error("a session did not close: %s", result, exc_info=result)
        await asyncio.get_running_loop().run_in_executor(None, self.around.workers.shutdown)

    def abandon(self) -> None:
        """Stop without closing anything, as if the process had died. For tests of what comes after that."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
        if self._guard is not None:
            self._guard.cancel()
        self.around.workers.shutdown(wait=True)

    # ---- inside

    async def _open(self, path: NotebookPath) -> Session:
        session = await open_session(self.around, path, writable=True)
        session.start(self._learn_kernelspecs(), "kernelspecs")
        self._remember_open(session)
        return session

    async def _learn_kernelspecs(self) -> None:
        try:
            await self.around.kernelspecs.learn(self.around.host)
        except KernelError as error:
            log.warning("the kernel host: %s", error)

    def _remember_open(self, *more: Session) -> None:
        ids = {session.state.journal_id for session in (*self.sessions(), *more)}
        self.around.journal.put_value(_OPEN_KEY, "\n".join(sorted(ids)).encode())

    def _keep(self) -> None:
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_forever(), name="session keeper")
            if self.around.settings.memory_guard > 0:
                guard = MemoryGuard(self.around, self.sessions)
                self._guard = asyncio.create_task(guard.guard_forever(), name="memory guard")

    async def _keep_forever(self) -> None:
        settings = self.around.settings
        while True:
            await asyncio.sleep(settings.watch_interval_s or 1.0)
            now_s = self.around.clock.monotonic_s()
            for path in tuple(self._sessions):
                session = self.find(path)
                if session is None:
                    continue
                try:
                    if session.idle and now_s - session.last_active_s > settings.idle_session_s:
                        await self.close(path)
                    elif settings.watch_interval_s and session.followed:
                        await session.saver.look_outside()
                except Exception:
                    # One notebook's trouble must not end the watch over the others.
                    log.exception("notebook %s: looking after it failed", session.state.journal_id)
