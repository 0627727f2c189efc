"""A registry over real files, a real journal, and a host whose kernels say what a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carnet.clock import SystemClock
from carnet.core.notebook.ipynb import encode
from carnet.core.notebook.model import BlobRef, Cell, Notebook
from carnet.core.session.intents import Edit, Intent, IntentBody, RunCells, RunRequest
from carnet.core.session.operations import InsertCells
from carnet.ids import BatchId, CellId, ClientId, NotebookPath, RunId
from carnet.journal.blobs import BlobStore
from carnet.journal.store import JournalStore
from carnet.live.registry import Registry
from carnet.live.session import Session
from carnet.live.settings import LiveSettings
from carnet.live.surroundings import Surroundings, kernel_folder
from carnet.storage.files import FileNotebookManager
from carnet.testing.kernel_host import FakeKernelHost

PATH = NotebookPath("a.ipynb")


def _no_blobs(ref: BlobRef) -> bytes:
    raise AssertionError(f"unexpected blob {ref.sha256}")


def write_notebook(folder: Path, *sources: str, name: str = "a.ipynb") -> None:
    cells = tuple(
        Cell(id=CellId(f"c{index}"), kind="code", source=source) for index, source in enumerate(sources, 1)
    )
    (folder / name).write_bytes(encode(Notebook(cells=cells), blobs=_no_blobs))


class World:
    """One state folder and one notebook folder; servers come and go."""

    def __init__(self, root: Path) -> None:
        self.notebooks = root / "notebooks"
        self.state = root / "state"
        self.notebooks.mkdir()
        self.state.mkdir(mode=0o700)
        self.host = FakeKernelHost()
        self.settings = LiveSettings(autosave_delay_s=0.01, watch_interval_s=0.02, journal_retry_s=0.01)
        self.journal: JournalStore | None = None
        self.registries: list[Registry] = []

    def start(self, journal: Callable[[Path], JournalStore] = JournalStore) -> Registry:
        """Start a server's registry."""
        self.journal = journal(self.state)
        storage = FileNotebookManager(notebook_dir=str(self.notebooks))
        registry = Registry(
            Surroundings(
                journal=self.journal,
                blobs=BlobStore(self.state / "blobs"),
                storage=storage,
                host=self.host,
                clock=SystemClock(),
                workers=ThreadPoolExecutor(4),
                settings=self.settings,
                kernel_folder=kernel_folder(storage, self.notebooks),
            )
        )
        self.registries.append(registry)
        return registry

    async def stop(self, registry: Registry) -> None:
        """Stop it cleanly."""
        await registry.stop()
        assert self.journal is not None
        self.journal.close()
        self.registries.remove(registry)

    async def kill(self, registry: Registry) -> None:
        """End it as SIGKILL would: nothing is saved, no snapshot is written."""
        for session in registry.sessions():
            session.abandon()
        registry.abandon()
        assert self.journal is not None
        self.journal.close()
        self.registries.remove(registry)
        for fake in self.host.fakes.values():
            fake.readers.clear()

    async def stop_all(self) -> None:
        for registry in tuple(self.registries):
            await self.stop(registry)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.stop_all()


class Tab:
    """Intents of one client."""

    def __init__(self, session: Session, name: str = "tab1") -> None:
        self.session = session
        self.client_id = ClientId(name)
        self.number = 0

    async def intend(self, body: IntentBody) -> None:
        self.number += 1
        answer = await self.session.receive(Intent(self.client_id, self.number, "ann", body))
        assert answer.refusal is None, answer.message

    async def insert(self, cell_id: str, source: str, after: str | None = None) -> None:
        cell = Cell(id=CellId(cell_id), kind="code", source=source)
        await self.intend(
            Edit(edits=(InsertCells(after=None if after is None else CellId(after), cells=(cell,)),))
        )

    async def run(self, *cell_ids: str) -> None:
        runs = tuple(RunRequest(RunId(f"r-{cell_id}-{self.number}"), CellId(cell_id)) for cell_id in cell_ids)
        await self.intend(RunCells(BatchId(f"b{self.number}"), runs))


async def until(session: Session, true: Callable[[], bool]) -> None:
    """Return when this is true of the session; it is looked at after each commit."""
    changed = asyncio.Event()
    session.follow(changed.set)
    try:
        async with asyncio.timeout(60):
            while not true():
                await changed.wait()
                changed.clear()
    finally:
        session.leave(changed.set)
