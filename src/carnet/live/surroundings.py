"""What every session is given: stores, host, clock, threads, settings."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from carnet.clock import Clock
from carnet.ids import NotebookPath
from carnet.journal.blobs import BlobStore
from carnet.journal.store import JournalStore
from carnet.live.host import KernelHost
from carnet.live.kernelspecs import KnownKernelspecs
from carnet.live.settings import LiveSettings
from carnet.storage.base import NotebookManager


@dataclass(frozen=True)
class Surroundings:
    """What every session is given by the registry."""

    journal: JournalStore
    blobs: BlobStore
    storage: NotebookManager
    host: KernelHost
    clock: Clock
    workers: Executor
    settings: LiveSettings
    kernel_folder: Callable[[str], str]
    """Absolute folder a notebook's kernel starts in, by the notebook's path."""
    kernelspecs: KnownKernelspecs = field(default_factory=KnownKernelspecs)


def kernel_folder(storage: NotebookManager, fallback: Path) -> Callable[[str], str]:
    """Return where kernels start: the notebook's own folder where it is a real one, else `fallback`."""

    def folder(path: str) -> str:
        local = storage.local_path(NotebookPath(path.rpartition("/")[0]))
        return str(local if local is not None else fallback)

    return folder
