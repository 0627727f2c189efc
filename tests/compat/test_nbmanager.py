"""S30: the base class of 2014 has exactly the methods and traits that it had."""

import inspect
import logging

import pytest

from carnet.compat import nbformat3 as current
from carnet.compat.nbmanager import Model, NotebookManager

SIGNATURES = {
    "path_exists": "(self, path)",
    "is_hidden": "(self, path)",
    "notebook_exists": "(self, name, path='')",
    "list_dirs": "(self, path)",
    "get_dir_model": "(self, name, path='')",
    "list_notebooks": "(self, path='')",
    "get_notebook": "(self, name, path='', content=True)",
    "save_notebook": "(self, model, name, path='')",
    "update_notebook": "(self, model, name, path='')",
    "delete_notebook": "(self, name, path='')",
    "create_checkpoint": "(self, name, path='')",
    "list_checkpoints": "(self, name, path='')",
    "restore_checkpoint": "(self, checkpoint_id, name, path='')",
    "delete_checkpoint": "(self, checkpoint_id, name, path='')",
    "info_string": "(self)",
    "increment_filename": "(self, basename, path='')",
    "create_notebook": "(self, model=None, path='')",
    "copy_notebook": "(self, from_name, to_name=None, path='')",
    "log_info": "(self)",
    "check_and_sign": "(self, nb, path, name)",
    "mark_trusted_cells": "(self, nb, path, name)",
    "should_list": "(self, name)",
}
HAVE_DEFAULTS = {
    "list_checkpoints", "info_string", "increment_filename", "create_notebook", "copy_notebook", "log_info",
    "check_and_sign", "mark_trusted_cells", "should_list",
}  # fmt: skip


def test_s30_methods_and_their_arguments() -> None:
    found = {
        name: str(inspect.signature(getattr(NotebookManager, name), eval_str=False).replace(
            return_annotation=inspect.Signature.empty,
            parameters=[
                one.replace(annotation=inspect.Parameter.empty)
                for one in inspect.signature(getattr(NotebookManager, name)).parameters.values()
            ],
        ))
        for name in SIGNATURES
    }  # fmt: skip

    assert found == SIGNATURES
    assert {name for name, _ in inspect.getmembers(NotebookManager, inspect.isfunction) if name in vars(NotebookManager)} - {"_make_notary", "_undefined"} == set(SIGNATURES)  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(SIGNATURES) - HAVE_DEFAULTS))
def test_s30_what_a_class_must_define_says_so(name: str) -> None:
    method = getattr(NotebookManager(), name)
    given = [
        "x" for one in inspect.signature(method).parameters.values() if one.default is inspect.Parameter.empty
    ]

    with pytest.raises(NotImplementedError, match=f"NotebookManager must define {name}"):
        method(*given)


def test_s30_traits() -> None:
    manager = NotebookManager()
    assert (manager.filename_ext, manager.notebook_dir, manager.hide_globs) == (".ipynb", "", ["__pycache__"])
    assert manager.notary.parent is manager


class Kept(NotebookManager):
    """As little as the defaults need."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Model] = {}

    def notebook_exists(self, name: str, path: str = "") -> bool:
        return name in self.kept

    def get_notebook(self, name: str, path: str = "", content: bool = True) -> Model:
        return dict(self.kept[name])

    def save_notebook(self, model: Model, name: str, path: str = "") -> Model:
        self.check_and_sign(model["content"], path, name)
        self.kept[name] = dict(model)
        return {"name": name, "path": path}


def test_s30_defaults() -> None:
    manager = Kept()
    assert manager.create_notebook() == {"name": "Untitled0.ipynb", "path": ""}
    assert manager.create_notebook(path="/a/") == {"name": "Untitled1.ipynb", "path": "a"}
    assert (
        manager.create_notebook({"name": "n.ipynb", "content": current.new_notebook()})["name"] == "n.ipynb"
    )
    assert manager.copy_notebook("n.ipynb")["name"] == "n-Copy0.ipynb"
    assert manager.copy_notebook("n.ipynb", "m.ipynb")["name"] == "m.ipynb"
    assert manager.increment_filename("n-Copy") == "n-Copy1.ipynb"
    assert (manager.info_string(), manager.list_checkpoints("n.ipynb")) == ("Serving notebooks", [])
    assert [manager.should_list(name) for name in ("a", "__pycache__")] == [True, False]


def test_s30_trust_is_signed_and_marked() -> None:
    manager, notebook = (
        Kept(),
        current.new_notebook(worksheets=[current.new_worksheet(cells=[current.new_code_cell("1")])]),
    )
    manager.check_and_sign(notebook, "", "n.ipynb")
    assert "signature" not in notebook.metadata
    manager.notary.mark_cells(notebook, True)
    manager.check_and_sign(notebook, "", "n.ipynb")
    manager.mark_trusted_cells(notebook, "", "n.ipynb")
    assert notebook.worksheets[0].cells[0].trusted


def test_s30_log_info(caplog: pytest.LogCaptureFixture) -> None:
    manager = Kept()
    manager.log = logging.getLogger("carnet.test")
    with caplog.at_level(logging.INFO):
        manager.log_info()
    assert caplog.messages == ["Serving notebooks"]
