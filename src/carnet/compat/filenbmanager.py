"""`FileNotebookManager` of IPython 2 (2014), for classes that extend it: by a hook after each save, say.

It has the methods of then, and keeps files as Carnet's own manager does
(`carnet.storage.files`), which is the one to name where nothing is extended.
Notebooks are written as they are today (nbformat 4): IPython 3 and all that came
after read them.
"""

import threading
from datetime import UTC, datetime
from itertools import count
from typing import Any

from traitlets import Bool, Integer, Unicode
from traitlets.config import Config

from carnet.compat.nbformat3 import from_dict, to_notebook_json
from carnet.compat.nbmanager import Model, NotebookManager
from carnet.core.notebook.ipynb import decode, encode, from_json
from carnet.core.notebook.nbformat3 import to_nbformat3
from carnet.errors import NotFound
from carnet.ids import CellId, NotebookPath
from carnet.storage.base import Checkpoint, Entry
from carnet.storage.files import FileNotebookManager as Files
from carnet.storage.paths import join_path, normalise_path, parts_of


class FileNotebookManager(NotebookManager):
    """Notebooks in a folder of this machine."""

    notebook_dir = Unicode(help="The folder that notebooks are served from.").tag(config=True)
    save_script = Bool(False, help="Write the code of each notebook beside it as a script.").tag(config=True)
    checkpoint_dir = Unicode(
        ".ipynb_checkpoints", help="Name of the folder, beside each notebook, for its checkpoints."
    ).tag(config=True)
    checkpoints_kept = Integer(10, help="Checkpoints kept of each notebook; then the oldest goes.").tag(
        config=True
    )

    state_dir = Unicode("", help="The folder for the trash. The server sets it to its state folder.").tag(
        config=True
    )
    allow_hidden = Bool(False, help="Show files and folders whose name begins with a dot.").tag(config=True)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._making = threading.Lock()
        self._made: Files | None = None

    @property
    def files(self) -> Files:
        """Carnet's own manager of the same folder."""
        with self._making:
            if self._made is None:
                shared = ("save_script", "checkpoint_dir", "checkpoints_kept")
                own = {name: getattr(self, name) for name in shared}
                self._made = Files(
                    self.notebook_dir or None,
                    state_dir=self.state_dir or None,
                    config=Config({"FileNotebookManager": own}),
                )
            self._made.allow_hidden = self.allow_hidden
            return self._made

    def info_string(self) -> str:
        return self.files.info_string()

    def get_os_path(self, name: str | None = None, path: str = "") -> str:
        """Return where a file, or a folder, is on disk."""
        return str(self.files.root.joinpath(*parts_of(_joined(path, name or ""))))

    def get_notebook_names(self, path: str = "") -> list[str]:
        """Return the names of all notebooks in a folder."""
        return [entry.name for entry in self._entries(path) if entry.kind == "notebook"]

    def path_exists(self, path: str) -> bool:
        return self._is(_joined(path), "folder")

    def is_hidden(self, path: str) -> bool:
        return self.files.is_hidden(_joined(path))

    def notebook_exists(self, name: str, path: str = "") -> bool:
        return self._is(_joined(path, name), "notebook")

    def list_dirs(self, path: str) -> list[Model]:
        return [
            self.get_dir_model(entry.name, path)
            for entry in self._entries(path)
            if entry.kind == "folder" and self.should_list(entry.name)
        ]

    def get_dir_model(self, name: str, path: str = "") -> Model:
        return _model(self.files.stat(_joined(path, name)), path)

    def list_notebooks(self, path: str = "") -> list[Model]:
        return [
            self.get_notebook(name, path, content=False)
            for name in self.get_notebook_names(path)
            if self.should_list(name)
        ]

    def get_notebook(self, name: str, path: str = "", content: bool = True) -> Model:
        where = _joined(path, name)
        if not content:
            return _model(self.files.stat(where), path)
        data, entry = self.files.read(where)
        notebook = from_dict(to_nbformat3(decode(data, new_ids=_ids())))
        self.mark_trusted_cells(notebook, path, name)
        return _model(entry, path) | {"content": notebook}

    def save_notebook(self, model: Model, name: str, path: str = "") -> Model:
        new_path, new_name = model.get("path", path), model.get("name", name)
        if (new_path.strip("/"), new_name) != (path.strip("/"), name) and self.notebook_exists(name, path):
            self.rename_notebook(name, path, new_name, new_path)
        notebook = to_notebook_json(model["content"])
        self.check_and_sign(notebook, new_path, new_name)
        where = _joined(new_path, new_name)
        try:
            found = self.files.stat(where).revision
        except NotFound:
            found = None
        self.files.save(where, encode(from_json(notebook, new_ids=_ids())), expected=found)
        return self.get_notebook(new_name, new_path, content=False)

    def update_notebook(self, model: Model, name: str, path: str = "") -> Model:
        new_path, new_name = model.get("path", path), model.get("name", name)
        if (new_path.strip("/"), new_name) != (path.strip("/"), name):
            self.rename_notebook(name, path, new_name, new_path)
        return self.get_notebook(new_name, new_path, content=False)

    def rename_notebook(self, old_name: str, old_path: str, new_name: str, new_path: str) -> None:
        """Rename or move a notebook, its checkpoint and its script."""
        self.files.rename(_joined(old_path, old_name), _joined(new_path, new_name))

    def delete_notebook(self, name: str, path: str = "") -> None:
        self.files.delete(_joined(path, name))

    def create_checkpoint(self, name: str, path: str = "") -> Model:
        return _checkpoint_model(self.files.create_checkpoint(_joined(path, name)))

    def list_checkpoints(self, name: str, path: str = "") -> list[Model]:
        return [_checkpoint_model(one) for one in self.files.list_checkpoints(_joined(path, name))]

    def restore_checkpoint(self, checkpoint_id: str, name: str, path: str = "") -> None:
        where = _joined(path, name)
        self.files.restore_checkpoint(where, checkpoint_id, expected=self.files.stat(where).revision)

    def delete_checkpoint(self, checkpoint_id: str, name: str, path: str = "") -> None:
        self.files.delete_checkpoint(_joined(path, name), checkpoint_id)

    # -- what IPython 2 did not ask for, and the bridge does where it is there

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self.files.make_folder(_joined(path))

    def rename_folder(self, old: str, new: str) -> None:
        """Move a folder with all that is in it."""
        self.files.rename(_joined(old), _joined(new))

    def delete_folder(self, path: str) -> None:
        """Remove a folder with all that is in it."""
        self.files.delete(_joined(path))

    def _entries(self, path: str) -> list[Entry]:
        return list(self.files.list(_joined(path)))

    def _is(self, path: NotebookPath, kind: str) -> bool:
        try:
            return self.files.stat(path).kind == kind
        except NotFound:
            return False


def _joined(path: str, name: str = "") -> NotebookPath:
    folder = normalise_path(path.strip("/"))
    return join_path(folder, name) if name else folder


def _model(entry: Entry, path: str) -> Model:
    return {
        "name": entry.name,
        "path": path.strip("/"),
        "created": _moment(entry.created_ms),
        "last_modified": _moment(entry.modified_ms),
        "type": "directory" if entry.kind == "folder" else entry.kind,
    }


def _checkpoint_model(checkpoint: Checkpoint) -> Model:
    return {"id": checkpoint.checkpoint_id, "last_modified": _moment(checkpoint.created_ms)}


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def _ids() -> Any:
    return (CellId(f"cell{number}") for number in count())
