"""Puts a notebook manager of 2014 behind today's `NotebookManager`.

A class of 2014 knows notebooks by name and folder, in nbformat 3; it has no
revisions, no folders of its own making, no other files, and was called by one
thread at a time. So: notebooks are converted on the way in and out; the
revision is a hash of the bytes that come of it; what a folder needs is
remembered here; all calls go one after the other.

Rules BR1 to BR10: docs/specs/compat.md.
"""

import hashlib
import inspect
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from traitlets.config import Config

from carnet.compat.nbformat3 import from_dict
from carnet.core.notebook.ipynb import decode, encode, from_json
from carnet.core.notebook.nbformat3 import to_nbformat3
from carnet.errors import (
    AlreadyExists,
    CarnetError,
    ConfigError,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RevisionConflict,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from carnet.ids import CellId, NotebookPath, Revision
from carnet.storage.base import (
    FOLDER_MEDIA_TYPE,
    NOTEBOOK_MEDIA_TYPE,
    NOTEBOOK_SUFFIX,
    Checkpoint,
    Entry,
    NotebookManager,
    TrashId,
    revision_of,
)
from carnet.storage.paths import ROOT, folder_of, is_below, join_path, name_of, parts_of

Model = dict[str, Any]

#: What a class of 2014 has, and one of today has not.
METHODS_OF_2014: Final = ("get_notebook", "save_notebook", "list_notebooks", "notebook_exists", "path_exists")
#: What classes for IPython 0.12 to 1 have, which knew notebooks by an id.
METHODS_OF_2012: Final = ("read_notebook_object", "write_notebook_object", "save_new_notebook")

SETTLED_S: Final = 2.0
"""A notebook that changed within this time may change again without a new time."""

_ERRORS: Final[dict[int, type[StorageError]]] = {
    400: InvalidPath,
    403: PermissionDenied,
    404: NotFound,
    409: AlreadyExists,
    507: StorageFull,
}


def is_of_2014(found: object) -> bool:
    """Return whether this is a class of notebook managers of 2014."""
    return inspect.isclass(found) and all(callable(getattr(found, name, None)) for name in METHODS_OF_2014)


def is_of_2012(found: object) -> bool:
    """Return whether this is a class of notebook managers that is older still."""
    return inspect.isclass(found) and any(callable(getattr(found, name, None)) for name in METHODS_OF_2012)


def bridged(old_class: type, config: Config, state_folder: Path) -> "BridgedNotebookManager":
    """Return a notebook manager that works with one of 2014.

    Raises:
        ConfigError: it cannot be made.
    """
    config["NotebookNotary"].setdefault("secret_file", str(state_folder / "notebook_secret"))
    try:
        return BridgedNotebookManager(old_class(config=config))
    except Exception as error:
        # It is somebody's program: whatever it raises is told, and the start ends.
        raise ConfigError(
            f"notebook_manager_class: {old_class.__name__} could not be made: {type(error).__name__}: {error}"
        ) from error


class _Known(Struct, frozen=True):
    """What was read of a notebook, while nobody changed it."""

    modified: object
    revision: Revision
    size_bytes: int
    settled: bool
    """Its time was old enough, when it was read, that any later change has another one."""


class BridgedNotebookManager(NotebookManager):
    """Notebooks in a store that was written for IPython 2."""

    def __init__(self, old: Any) -> None:
        super().__init__()
        self._old = old
        self._lock = threading.RLock()
        self._made: dict[NotebookPath, int] = {}
        """Folders that were made, or became empty, here, and when. A class of 2014 may know only those with notebooks in them."""
        self._removed: set[NotebookPath] = set()
        """Folders that were deleted here. A class of 2014 cannot be told to remove one."""
        self._known: dict[NotebookPath, _Known] = {}
        self._begun_ms = self.clock.now_ms()
        """The time of a folder whose own is not known."""

    def info_string(self) -> str:
        with self._asking(ROOT):
            return str(self._old.info_string()).partition("\n")[0]

    def local_path(self, path: NotebookPath) -> Path | None:
        # Classes of 2014 that keep files on disk say where.
        where = getattr(self._old, "get_os_path", None)
        if where is None:
            return None
        with self._asking(path):
            found = Path(str(where(name_of(path), folder_of(path)))).absolute()
        return found if found.exists() else None

    # -- reading ---------------------------------------------------------------------------------

    def read(self, path: NotebookPath) -> tuple[bytes, Entry]:
        with self._asking(path):
            self._check_notebook(path)
            data, model = self._read(path)
            return data, self._entry(path, model)

    def stat(self, path: NotebookPath) -> Entry:
        with self._asking(path):
            self.check_visible(path)
            if self._is_folder(path):
                return self._folder_entry(path, {})
            self._check_notebook(path)
            model = self._model(path)
            known = self._known.get(path)
            if known is None or not known.settled or known.modified != model.get("last_modified"):
                _, model = self._read(path)
            return self._entry(path, model)

    def exists(self, path: NotebookPath) -> bool:
        with self._asking(path):
            hidden = self.is_hidden(path) and not self.allow_hidden
            return not hidden and (self._is_folder(path) or self._is_notebook(path))

    def list(self, folder: NotebookPath = ROOT) -> Sequence[Entry]:
        with self._asking(folder):
            self.check_visible(folder)
            if not self._is_folder(folder):
                self._check_notebook(folder)
                raise InvalidPath(f"{folder}: it is a file, not a folder.")
            found = {
                path: self._folder_entry(path, model) for path, model in self._folders_in(folder).items()
            }
            if self._is_folder_of_theirs(folder):
                for model in self._old.list_notebooks(folder):
                    path = _listed_path(folder, model)
                    if path is not None and path.endswith(NOTEBOOK_SUFFIX):
                        found[path] = self._entry(path, model)
            return [
                found[path]
                for path in sorted(found)
                if self.allow_hidden or not name_of(path).startswith(".")
            ]

    # -- writing -----------------------------------------------------------------------------------

    def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
        with self._asking(path):
            self._check_free(path, expected)
            # Before it is saved: what is no notebook must not get as far as the store.
            tree = from_dict(to_nbformat3(decode(data, new_ids=_new_ids())))
            name, folder = name_of(path), folder_of(path)
            model = {"type": "notebook", "name": name, "path": folder, "content": tree}
            self._old.save_notebook(model, name, folder)
            self._removed -= set(_above(path))
            saved, _ = self._read(path)
            return revision_of(saved)

    def make_folder(self, path: NotebookPath) -> None:
        with self._asking(path):
            self.check_visible(path)
            if self._is_folder(path) or self._is_notebook(path):
                raise AlreadyExists(f"{path or '/'}: something is there already. Choose another name.")
            self._check_folder_of(path)
            if not self._theirs("make_folder", path):
                self._made[path] = self.clock.now_ms()

    def rename(self, old: NotebookPath, new: NotebookPath) -> None:
        with self._asking(old):
            self.check_visible(old)
            self.check_visible(new)
            is_folder = self._is_folder(old)
            if not is_folder:
                self._check_notebook(old)
            if old == ROOT or (old != new and is_below(new, old)):
                raise InvalidPath(f"{old or '/'}: a folder cannot be moved into itself.")
            if self._is_folder(new) or self._is_notebook(new):
                raise AlreadyExists(f"{new}: something is there already. Choose another name.")
            if not is_folder:
                _check_name(new)
            self._check_folder_of(new)
            if not is_folder:
                self._rename_notebook(old, new)
            elif not self._theirs("rename_folder", old, new):
                self._rename_folder(old, new)

    def delete(self, path: NotebookPath) -> TrashId | None:
        with self._asking(path):
            self.check_visible(path)
            if path == ROOT:
                raise InvalidPath("The root folder cannot be deleted.")
            if self._is_folder(path):
                if not self._theirs("delete_folder", path):
                    for notebook in self._notebooks_below(path):
                        self._delete_notebook(notebook)
                    self._forget_folder(path)
            else:
                self._check_notebook(path)
                self._delete_notebook(path)
            return None

    # -- checkpoints -------------------------------------------------------------------------------

    def create_checkpoint(self, path: NotebookPath) -> Checkpoint:
        with self._asking(path):
            self._check_notebook(path)
            made = self._old.create_checkpoint(name_of(path), folder_of(path))
            return _checkpoint(made if isinstance(made, dict) else {"id": made})

    def list_checkpoints(self, path: NotebookPath) -> Sequence[Checkpoint]:
        with self._asking(path):
            self._check_notebook(path)
            found = [_checkpoint(one) for one in self._old.list_checkpoints(name_of(path), folder_of(path))]
            found.reverse()  # of two made in one moment, the later one comes first
            return sorted(found, key=lambda one: one.created_ms, reverse=True)

    def read_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> bytes:
        with self._asking(path):
            self._check_checkpoint(path, checkpoint_id)
            raise StorageError(
                f"{path}: a notebook manager of 2014 can restore a checkpoint, but not show it. Restore it."
            )

    def delete_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> None:
        with self._asking(path):
            self._check_checkpoint(path, checkpoint_id)
            self._old.delete_checkpoint(checkpoint_id, name_of(path), folder_of(path))

    def restore_checkpoint(
        self, path: NotebookPath, checkpoint_id: str, *, expected: Revision | None
    ) -> Revision:
        with self._asking(path):
            self._check_checkpoint(path, checkpoint_id)
            self._check_free(path, expected)
            self._old.restore_checkpoint(checkpoint_id, name_of(path), folder_of(path))
            restored, _ = self._read(path)
            return revision_of(restored)

    # -- inside: the lock is held --------------------------------------------------------------------

    @contextmanager
    def _asking(self, path: NotebookPath) -> Iterator[None]:
        """Hold the lock, and raise our errors in place of whatever a class of 2014 raises."""
        with self._lock:
            if hasattr(self._old, "allow_hidden"):
                self._old.allow_hidden = self.allow_hidden
            try:
                yield
            except CarnetError:
                raise
            except Exception as error:
                # It is somebody's program. What it raises must not look like a fault of ours.
                raise _as_ours(error, path, type(self._old).__name__) from error

    def _theirs(self, method: str, *paths: NotebookPath) -> bool:
        """Let a class work on folders that can: IPython 2 never asked it to. Return whether it could."""
        call = getattr(self._old, method, None)
        if call is None:
            return False
        call(*paths)
        self._known.clear()
        return True

    def _is_folder(self, path: NotebookPath) -> bool:
        return (
            path == ROOT
            or any(is_below(made, path) for made in self._made)
            or (path not in self._removed and self._is_folder_of_theirs(path))
        )

    def _is_folder_of_theirs(self, path: NotebookPath) -> bool:
        # A class of 2014 may forget even the root when its last notebook goes.
        return path == ROOT or (
            bool(self._old.path_exists(path)) and (self.allow_hidden or not self._old.is_hidden(path))
        )

    def _is_notebook(self, path: NotebookPath) -> bool:
        folder = folder_of(path)
        return (
            path.endswith(NOTEBOOK_SUFFIX)
            and name_of(path) != NOTEBOOK_SUFFIX
            and (self._is_folder_of_theirs(folder))
            and bool(self._old.notebook_exists(name_of(path), folder))
        )

    def _check_notebook(self, path: NotebookPath) -> None:
        self.check_visible(path)
        if self._is_folder(path):
            raise InvalidPath(f"{path or '/'}: it is a folder, not a file.")
        if not self._is_notebook(path):
            raise NotFound(f"{path}: there is no such file or folder.")

    def _check_folder_of(self, path: NotebookPath) -> None:
        if not self._is_folder(folder_of(path)):
            raise NotFound(f"{path}: there is no such folder to put it in.")

    def _check_free(self, path: NotebookPath, expected: Revision | None) -> None:
        """Refuse a save that would write over what the caller does not know."""
        self.check_visible(path)
        if self._is_folder(path):
            raise InvalidPath(f"{path or '/'}: it is a folder; a file cannot be saved over it.")
        _check_name(path)
        self._check_folder_of(path)
        found = revision_of(self._read(path)[0]) if self._is_notebook(path) else None
        if expected is None and found is not None:
            raise AlreadyExists(f"{path}: a file is there already. Choose another name.")
        if found != expected:
            raise RevisionConflict(path, expected=expected, found=found)

    def _check_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> None:
        if checkpoint_id not in {one.checkpoint_id for one in self.list_checkpoints(path)}:
            raise NotFound(f"{path}: there is no checkpoint {checkpoint_id!r}.")

    def _model(self, path: NotebookPath) -> Model:
        model: Model = self._old.get_notebook(name_of(path), folder_of(path), content=False)
        return model

    def _read(self, path: NotebookPath) -> tuple[bytes, Model]:
        """Return the bytes of a notebook, and its model; remember what they are."""
        started_s = time.time()
        model: Model = self._old.get_notebook(name_of(path), folder_of(path))
        data = encode(from_json(_tree(model["content"]), new_ids=_new_ids()))
        modified = model.get("last_modified")
        self._known[path] = _Known(
            modified=modified,
            revision=revision_of(data),
            size_bytes=len(data),
            settled=0 < _ms(modified) / 1000 < started_s - SETTLED_S,
        )
        return data, model

    def _entry(self, path: NotebookPath, model: Model) -> Entry:
        known = self._known.get(path)
        if known is not None and known.modified != model.get("last_modified"):
            known = None
        modified_ms = _ms(model.get("last_modified"))
        return Entry(
            path=path,
            kind="notebook",
            size_bytes=0 if known is None else known.size_bytes,
            created_ms=_ms(model.get("created")) or modified_ms,
            modified_ms=modified_ms,
            revision=None if known is None else known.revision,
            writable=True,
            media_type=NOTEBOOK_MEDIA_TYPE,
        )

    def _folder_entry(self, path: NotebookPath, model: Model) -> Entry:
        modified_ms = _ms(model.get("last_modified")) or self._made.get(path, self._begun_ms)
        return Entry(
            path=path,
            kind="folder",
            size_bytes=0,
            created_ms=_ms(model.get("created")) or modified_ms,
            modified_ms=modified_ms,
            revision=None,
            writable=True,
            media_type=FOLDER_MEDIA_TYPE,
        )

    def _folders_in(self, folder: NotebookPath) -> dict[NotebookPath, Model]:
        found: dict[NotebookPath, Model] = {}
        for made in self._made:
            if made != folder and is_below(made, folder):
                depth = len(parts_of(folder)) + 1
                found[NotebookPath("/".join(parts_of(made)[:depth]))] = {}
        if self._is_folder_of_theirs(folder):
            for model in self._old.list_dirs(folder):
                path = _listed_path(folder, model)
                if path is not None and self._is_folder(path):
                    found[path] = model
        return found

    def _notebooks_below(self, folder: NotebookPath) -> Sequence[NotebookPath]:
        listed = self._old.list_notebooks(folder) if self._is_folder_of_theirs(folder) else ()
        found = [path for model in listed if (path := _listed_path(folder, model)) is not None]
        for inner in self._folders_in(folder):
            found += self._notebooks_below(inner)
        return found

    def _rename_notebook(self, old: NotebookPath, new: NotebookPath) -> None:
        model = {"name": name_of(new), "path": folder_of(new)}
        self._old.update_notebook(model, name_of(old), folder_of(old))
        self._known.pop(old, None)
        self._removed -= set(_above(new))
        self._keep_folder(folder_of(old))

    def _rename_folder(self, old: NotebookPath, new: NotebookPath) -> None:
        now_ms = self.clock.now_ms()
        moved = {
            NotebookPath(new + one[len(old) :]): made_ms
            for one, made_ms in self._made.items()
            if is_below(one, old)
        }
        for notebook in self._notebooks_below(old):
            self._rename_notebook(notebook, NotebookPath(new + notebook[len(old) :]))
        self._forget_folder(old)
        self._made |= {new: now_ms, **moved}

    def _delete_notebook(self, path: NotebookPath) -> None:
        self._old.delete_notebook(name_of(path), folder_of(path))
        self._known.pop(path, None)
        self._keep_folder(folder_of(path))

    def _keep_folder(self, folder: NotebookPath) -> None:
        """Let a folder stay whose last notebook went: some stores know only folders with something in them."""
        if folder != ROOT and not self._is_folder(folder):
            self._made[folder] = self.clock.now_ms()

    def _forget_folder(self, folder: NotebookPath) -> None:
        for inner in tuple(self._folders_in(folder)):
            self._forget_folder(inner)
        self._made = {one: at for one, at in self._made.items() if not is_below(one, folder)}
        self._removed.add(folder)
        # Its own folder is not gone with it.
        self._keep_folder(folder_of(folder))


def _as_ours(error: Exception, path: NotebookPath, class_name: str) -> CarnetError:
    """Return the error of ours that says the same. Classes of 2014 raise Tornado's HTTPError."""
    status = getattr(error, "status_code", None)
    said = str(getattr(error, "log_message", "") or error) or type(error).__name__
    if isinstance(status, int):
        return _ERRORS.get(status, StorageUnavailable)(f"{path or '/'}: {said}")
    if isinstance(error, PermissionError):
        return PermissionDenied(f"{path or '/'}: {said}")
    if isinstance(error, OSError):
        return StorageUnavailable(f"{path or '/'}: {said}")
    return StorageError(f"{path or '/'}: {class_name} failed with {type(error).__name__}: {said}")


def _check_name(path: NotebookPath) -> None:
    if not path.endswith(NOTEBOOK_SUFFIX) or name_of(path) == NOTEBOOK_SUFFIX:
        raise InvalidPath(f"{path}: this store keeps only notebooks, whose names end with {NOTEBOOK_SUFFIX}.")


def _above(path: NotebookPath) -> Iterator[NotebookPath]:
    folder = folder_of(path)
    while folder != ROOT:
        yield folder
        folder = folder_of(folder)


def _listed_path(folder: NotebookPath, model: Model) -> NotebookPath | None:
    """Return the path of what a listing names, or None where its name cannot be one (ST2)."""
    try:
        return join_path(folder, str(model["name"]))
    except InvalidPath:
        return None


def _checkpoint(model: Model) -> Checkpoint:
    checkpoint_id = model.get("id", model.get("checkpoint_id"))
    return Checkpoint(checkpoint_id=str(checkpoint_id), created_ms=_ms(model.get("last_modified")))


def _ms(moment: object) -> int:
    """Return a time as 2014 had it (a date, without a zone: UTC; or text) in milliseconds; 0 where it says none."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return 0
    if not isinstance(moment, datetime):
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _tree(content: Any) -> Any:
    """Return a notebook of theirs as a tree of our own, with an id in each cell, and no word on trust."""
    tree = json.loads(json.dumps(content, default=_plain))
    seen: Counter[str] = Counter()
    for cell in _cells(tree):
        cell.pop("trusted", None)
        metadata = cell.get("metadata")
        ours = metadata.get("carnet") if isinstance(metadata, dict) else None
        if "id" not in cell and not (isinstance(ours, dict) and "id" in ours):
            # The same at each reading: else each would be another revision.
            text = json.dumps([cell.get("cell_type"), cell.get("input", cell.get("source"))])
            digest = hashlib.sha256(text.encode()).hexdigest()[:12]
            cell["id"] = f"{digest}-{seen[digest]}"
            seen[digest] += 1
    return tree


def _cells(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        for sheet in (tree, *(tree.get("worksheets") or ())):
            for cell in (sheet.get("cells") or ()) if isinstance(sheet, dict) else ():
                if isinstance(cell, dict):
                    yield cell


def _plain(value: object) -> object:
    if isinstance(value, bytes):  # base64 of images, in programs written for Python 2
        return value.decode("ascii")
    raise TypeError(f"{type(value).__name__} is not JSON")


def _new_ids() -> Iterator[CellId]:
    """Yield ids for cells whose own cannot be kept; the same at each reading."""
    return (CellId(f"cell{number}") for number in count())
