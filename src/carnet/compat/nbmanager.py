"""`NotebookManager` of IPython 2 (2014), for classes that were written for it.

For a new store extend `carnet.storage.base.NotebookManager`: it can tell two
writers apart, keep folders and files of any kind, and be asked from several
threads. This one is for what exists: the server puts a class made from it
behind `carnet.compat.bridge`.

Names, arguments and defaults are those of IPython 2, as they were documented.
"""

import itertools
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from traitlets import Instance, List, Unicode, default
from traitlets.config import LoggingConfigurable

from carnet.compat import nbformat3
from carnet.compat.sign import NotebookNotary

Model = dict[str, Any]
"""`name`, `path` (of the folder), `type`, `created`, `last_modified`, and `content` where it is asked for."""


class NotebookManager(LoggingConfigurable):
    """Where notebooks live, as in 2014. A notebook is a name in a folder, and has the form of nbformat 3."""

    filename_ext = Unicode(".ipynb")
    notebook_dir = Unicode("", help="Where the notebooks are; some stores ignore it.").tag(config=True)
    notary = Instance(NotebookNotary)
    hide_globs = List(Unicode(), ["__pycache__"], help="Names that are not listed.").tag(config=True)

    @default("notary")
    def _make_notary(self) -> NotebookNotary:
        return NotebookNotary(parent=self)

    # -- what a class must define

    def path_exists(self, path: str) -> bool:
        """Return whether the path is a folder."""
        raise self._undefined("path_exists")

    def is_hidden(self, path: str) -> bool:
        """Return whether the folder is hidden."""
        raise self._undefined("is_hidden")

    def notebook_exists(self, name: str, path: str = "") -> bool:
        """Return whether there is a notebook of that name in the folder."""
        raise self._undefined("notebook_exists")

    def list_dirs(self, path: str) -> list[Model]:
        """Return models of the folders in a folder."""
        raise self._undefined("list_dirs")

    def get_dir_model(self, name: str, path: str = "") -> Model:
        """Return `name`, `path`, `created`, `last_modified` and `type='directory'` of a folder."""
        raise self._undefined("get_dir_model")

    def list_notebooks(self, path: str = "") -> list[Model]:
        """Return models, without content, of the notebooks in a folder, sorted by name."""
        raise self._undefined("list_notebooks")

    def get_notebook(self, name: str, path: str = "", content: bool = True) -> Model:
        """Return the model of a notebook."""
        raise self._undefined("get_notebook")

    def save_notebook(self, model: Model, name: str, path: str = "") -> Model:
        """Save a notebook, under the name and path in the model, and return its model without content."""
        raise self._undefined("save_notebook")

    def update_notebook(self, model: Model, name: str, path: str = "") -> Model:
        """Rename or move a notebook to the name and path in the model, and return its model without content."""
        raise self._undefined("update_notebook")

    def delete_notebook(self, name: str, path: str = "") -> None:
        """Delete a notebook."""
        raise self._undefined("delete_notebook")

    def create_checkpoint(self, name: str, path: str = "") -> Model:
        """Keep a copy of a notebook, and return its `id` and `last_modified`."""
        raise self._undefined("create_checkpoint")

    def list_checkpoints(self, name: str, path: str = "") -> list[Model]:
        """Return the kept copies of a notebook, as `create_checkpoint` does."""
        return []

    def restore_checkpoint(self, checkpoint_id: str, name: str, path: str = "") -> None:
        """Bring a kept copy back."""
        raise self._undefined("restore_checkpoint")

    def delete_checkpoint(self, checkpoint_id: str, name: str, path: str = "") -> None:
        """Remove a kept copy."""
        raise self._undefined("delete_checkpoint")

    def info_string(self) -> str:
        """Return one line for the start-up log."""
        return "Serving notebooks"

    # -- what has a default

    def increment_filename(self, basename: str, path: str = "") -> str:
        """Return a free name: `basename`, a number, and `filename_ext`."""
        folder = path.strip("/")
        names = (f"{basename}{number}{self.filename_ext}" for number in itertools.count())
        return next(name for name in names if not self.notebook_exists(name, folder))

    def create_notebook(self, model: Model | None = None, path: str = "") -> Model:
        """Make a notebook, and return its model without content."""
        folder = path.strip("/")
        made = {} if model is None else model
        if "content" not in made:
            made["content"] = nbformat3.new_notebook(metadata=nbformat3.new_metadata(name=""))
        if "name" not in made:
            made["name"] = self.increment_filename("Untitled", folder)
        made["path"] = folder
        return self.save_notebook(made, made["name"], folder)

    def copy_notebook(self, from_name: str, to_name: str | None = None, path: str = "") -> Model:
        """Copy a notebook, by default to `NAME-Copy0.ipynb` or the next that is free, and return the copy's model."""
        folder = path.strip("/")
        model = self.get_notebook(from_name, folder)
        if not to_name:
            to_name = self.increment_filename(f"{PurePosixPath(from_name).stem}-Copy", folder)
        model["name"] = to_name
        return self.save_notebook(model, to_name, folder)

    def log_info(self) -> None:
        """Say in the log where notebooks live."""
        self.log.info("%s", self.info_string())

    def check_and_sign(self, nb: Any, path: str, name: str) -> None:
        """Sign a notebook whose code cells are all trusted. For `save_notebook` to call."""
        if self.notary.check_cells(nb):
            self.notary.sign(nb)
        else:
            self.log.debug("notebook %s/%s is saved without a signature", path, name)

    def mark_trusted_cells(self, nb: Any, path: str, name: str) -> None:
        """Mark code cells as the signature says. For `get_notebook` to call."""
        self.notary.mark_cells(nb, self.notary.check_signature(nb))

    def should_list(self, name: str) -> bool:
        """Return whether a name is to be listed."""
        return not any(fnmatch(name, pattern) for pattern in self.hide_globs)

    def _undefined(self, method: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} must define {method}")
