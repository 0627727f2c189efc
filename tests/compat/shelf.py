"""A notebook manager as people wrote them in 2014: for IPython 2, with its imports, its models and its manners.

Imported only where the names of 2014 lead to `carnet.compat` (`ipython2.install`).
"""
# It is written as one wrote then: no types, and with the marks of Python 2.
# mypy: ignore-errors
# ruff: noqa: C408, UP008, UP031

import io

from IPython.html.services.notebooks.nbmanager import NotebookManager
from IPython.nbformat import current
from IPython.utils import tz
from IPython.utils.traitlets import Unicode
from tornado import web


class ShelfNotebookManager(NotebookManager):
    """Notebooks on shelves: a dictionary for each folder, of texts in the form of an .ipynb file."""

    label = Unicode("a shelf", config=True)

    def __init__(self, **kwargs):
        super(ShelfNotebookManager, self).__init__(**kwargs)
        self.shelves = {"": {}, "lent": {}}

    def info_string(self):
        return "Serving notebooks from %s" % self.label

    def path_exists(self, path):
        return path.strip("/") in self.shelves

    def is_hidden(self, path):
        return False

    def notebook_exists(self, name, path=""):
        return name in self.shelves.get(path.strip("/"), {})

    def list_dirs(self, path):
        start = path.strip("/") + "/" if path.strip("/") else ""
        names = [one[len(start) :] for one in self.shelves if one and one.startswith(start)]
        return [self.get_dir_model(name, path) for name in sorted(names) if name and "/" not in name]

    def get_dir_model(self, name, path=""):
        now = tz.utcnow()
        return dict(name=name, path=path, type="directory", created=now, last_modified=now)

    def list_notebooks(self, path=""):
        names = sorted(self.shelves.get(path.strip("/"), {}))
        return [self.get_notebook(name, path, content=False) for name in names]

    def get_notebook(self, name, path="", content=True):
        if not self.notebook_exists(name, path):
            raise web.HTTPError(404, "Notebook does not exist: %s" % name)
        kept = self.shelves[path.strip("/")][name]
        model = dict(
            name=name,
            path=path,
            type="notebook",
            created=kept["created"],
            last_modified=kept["last_modified"],
        )
        if content:
            with io.StringIO(kept["text"]) as f:
                nb = current.read(f, "json")
            self.mark_trusted_cells(nb, path, name)
            model["content"] = nb
        return model

    def save_notebook(self, model, name, path=""):
        if "content" not in model:
            raise web.HTTPError(400, "No notebook JSON data provided")
        path = path.strip("/")
        new_name, new_path = model.get("name", name), model.get("path", path)
        if (new_name, new_path) != (name, path):
            self.update_notebook(model, name, path)
        nb = current.to_notebook_json(model["content"])
        self.check_and_sign(nb, new_path, new_name)
        if "name" in nb["metadata"]:
            nb["metadata"]["name"] = ""
        shelf = self.shelves.setdefault(new_path, {})
        kept = shelf.setdefault(new_name, dict(created=tz.utcnow(), checkpoints=[]))
        kept["text"], kept["last_modified"] = current.writes(nb, "json"), tz.utcnow()
        return self.get_notebook(new_name, new_path, content=False)

    def update_notebook(self, model, name, path=""):
        new_name, new_path = model.get("name", name), model.get("path", path).strip("/")
        self.shelves.setdefault(new_path, {})[new_name] = self.shelves[path.strip("/")].pop(name)
        return self.get_notebook(new_name, new_path, content=False)

    def delete_notebook(self, name, path=""):
        shelf = self.shelves[path.strip("/")]
        del shelf[name]
        if not shelf:  # as many stores do: a folder is there while something is in it
            del self.shelves[path.strip("/")]

    def create_checkpoint(self, name, path=""):
        kept = self.shelves[path.strip("/")][name]
        made = dict(id="checkpoint-%d" % len(kept["checkpoints"]), last_modified=tz.utcnow())
        kept["checkpoints"].append((made, kept["text"]))
        return made

    def list_checkpoints(self, name, path=""):
        return [made for made, _ in self.shelves[path.strip("/")][name]["checkpoints"]]

    def restore_checkpoint(self, checkpoint_id, name, path=""):
        kept = self.shelves[path.strip("/")][name]
        for made, text in kept["checkpoints"]:
            if made["id"] == checkpoint_id:
                kept["text"], kept["last_modified"] = text, tz.utcnow()

    def delete_checkpoint(self, checkpoint_id, name, path=""):
        kept = self.shelves[path.strip("/")][name]
        kept["checkpoints"] = [one for one in kept["checkpoints"] if one[0]["id"] != checkpoint_id]
