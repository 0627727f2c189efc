"""S27: classes of 2014 that extend `FileNotebookManager` run, over Carnet's own files."""

from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from carnet.compat.bridge import bridged
from carnet.compat.filenbmanager import FileNotebookManager
from carnet.compat.nbmanager import Model
from carnet.ids import NotebookPath
from carnet.storage.base import NotebookManager
from tests.compat.any_files import AnyFiles, ContractOf2014, unwrapped, wrapped


class Hooked(FileNotebookManager):
    """What people extended it for: something to be done after each save."""

    saved: list[str]

    def save_notebook(self, model: Model, name: str, path: str = "") -> Model:
        made = super().save_notebook(model, name, path)
        self.saved = [*getattr(self, "saved", ()), self.get_os_path(name, path)]
        return made


@pytest.fixture
def config(tmp_path: Path) -> Config:
    folder = str(tmp_path / "notebooks")
    own: dict[str, Any] = {"notebook_dir": folder, "state_dir": str(tmp_path / "state"), "save_script": True}
    return Config({"FileNotebookManager": own})


def test_s27_a_hook_after_each_save(config: Config, tmp_path: Path) -> None:
    store = bridged(Hooked, config, tmp_path)
    path = NotebookPath("n.ipynb")
    revision = store.save(path, wrapped(b"1"), expected=None)
    checkpoint = store.create_checkpoint(path)
    revision = store.save(path, wrapped(b"2"), expected=revision)
    store.restore_checkpoint(path, checkpoint.checkpoint_id, expected=revision)

    folder = tmp_path / "notebooks"
    assert store._old.saved == [str(folder / "n.ipynb")] * 2
    assert unwrapped(store.read(path)[0]) == b"1"
    assert (folder / "n.py").is_file()
    assert (folder / ".ipynb_checkpoints").is_dir()
    assert store.local_path(path) == folder / "n.ipynb"
    assert store.info_string() == f"Serving notebooks from local directory: {folder}"
    store.delete_checkpoint(path, checkpoint.checkpoint_id)
    assert list(store.list_checkpoints(path)) == []


def test_s27_what_is_on_disk_is_listed(config: Config, tmp_path: Path) -> None:
    store = bridged(Hooked, config, tmp_path)
    folder = tmp_path / "notebooks"
    store.exists(NotebookPath("x"))
    (folder / "data").mkdir()
    (folder / "__pycache__").mkdir()
    (folder / "data" / "n.ipynb").write_bytes(wrapped(b"1"))
    (folder / "data" / "t.csv").write_bytes(b"")

    assert [entry.path for entry in store.list()] == ["data"]
    assert [entry.path for entry in store.list(NotebookPath("data"))] == ["data/n.ipynb"]
    assert unwrapped(store.read(NotebookPath("data/n.ipynb"))[0]) == b"1"


def test_s27_methods_of_then(config: Config) -> None:
    old = FileNotebookManager(config=config)
    made = old.create_notebook()
    assert (made["name"], made["path"], made["type"]) == ("Untitled0.ipynb", "", "notebook")
    assert old.get_notebook_names() == ["Untitled0.ipynb"]
    old.update_notebook({"name": "a.ipynb"}, "Untitled0.ipynb")
    old.save_notebook(old.get_notebook("a.ipynb") | {"name": "b.ipynb"}, "a.ipynb")
    assert [one["name"] for one in old.list_notebooks()] == ["b.ipynb"]
    assert not old.is_hidden("a")
    assert old.is_hidden(".a")
    old.delete_notebook("b.ipynb")
    assert old.list_notebooks() == []


class TestBridgedFiles(ContractOf2014):
    @pytest.fixture
    def manager(self, config: Config, tmp_path: Path) -> NotebookManager:
        return AnyFiles(bridged(FileNotebookManager, config, tmp_path))
