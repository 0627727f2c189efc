"""What Jupyter calls sessions: a path, and the kernel that belongs to it. No second truth.

The notebook of such a session is one of ours where it is in the store: its kernel
is the one its `live` session is bound to, and nothing is kept here. Consoles,
and paths that clients have invented, have no notebook of ours: for those, and
only those, path and kernel are kept in a small table. Rules JS1 to JS7:
docs/specs/jupyter-api.md.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from carnet.core.session.intents import Intent, IntentBody, StartKernel
from carnet.core.session.operations import SetKernel
from carnet.core.session.state import KernelState
from carnet.core.wire.host import KernelInfo
from carnet.errors import AlreadyExists, KernelError, NoSuchKernel, NoSuchKernelspec, NotFound, StorageError
from carnet.ids import ClientId, KernelId, NotebookPath, new_id, new_kernel_id
from carnet.journal.store import JournalStore
from carnet.live.session import Session
from carnet.server.kernel_actions import act, gone
from carnet.server.workbench import Workbench
from carnet.storage.paths import normalise_path

SessionType = Literal["notebook", "console", "file"]

START_WAIT_S: Final = 20.0
"""How long a start of a kernel may take to reach the kernel host."""

_LOOK_S: Final = 0.02
_KEY: Final = "api.sessions"


class ApiSession(Struct, frozen=True):
    """One session, as clients of Jupyter's API see it."""

    id: str
    path: str
    name: str
    type: str
    kernel_id: KernelId
    adopted: str = ""
    """The journal of the notebook of ours whose session it became (JS7). All that is kept of it is its id."""


class Wanted(Struct, frozen=True):
    """What a client asks for."""

    path: str
    name: str = ""
    type: str = "notebook"
    kernel_id: str = ""
    kernelspec: str = ""


class ApiSessions:
    """All of them, of one server."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def all(self) -> list[tuple[ApiSession, KernelInfo]]:
        """Return them with their kernels. Entries of the table whose kernel is gone are taken out."""
        kernels = {one.kernel_id: one for one in await self._bench.kernels_if_any()}
        found: list[tuple[ApiSession, KernelInfo]] = []
        bound: set[KernelId] = set()
        table = _read(self._bench.journal)
        ids = {one.adopted: one.id for one in table if one.adopted}
        live: set[str] = set()
        for session in self._bench.registry.sessions():
            kernel = kernels.get(session.state.kernel.id) if session.state.kernel.id is not None else None
            if kernel is not None:
                bound.add(kernel.kernel_id)
                live.add(session.state.journal_id)
                found.append((_of_live(session, kernel.kernel_id, ids), kernel))
        kept = [one for one in table if one.kernel_id in kernels or one.adopted in live]
        if len(kept) < len(table):
            _write(self._bench.journal, kept)
        found += [(one, kernels[one.kernel_id]) for one in kept if one.adopted not in live]
        bound |= {one.kernel_id for one in kept}
        # Kernels of notebooks that nobody has open now.
        found += [
            (_of_label(kernel), kernel)
            for kernel in kernels.values()
            if kernel.label and kernel.kernel_id not in bound
        ]
        return found

    async def find(self, session_id: str) -> tuple[ApiSession, KernelInfo]:
        """Return one by its id; a kernel's id stands for the session it is in.

        Raises:
            NotFound: there is none.
        """
        found = await self.all()
        for one in found:
            if session_id == one[0].id:
                return one
        journals = {
            session.state.kernel.id: session.state.journal_id for session in self._bench.registry.sessions()
        }
        for one in found:
            if session_id in {one[1].kernel_id, journals.get(one[1].kernel_id)}:
                return one
        raise NotFound(f"There is no session {session_id}; it may have ended.")

    async def open(self, wanted: Wanted, *, by: str) -> ApiSession:
        """Return the session of this path; made, with a kernel, where there is none.

        Raises:
            NoSuchKernelspec, NoSuchKernel: what it is to run on is not there.
            KernelError: the kernel did not start.
        """
        for one, _ in await self.all():
            if one.path == wanted.path and one.type == wanted.type:
                return one
        await self._check(wanted)
        if wanted.type == "notebook" and await self._is_notebook(wanted.path):
            session = await self._bench.registry.open(NotebookPath(wanted.path))
            if wanted.kernel_id:
                await self._bind(session, KernelId(wanted.kernel_id))
            elif session.state.kernel.status in {"none", "dead"}:
                await _intend(session, StartKernel(wanted.kernelspec), by=by)
            return _of_live(session, await self._arrived(session), {})
        kernel_id = KernelId(wanted.kernel_id) or await self.start_kernel(wanted.kernelspec, wanted.path)
        name = wanted.name or wanted.path.rpartition("/")[2]
        made = ApiSession(new_id(), wanted.path, name, wanted.type, kernel_id)
        _write(self._bench.journal, [*_read(self._bench.journal), made])
        return made

    async def change(
        self, session_id: str, wanted: Wanted, given: frozenset[str], *, by: str
    ) -> tuple[ApiSession, KernelInfo]:
        """Change path, name, type or kernel; `given` says which of them were sent.

        Raises:
            NotFound: there is none of this id.
            AlreadyExists: it is a notebook of ours, whose path is where its file is.
            NoSuchKernelspec, NoSuchKernel: the kernel it is to have is not there.
        """
        old, kernel = await self.find(session_id)
        await self._check(wanted)
        session = self._bench.registry.bound_to(kernel.kernel_id) if self._is_live(old) else None
        is_notebook = (wanted.type or old.type) == "notebook" and "path" in given
        if session is None and is_notebook and await self._is_notebook(wanted.path):
            return await self._adopt(old, kernel, NotebookPath(wanted.path))
        if session is not None:
            if "path" in given and wanted.path != session.state.path:
                raise AlreadyExists(f"{old.path} is open here: rename the file, and its session goes along.")
            if wanted.kernel_id and wanted.kernel_id != kernel.kernel_id:
                await self._bind(session, KernelId(wanted.kernel_id))
                await (await self._bench.connected_host()).shutdown(kernel.kernel_id)
            elif wanted.kernelspec and not wanted.kernel_id:
                await _intend(session, StartKernel(wanted.kernelspec), by=by)
                await gone(self._bench, kernel.kernel_id)
            await self._arrived(session)
            return await self.find(old.id)
        kernel_id = kernel.kernel_id
        if wanted.kernel_id:
            kernel_id = KernelId(wanted.kernel_id)
        elif wanted.kernelspec:
            kernel_id = await self.start_kernel(
                wanted.kernelspec, wanted.path if "path" in given else old.path
            )
        new = ApiSession(
            old.id,
            wanted.path if "path" in given else old.path,
            wanted.name if "name" in given else old.name,
            wanted.type if "type" in given else old.type,
            kernel_id,
        )
        _write(self._bench.journal, [one for one in _read(self._bench.journal) if one.id != old.id] + [new])
        if kernel_id != kernel.kernel_id:
            await (await self._bench.connected_host()).shutdown(kernel.kernel_id)
        return await self.find(new.id)

    async def end(self, session_id: str, *, by: str) -> None:
        """End its kernel; the notebook stays.

        Raises:
            NotFound: there is none of this id.
            NoSuchKernel: it was one, but its kernel is gone.
        """
        if any(one.id == session_id and not one.adopted for one in _read(self._bench.journal)):
            kernels = {one.kernel_id for one in await self._bench.kernels_if_any()}
            gone = [one for one in _read(self._bench.journal) if one.id == session_id]
            _write(self._bench.journal, [one for one in _read(self._bench.journal) if one.id != session_id])
            if gone[0].kernel_id not in kernels:
                raise NoSuchKernel("The kernel of this session is gone already.")
            await act(self._bench, gone[0].kernel_id, "shutdown", by=by)
            return
        _, kernel = await self.find(session_id)
        await act(self._bench, kernel.kernel_id, "shutdown", by=by)

    async def start_kernel(
        self, kernelspec: str, path: str, *, cwd: str = "", env: dict[str, str] | None = None
    ) -> KernelId:
        """Start a kernel that belongs to no notebook, in the folder of a path.

        Raises:
            NoSuchKernelspec: there is none of this name.
        """
        host = await self._bench.connected_host()
        kernel_id = new_kernel_id()
        folder = cwd or self._bench.registry.around.kernel_folder(path)
        await host.start(kernel_id, kernelspec=kernelspec, cwd=folder, env=env)
        return kernel_id

    # ---- inside

    def _is_live(self, one: ApiSession) -> bool:
        return all(other.id != one.id or other.adopted for other in _read(self._bench.journal))

    async def _adopt(
        self, old: ApiSession, kernel: KernelInfo, path: NotebookPath
    ) -> tuple[ApiSession, KernelInfo]:
        """Make a session with a path that a client invented that of a notebook: JupyterLab begins each one so (JS7)."""
        session = await self._bench.registry.open(path)
        if session.state.kernel.status in {"none", "dead"}:
            await self._bind(session, kernel.kernel_id)
        bound = await self._arrived(session)
        journal_id = session.state.journal_id
        new = ApiSession(old.id, path, path.rpartition("/")[2], "notebook", bound, adopted=journal_id)
        table = _read(self._bench.journal)
        others = [one for one in table if one.id != old.id and one.adopted != journal_id]
        _write(self._bench.journal, [*others, new])
        if bound != kernel.kernel_id:
            await (await self._bench.connected_host()).shutdown(kernel.kernel_id)
        return await self.find(old.id)

    async def _check(self, wanted: Wanted) -> None:
        if wanted.kernel_id:
            living = {one.kernel_id for one in await self._bench.kernels_if_any()}
            if wanted.kernel_id not in living:
                raise NoSuchKernel(f"There is no kernel {wanted.kernel_id}; it may have ended.")
        elif wanted.kernelspec:
            names = (await (await self._bench.connected_host()).kernelspecs()).kernelspecs
            if wanted.kernelspec not in names:
                raise NoSuchKernelspec(
                    f"There is no kernelspec {wanted.kernelspec!r}; there are: {', '.join(sorted(names))}."
                )

    async def _is_notebook(self, path: str) -> bool:
        storage = self._bench.storage
        try:
            entry = await asyncio.to_thread(storage.stat, normalise_path(path))
        except StorageError:
            return False
        return entry.kind == "notebook"

    async def _bind(self, session: Session, kernel_id: KernelId) -> None:
        """Give an open notebook a kernel that runs already. Its journal is read from the start: all it says is known."""
        infos = {one.kernel_id: one for one in await self._bench.kernels_if_any()}
        info = infos[kernel_id]
        kernel = KernelState(
            id=kernel_id,
            kernelspec=info.kernelspec,
            display_name=info.display_name or info.kernelspec,
            language=info.language,
            status="starting",
            since_ms=session.around.clock.now_ms(),
        )
        session.commit([SetKernel(kernel=kernel)])
        await session.read_kernel()

    async def _arrived(self, session: Session) -> KernelId:
        """Return the session's kernel when the host has it.

        Raises:
            KernelError: it never did.
        """
        async with asyncio.timeout(START_WAIT_S):
            while True:
                kernel = session.state.kernel
                if kernel.status == "dead" and kernel.problem:
                    raise KernelError(kernel.problem)
                infos = await self._bench.kernels_if_any()
                if kernel.id is not None and any(one.kernel_id == kernel.id for one in infos):
                    return kernel.id
                await asyncio.sleep(_LOOK_S)


async def _intend(session: Session, body: IntentBody, *, by: str) -> None:
    intent = Intent(client_id=ClientId(f"api-{new_id()}"), number=1, by=by, body=body)
    answer = await session.receive(intent)
    if answer.refusal is not None:
        raise KernelError(answer.message)


def _of_live(session: Session, kernel_id: KernelId, ids: Mapping[str, str]) -> ApiSession:
    path = session.state.path
    session_id = ids.get(session.state.journal_id, session.state.journal_id)
    return ApiSession(session_id, path, path.rpartition("/")[2], "notebook", kernel_id)


def _of_label(kernel: KernelInfo) -> ApiSession:
    return ApiSession(
        kernel.kernel_id, kernel.label, kernel.label.rpartition("/")[2], "notebook", kernel.kernel_id
    )


def _read(journal: JournalStore) -> list[ApiSession]:
    stored = journal.get_value(_KEY)
    return [] if stored is None else msgspec.json.decode(stored, type=list[ApiSession])


def _write(journal: JournalStore, sessions: list[ApiSession]) -> None:
    journal.put_value(_KEY, msgspec.json.encode(sessions) if sessions else None)
