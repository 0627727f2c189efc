"""A notebook manager of 2014 keeps today's contract, behind the bridge (BR1 to BR10, docs/specs/compat.md)."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tornado import web
from traitlets.config import Config

from carnet.compat.bridge import (
    BridgedNotebookManager,
    bridged,
    is_of_2012,
    is_of_2014,
)
from carnet.core.notebook.ipynb import decode, encode
from carnet.core.notebook.model import Cell, DisplayData, ExecuteResult, Notebook, Stream
from carnet.errors import (
    AlreadyExists,
    ConfigError,
    InvalidNotebook,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RevisionConflict,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from carnet.ids import CellId, NotebookPath
from carnet.storage.base import NotebookManager
from carnet.storage.files import FileNotebookManager
from tests.compat.any_files import AnyFiles, ContractOf2014, unwrapped, wrapped

N = NotebookPath("n.ipynb")


@pytest.fixture
def store(shelf_module: ModuleType, tmp_path: Path) -> BridgedNotebookManager:
    return bridged(shelf_module.ShelfNotebookManager, Config(), tmp_path)


@pytest.fixture
def old(store: BridgedNotebookManager) -> Any:
    """The manager of 2014 itself, as other programs have it."""
    return store._old


class TestBridgedNotebookManager(ContractOf2014):
    @pytest.fixture
    def manager(self, store: BridgedNotebookManager, old: Any) -> NotebookManager:
        del old.shelves["lent"]
        return AnyFiles(store)


def test_s31_it_says_what_the_class_of_2014_says(store: BridgedNotebookManager, old: Any) -> None:
    assert store.info_string() == "Serving notebooks from a shelf"
    old.label = "a\nb"
    assert store.info_string() == "Serving notebooks from a"


def test_br1_the_class_is_configured_as_it_was(shelf_module: ModuleType, tmp_path: Path) -> None:
    config = Config({"ShelfNotebookManager": {"label": "the attic"}})

    assert (
        bridged(shelf_module.ShelfNotebookManager, config, tmp_path).info_string()
        == "Serving notebooks from the attic"
    )


def test_br1_which_classes_are_meant(shelf_module: ModuleType) -> None:
    class Older:
        def read_notebook_object(self, notebook_id: str) -> None: ...

    assert is_of_2014(shelf_module.ShelfNotebookManager)
    assert not is_of_2014(FileNotebookManager)
    assert not is_of_2014("a text")
    assert is_of_2012(Older)
    assert not is_of_2012(FileNotebookManager)


def test_br1_a_class_that_cannot_be_made_is_told(shelf_module: ModuleType, tmp_path: Path) -> None:
    class Failing(shelf_module.ShelfNotebookManager):  # type: ignore[misc,name-defined]  # from 2014, without types
        def __init__(self, **kwargs: object) -> None:
            raise LookupError("no shelf")

    with pytest.raises(ConfigError, match="Failing could not be made: LookupError: no shelf"):
        bridged(Failing, Config(), tmp_path)


# -- BR2: what fits comes back

FULL = Notebook(
    cells=(
        Cell(id=CellId("md"), kind="markdown", source="# Title\n\ntext", attachments={"a.png": {"image/png": "AA=="}}),
        Cell(id=CellId("raw"), kind="raw", source="raw", metadata={"format": "text/latex"}),
        Cell(
            id=CellId("code"),
            kind="code",
            source="1\n2\n",
            execution_count=3,
            metadata={"collapsed": True, "tags": ["x"]},
            outputs=(
                Stream(name="stderr", text="a\nb"),
                DisplayData(
                    data={"image/png": "AA==", "application/json": {"a": [1, None]}, "application/x+json": ["a", "b"]},
                    metadata={"image/png": {"width": 3}},
                ),
                ExecuteResult(data={"text/plain": "2", "text/html": "<b>2</b>"}, execution_count=3),
            ),
        ),
    ),
    metadata={"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}, "own": {"deep": [1, 2.5]}},
    extra={"unknown": "kept"},
)  # fmt: skip


def test_br2_a_notebook_comes_back_as_it_was_saved(store: BridgedNotebookManager) -> None:
    data = encode(FULL)
    store.save(N, data, expected=None)

    assert store.read(N)[0] == data


def test_br2_the_class_of_2014_sees_nbformat_3(store: BridgedNotebookManager, old: Any) -> None:
    store.save(N, encode(FULL), expected=None)

    content = old.get_notebook("n.ipynb")["content"]
    assert (content.nbformat, content.metadata.name) == (3, "")
    cell = content.worksheets[0].cells[2]
    assert (cell.input, cell.prompt_number, cell.language, cell.collapsed) == ("1\n2\n", 3, "R", True)
    assert [output.output_type for output in cell.outputs] == ["stream", "display_data", "pyout"]
    assert (cell.outputs[0].stream, cell.outputs[2].text, cell.outputs[1].png) == ("stderr", "2", "AA==")


def test_br2_what_is_no_notebook_does_not_reach_the_store(store: BridgedNotebookManager, old: Any) -> None:
    with pytest.raises(InvalidNotebook):
        store.save(N, b"text", expected=None)
    with pytest.raises(InvalidPath, match=r"a\.txt: this store keeps only notebooks"):
        store.save(NotebookPath("a.txt"), wrapped(b""), expected=None)
    assert old.shelves[""] == {}


def old_text(*cells: str, **metadata: str) -> dict[str, Any]:
    """A notebook as a program of 2014 keeps it: no ids."""
    made = [
        {"cell_type": "code", "input": text, "outputs": [], "metadata": {}, "trusted": True} for text in cells
    ]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": metadata, "worksheets": [{"cells": made}]}


def test_br3_cells_without_an_id_have_the_same_one_at_each_reading(
    store: BridgedNotebookManager, old: Any
) -> None:
    old.save_notebook({"content": old_text("a", "b", "a")}, "n.ipynb")
    first, entry = store.read(N)
    assert (store.read(N)[0], store.stat(N).revision) == (first, entry.revision)
    ids = [cell.id for cell in decode(first, new_ids=iter(())).cells]
    assert len(set(ids)) == 3

    old.save_notebook({"content": old_text("new", "a", "b", "a")}, "n.ipynb")
    assert [cell.id for cell in decode(store.read(N)[0], new_ids=iter(())).cells][1:] == ids


def test_br3_what_another_program_writes_is_another_revision(store: BridgedNotebookManager, old: Any) -> None:
    revision = store.save(N, wrapped(b"ours"), expected=None)
    old.save_notebook({"content": old_text("theirs")}, "n.ipynb")

    assert store.stat(N).revision != revision
    with pytest.raises(RevisionConflict):
        store.save(N, wrapped(b"ours again"), expected=revision)
    assert old.get_notebook("n.ipynb")["content"].worksheets[0].cells[0].input == "theirs"


def test_br3_a_notebook_at_rest_is_not_read_to_be_looked_at(store: BridgedNotebookManager, old: Any) -> None:
    revision = store.save(N, wrapped(b"x"), expected=None)
    old.shelves[""]["n.ipynb"]["last_modified"] = datetime(2014, 2, 20, tzinfo=UTC)
    store.read(N)
    old.shelves[""]["n.ipynb"]["text"] = "not even JSON"

    entry = store.stat(N)
    assert (entry.revision, entry.modified_ms) == (revision, 1392854400000)


def test_br4_trust_is_not_taken_from_the_store(store: BridgedNotebookManager, old: Any) -> None:
    old.save_notebook({"content": old_text("a", signature="sha256:made up")}, "n.ipynb")

    data = store.read(N)[0]
    assert b"trusted" not in data
    assert b"signature" not in data


def test_br5_folders_stay_while_the_server_runs(store: BridgedNotebookManager, old: Any) -> None:
    lent = NotebookPath("lent/n.ipynb")
    store.save(lent, wrapped(b""), expected=None)
    store.delete(lent)
    assert "lent" not in old.shelves
    assert [entry.path for entry in store.list()] == ["lent"]
    store.make_folder(NotebookPath("lent/inner"))
    store.save(NotebookPath("lent/inner/n.ipynb"), wrapped(b"x"), expected=None)
    assert "n.ipynb" in old.shelves["lent/inner"]

    store.rename(NotebookPath("lent"), NotebookPath("given"))
    assert [entry.path for entry in store.list()] == ["given"]
    assert unwrapped(store.read(NotebookPath("given/inner/n.ipynb"))[0]) == b"x"
    store.delete(NotebookPath("given"))
    assert list(store.list()) == []


def test_br5_a_deleted_folder_that_the_store_still_lists_is_not_shown(
    store: BridgedNotebookManager, old: Any
) -> None:
    store.delete(NotebookPath("lent"))
    assert "lent" in old.shelves  # nothing was in it, and a class of 2014 cannot be told
    assert list(store.list()) == []
    with pytest.raises(NotFound):
        store.save(NotebookPath("lent/n.ipynb"), wrapped(b""), expected=None)
    store.make_folder(NotebookPath("lent"))
    store.save(NotebookPath("lent/n.ipynb"), wrapped(b""), expected=None)
    assert [entry.path for entry in store.list(NotebookPath("lent"))] == ["lent/n.ipynb"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (web.HTTPError(400, "bad"), InvalidPath),
        (web.HTTPError(403, "no"), PermissionDenied),
        (web.HTTPError(404, "gone"), NotFound),
        (web.HTTPError(409, "there"), AlreadyExists),
        (web.HTTPError(507, "full"), StorageFull),
        (web.HTTPError(502, "no answer"), StorageUnavailable),
        (PermissionError(13, "denied"), PermissionDenied),
        (ConnectionRefusedError(111, "refused"), StorageUnavailable),
        (KeyError("token"), StorageError),
        (AssertionError(), StorageError),
    ],
    ids=repr,
)
def test_br6_what_it_raises_becomes_an_error_of_ours(
    store: BridgedNotebookManager,
    old: Any,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    expected: type[StorageError],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    store.save(N, wrapped(b""), expected=None)
    monkeypatch.setattr(old, "get_notebook", fail)
    with pytest.raises(expected) as caught:
        store.read(N)
    assert type(caught.value) is expected
    assert str(caught.value).startswith("n.ipynb: ")


def test_br6_a_fault_in_it_names_the_class(store: BridgedNotebookManager, old: Any) -> None:
    store.save(N, wrapped(b""), expected=None)
    del old.shelves[""]["n.ipynb"]["text"]

    with pytest.raises(StorageError, match="ShelfNotebookManager failed with KeyError: 'text'"):
        store.read(N)


def test_br7_several_checkpoints_latest_first(store: BridgedNotebookManager) -> None:
    revision = store.save(N, wrapped(b"1"), expected=None)
    made = [store.create_checkpoint(N)]
    revision = store.save(N, wrapped(b"2"), expected=revision)
    made.append(store.create_checkpoint(N))
    revision = store.save(N, wrapped(b"3"), expected=revision)

    assert list(store.list_checkpoints(N)) == made[::-1]
    store.restore_checkpoint(N, made[0].checkpoint_id, expected=revision)
    assert unwrapped(store.read(N)[0]) == b"1"


def test_br7_the_id_may_have_its_older_name(
    store: BridgedNotebookManager, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(N, wrapped(b"1"), expected=None)
    monkeypatch.setattr(old, "create_checkpoint", lambda *_: "only an id")
    assert store.create_checkpoint(N).checkpoint_id == "only an id"
    monkeypatch.setattr(
        old,
        "list_checkpoints",
        lambda *_: [{"checkpoint_id": "a", "last_modified": datetime.fromisoformat("2014-02-20")}],
    )
    assert [(one.checkpoint_id, one.created_ms) for one in store.list_checkpoints(N)] == [
        ("a", 1392854400000)
    ]


@pytest.mark.parametrize(
    ("moment", "expected_ms"), [("2014-02-20T00:00:00+00:00", 1392854400000), ("?", 0), (None, 0)]
)
def test_br8_times_in_any_form(
    store: BridgedNotebookManager, old: Any, moment: object, expected_ms: int
) -> None:
    store.save(N, wrapped(b""), expected=None)
    old.shelves[""]["n.ipynb"]["last_modified"] = moment

    assert store.stat(N).modified_ms == expected_ms


def test_br9_names_that_cannot_be_paths_are_not_listed(store: BridgedNotebookManager, old: Any) -> None:
    old.save_notebook({"content": old_text("a")}, "a\\b.ipynb")
    old.shelves["c\\d"] = {}

    assert [entry.path for entry in store.list()] == ["lent"]


def test_br9_hidden_folders_of_the_class(
    store: BridgedNotebookManager, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old, "is_hidden", lambda path: path == "lent")
    assert list(store.list()) == []
    assert not store.exists(NotebookPath("lent"))


def test_st23_a_class_with_files_says_where_they_are(
    store: BridgedNotebookManager, old: Any, tmp_path: Path
) -> None:
    where: Callable[[str, str], str] = lambda name, path: str(tmp_path / path / name)  # noqa: E731
    object.__setattr__(old, "get_os_path", where)
    (tmp_path / "n.ipynb").write_bytes(b"")

    assert store.local_path(N) == tmp_path / "n.ipynb"
    assert store.local_path(NotebookPath("o.ipynb")) is None


def test_br10_calls_to_the_class_never_overlap(
    store: BridgedNotebookManager, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was written for a server that did one thing at a time."""
    now: list[str] = []
    overlaps: list[tuple[str, ...]] = []

    def counted(name: str) -> Callable[..., Any]:
        verb = getattr(old, name)

        def call(*arguments: object, **more: object) -> object:
            # One that calls another of its own is still one call.
            if any(thread != str(threading.get_ident()) for thread in now):
                overlaps.append((name, *now))
            now.append(str(threading.get_ident()))
            try:
                time.sleep(0.001)  # whoever comes beside it comes now
                return verb(*arguments, **more)
            finally:
                now.remove(str(threading.get_ident()))

        return call

    for name in ("get_notebook", "save_notebook", "list_notebooks", "notebook_exists", "delete_notebook"):
        monkeypatch.setattr(old, name, counted(name))

    def use(number: int) -> int:
        path = NotebookPath(f"n{number}.ipynb")
        store.save(path, encode(Notebook()), expected=None)
        store.list(NotebookPath(""))
        return len(store.read(path)[0])

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(24)))
    assert overlaps == []
