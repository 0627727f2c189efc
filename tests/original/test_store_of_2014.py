"""S27 to S31: notebook managers of 2014 in a real server, as the original says that they are named."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.serving import ROOT, Server, serve, spawn
from tests.support.server import CarnetServer

pytestmark = pytest.mark.slow

SHELF = "tests.compat.shelf.ShelfNotebookManager"
OPTIONS = (f"--NotebookApp.notebook_manager_class={SHELF}", "--NotebookApp.compat=ipython2")
ENV = {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path, *OPTIONS, env=ENV) as one:
        yield one


def ask(server: Server, method: str, path: str, value: object = None) -> Any:
    answer = server.api(method, path, value)
    assert answer.status < 400, answer.body
    return answer.json() if answer.body else None


def content(*sources: str) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def sources(server: Server, path: str) -> list[str]:
    return [cell["source"] for cell in ask(server, "GET", f"api/contents/{path}")["content"]["cells"]]


def test_s31_the_log_says_what_the_class_says(server: Server) -> None:
    ask(server, "GET", "api/contents")

    assert "Serving notebooks from a shelf" in server.output()


def test_s30_all_of_contents_works(server: Server) -> None:
    made = ask(server, "POST", "api/contents", {"type": "notebook"})
    assert made["path"] == "Untitled.ipynb"
    ask(server, "PUT", "api/contents/Untitled.ipynb", {"type": "notebook", "content": content("1")})
    ask(server, "PATCH", "api/contents/Untitled.ipynb", {"path": "lent/n.ipynb"})
    assert sources(server, "lent/n.ipynb") == ["1"]
    copy = ask(server, "POST", "api/contents/lent", {"copy_from": "lent/n.ipynb"})
    assert copy["path"] == "lent/n-Copy1.ipynb"
    ask(server, "PUT", "api/contents/new", {"type": "directory"})
    listed = ask(server, "GET", "api/contents")["content"]
    assert [(one["name"], one["type"]) for one in listed] == [("lent", "directory"), ("new", "directory")]
    ask(server, "DELETE", "api/contents/lent/n.ipynb")
    assert [one["name"] for one in ask(server, "GET", "api/contents/lent")["content"]] == ["n-Copy1.ipynb"]


def test_s29_several_checkpoints(server: Server) -> None:
    where = "api/contents/n.ipynb"
    kept = []
    for source in ("1", "2", "3"):
        ask(server, "PUT", where, {"type": "notebook", "content": content(source)})
        kept.append(ask(server, "POST", f"{where}/checkpoints")["id"])

    assert [one["id"] for one in ask(server, "GET", f"{where}/checkpoints")] == kept
    ask(server, "POST", f"{where}/checkpoints/{kept[0]}")
    assert sources(server, "n.ipynb") == ["1"]
    ask(server, "DELETE", f"{where}/checkpoints/{kept[1]}")
    assert [one["id"] for one in ask(server, "GET", f"{where}/checkpoints")] == [kept[0], kept[2]]
    assert server.api("POST", f"{where}/checkpoints/none").status == 404


def test_s28_other_files_are_refused_in_words(server: Server) -> None:
    answer = server.api("PUT", "api/contents/a.txt", {"type": "file", "format": "text", "content": "x"})

    assert answer.status == 400
    assert "this store keeps only notebooks" in answer.json()["message"]


async def test_s30_a_notebook_is_edited_run_and_saved_through_the_page(tmp_path: Path) -> None:
    settings = {"notebook_manager_class": SHELF, "compat": "ipython2"}
    with CarnetServer(tmp_path, settings=settings, env=ENV) as server:
        server.request("PUT", "/api/contents/n.ipynb", {"type": "notebook", "content": content("1 + 1")})
        async with server.tab("n.ipynb") as tab:
            await tab.run(*tab.now.order)
            await tab.wait(lambda: not tab.now.runs and tab.now.saved.seq >= tab.now.changed_seq)
        _, kept = server.request("GET", "/api/contents/n.ipynb")

    (cell,) = json.loads(kept)["content"]["cells"]
    assert (cell["execution_count"], cell["outputs"][0]["data"]) == (1, {"text/plain": "2"})


def test_s31_without_the_names_of_2014_the_way_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught, serve(tmp_path, OPTIONS[0], env=ENV):
        pass

    said = str(caught.value)
    assert "No module named 'IPython.html'" in said
    assert "It was written for IPython 2: set c.NotebookApp.compat = 'ipython2'." in said
    assert "Traceback" not in said


def test_s29_bookstore_gets_one_sentence(tmp_path: Path) -> None:
    process = spawn(tmp_path, "--NotebookApp.notebook_manager_class=bookstore.swift.KeystoneNotebookManager")
    _, said = process.communicate(timeout=30)

    assert process.returncode == 1
    assert said.startswith(
        "carnet: notebook_manager_class: bookstore.swift.KeystoneNotebookManager: Carnet has no "
    )
    assert said.count("\n") == 1


def test_s27_script_writes_the_code_beside_the_notebook(tmp_path: Path) -> None:
    with serve(tmp_path, "--script") as server:
        ask(server, "PUT", "api/contents/n.ipynb", {"type": "notebook", "content": content("1 + 1")})

        assert "1 + 1" in (tmp_path / "notebooks" / "n.py").read_text()


def test_what_is_not_there_is_said_before_the_address(tmp_path: Path) -> None:
    with serve(tmp_path, "--no-mathjax") as server:
        assert server.lines[0].startswith("--no-mathjax does nothing: Carnet draws math with its own MathJax")
