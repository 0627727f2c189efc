"""Storage, journals, kernels and sessions: what the server works with once somebody is in.

Opened after the port listens. Everything slow to import is imported with this
module, which nobody imports before that.
"""

import asyncio
import importlib
import importlib.util
import inspect
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from traitlets import TraitError
from traitlets.config import Config

from carnet.clock import Clock
from carnet.config.load import Loaded
from carnet.config.settings import Settings
from carnet.convert.converter import Converter
from carnet.core.wire.host import KernelInfo
from carnet.errors import ConfigError, HostUnavailable, KernelError
from carnet.ids import NotebookPath
from carnet.journal.blobs import BlobStore
from carnet.journal.store import JournalStore
from carnet.journal.texts import TextStore
from carnet.kernels.client import HostClient
from carnet.kernels.spawn import find
from carnet.live.registry import Registry
from carnet.live.settings import LiveSettings
from carnet.live.surroundings import Surroundings, kernel_folder
from carnet.server.batches import Batches
from carnet.server.events import EventBus
from carnet.server.kernel_config import ConfiguredHost, kernel_arguments
from carnet.server.kernel_line import KernelLines
from carnet.server.tabs import Tabs
from carnet.storage.base import NotebookManager

if TYPE_CHECKING:
    from carnet.collaboration.rooms import Rooms

log = logging.getLogger("carnet.server")


@dataclass
class Workbench:
    """The parts, open."""

    storage: NotebookManager
    journal: JournalStore
    texts: TextStore
    blobs: BlobStore
    host: HostClient
    registry: Registry
    host_folder: Path
    lines: KernelLines = field(default_factory=KernelLines)
    """Of other people's clients."""
    events: EventBus = field(default_factory=EventBus)
    tabs: Tabs = field(default_factory=Tabs)
    """Of JupyterLab."""
    batches: Batches = field(default_factory=Batches)
    """Of runs, that came over plain HTTP."""
    converter: Converter = field(default_factory=Converter)
    rooms: "Rooms | None" = None
    """For clients that share documents through Yjs; None: there was none yet."""
    has_terminals: bool = True

    async def open_rooms(self) -> "Rooms | None":
        """Return the rooms of clients that share documents; None: the extra is not installed."""
        if self.rooms is None and importlib.util.find_spec("pycrdt") is not None:
            # Not on the loop, which others wait for: it is a tenth of a second.
            await asyncio.to_thread(importlib.import_module, "carnet.collaboration.rooms")
            if self.rooms is None:
                from carnet.collaboration.rooms import Rooms

                self.rooms = Rooms(self.registry, self.texts)
        return self.rooms

    async def recover(self) -> None:
        """Open again what was open when the server last ended, and write what it left unsaved."""
        await self.registry.recover()
        if await asyncio.to_thread(self.texts.unsaved) and (rooms := await self.open_rooms()) is not None:
            await rooms.texts.recover()

    async def renamed(self, old: NotebookPath, new: NotebookPath) -> None:
        """Follow a file or folder that the storage has just renamed."""
        await self.registry.renamed(old, new)
        await asyncio.to_thread(self.texts.rename, old, new)
        self.tabs.renamed(old, new)
        if self.rooms is not None:
            self.rooms.texts.renamed(old, new)

    async def about_to_delete(self, path: NotebookPath) -> None:
        """Write what is unsaved of a text file, or of those in a folder: the trash is to have all of it."""
        if self.rooms is not None:
            await self.rooms.texts.save_below(path)

    async def deleted(self, path: NotebookPath) -> None:
        """Follow a file or folder that was just deleted on purpose."""
        await self.registry.deleted(path)
        if self.rooms is not None:
            self.rooms.texts.deleted(path)
        await asyncio.to_thread(self.texts.forget, path)

    async def kernels_if_any(self) -> list[KernelInfo]:
        """Return the kernels, without starting a host to ask."""
        if self.host.info is None and await asyncio.to_thread(find, self.host_folder) is None:
            return []
        await self.host.connect()
        return await self.host.kernels()

    async def connected_host(self) -> HostClient:
        """Return the host, started if need be.

        Raises:
            HostUnavailable: it cannot be started or reached.
        """
        await self.host.connect()
        return self.host

    def terminal_line(self) -> HostClient:
        """Return a line of its own to the host, for one who reads a terminal. It starts no host: there, none could be."""
        return HostClient(self.host_folder, spawn=False)

    async def warm_up(self) -> None:
        """Have a kernel ready for the first run. Nothing depends on it."""
        try:
            await (await self.connected_host()).warm_up()
        except KernelError as error:
            log.info("no kernel was made ready: %s", error)

    async def close(self, *, end_kernels: bool) -> None:
        """Save and close everything; the kernels go on unless told otherwise."""
        if self.rooms is not None:
            await self.rooms.texts.stop()
        await self.registry.stop()
        if end_kernels:
            await self.end_host()
        await self.host.close()
        self.texts.close()
        self.journal.close()

    async def end_host(self) -> None:
        """End all kernels and the host, if there is one."""
        if self.host.info is None and await asyncio.to_thread(find, self.host_folder) is None:
            return
        try:
            await self.host.connect()
            await self.host.end()
        except HostUnavailable:
            pass  # it ended by itself in the meantime


async def open_workbench(loaded: Loaded, state_folder: Path, clock: Clock) -> Workbench:
    """Open the parts. Quick, but it touches disks: a few milliseconds on worker threads.

    Raises:
        ConfigError: the notebook manager's class cannot be used.
        StorageError, JournalError: a folder cannot be opened.
    """
    storage = await asyncio.to_thread(make_manager, loaded, state_folder)
    journal = await asyncio.to_thread(JournalStore, state_folder)
    texts = await asyncio.to_thread(TextStore, journal)
    blobs = await asyncio.to_thread(BlobStore, state_folder / "blobs")
    host_folder = state_folder / "host"
    host = ConfiguredHost(host_folder, await asyncio.to_thread(kernel_arguments, loaded, state_folder))
    around = Surroundings(
        journal=journal,
        blobs=blobs,
        storage=storage,
        host=host,
        clock=clock,
        workers=ThreadPoolExecutor(max_workers=4, thread_name_prefix="carnet-live"),
        settings=LiveSettings(
            autosave_delay_s=loaded.settings.autosave_delay_s, memory_guard=loaded.settings.memory_guard
        ),
        kernel_folder=kernel_folder(storage, notebook_folder(loaded)),
    )
    # The start says which folder is served; what another store says of itself is news.
    is_usual = loaded.settings.notebook_manager_class == Settings.notebook_manager_class
    log.log(logging.DEBUG if is_usual else logging.INFO, "%s", storage.info_string())
    return Workbench(
        storage,
        journal,
        texts,
        blobs,
        host,
        Registry(around),
        host_folder,
        has_terminals=loaded.settings.terminals_enabled,
    )


def notebook_folder(loaded: Loaded) -> Path:
    """Return the folder that is served."""
    return Path(loaded.settings.notebook_dir or ".").expanduser().absolute()


def make_manager(loaded: Loaded, state_folder: Path) -> NotebookManager:
    """Return the notebook manager that the settings name.

    Raises:
        ConfigError: there is no such class, it is not a NotebookManager, or it does not take its settings.
    """
    manager_class = _manager_class(loaded.settings)
    config = Config(loaded.other) if loaded.other is not None else Config()
    # By configuration, which every manager takes, whatever else it can be made with.
    own = config[manager_class.__name__]
    own["notebook_dir"] = str(notebook_folder(loaded))
    if "state_dir" in getattr(manager_class, "class_trait_names", tuple)():
        own["state_dir"] = str(state_folder)
    if not issubclass(manager_class, NotebookManager):
        from carnet.compat.bridge import bridged  # only who has a store of 2014 needs it

        return bridged(manager_class, config, state_folder)
    try:
        return manager_class(config=config)
    except TraitError as error:
        raise ConfigError(f"{manager_class.__name__}: {error}") from error


def _manager_class(settings: Settings) -> type:
    """Return the class of the notebook manager: one of ours, or one of 2014 that can be put behind a bridge."""
    if settings.compat:
        from carnet.compat import ipython2  # the same

        ipython2.install()
    named = settings.notebook_manager_class
    found: object = named
    if isinstance(named, str):
        module, _, name = named.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            is_old = isinstance(error, ModuleNotFoundError) and str(error.name).startswith("IPython.")
            hint = "Is its package installed?"
            if is_old and not settings.compat:
                hint = "It was written for IPython 2: set c.NotebookApp.compat = 'ipython2'."
            raise ConfigError(
                f"notebook_manager_class: {named!r} cannot be imported: {str(error).rstrip('.')}. {hint}"
            ) from error
    if inspect.isclass(found) and issubclass(found, NotebookManager):
        return found
    from carnet.compat.bridge import is_of_2012, is_of_2014  # the same

    if inspect.isclass(found) and is_of_2014(found):
        return found
    if is_of_2012(found):
        raise ConfigError(
            f"notebook_manager_class: {named!r} was written for IPython 1 or older, which knew notebooks by an id. "
            "Carnet runs those for IPython 2 (get_notebook, save_notebook), and its own."
        )
    raise ConfigError(
        f"notebook_manager_class: {named!r} is neither a carnet.storage.base.NotebookManager nor one for IPython 2."
    )


async def end_host_of(state_folder: Path) -> bool:
    """End the kernel host of a state folder and all its kernels; return whether there was one."""
    folder = state_folder / "host"
    if await asyncio.to_thread(find, folder) is None:
        return False
    host = HostClient(folder, spawn=False)
    try:
        await host.connect()
        await host.end()
    except HostUnavailable:
        return False  # it ended before, and left its file behind
    finally:
        await host.close()
    return True
