"""Rule NB15 (docs/specs/notebook.md): to nbformat 3 and back is the same notebook, and nbformat itself reads what comes of it."""

import json
from typing import Any, cast

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.core.notebook.ipynb import decode, from_json
from carnet.core.notebook.model import Cell, DisplayData, ErrorOutput, ExecuteResult, Notebook, Output, Stream
from carnet.core.notebook.nbformat3 import to_nbformat3
from carnet.ids import CellId

texts = st.text(st.characters(codec="utf-8"), max_size=20)
bundles = st.fixed_dictionaries(
    {},
    optional={
        "text/plain": texts,
        "text/html": texts,
        "image/png": st.just("AA=="),
        "application/json": st.recursive(st.none() | texts | st.integers(), st.lists, max_leaves=4),
        "application/vnd.x+json": st.lists(texts, max_size=3),
        "application/x-own": texts,
    },
)
outputs: st.SearchStrategy[Output] = st.one_of(
    st.builds(Stream, name=st.sampled_from(["stdout", "stderr", "other"]), text=texts),
    st.builds(DisplayData, data=bundles, metadata=st.just({"image/png": {"width": 1}})),
    st.builds(ExecuteResult, data=bundles, execution_count=st.none() | st.integers(1, 9)),
    st.builds(ErrorOutput, ename=texts, evalue=texts, traceback=st.lists(texts, max_size=3).map(tuple)),
)
cells = st.one_of(
    st.builds(
        Cell,
        id=st.just(CellId("id")),
        kind=st.just("code"),
        source=texts,
        metadata=st.just({}) | st.just({"collapsed": False}) | st.just({"collapsed": "no"}),
        outputs=st.lists(outputs, max_size=3).map(tuple),
        execution_count=st.none() | st.integers(1, 9),
    ),
    st.builds(
        Cell,
        id=st.just(CellId("id")),
        kind=st.sampled_from(["markdown", "raw"]),
        source=texts,
        attachments=st.none() | st.just({"a.png": {"image/png": "AA=="}}),
    ),
)


@given(st.lists(cells, max_size=3))
def test_nb15_there_and_back(made: list[Cell]) -> None:
    numbered = tuple(
        Cell(
            **{name: getattr(cell, name) for name in cell.__struct_fields__ if name != "id"},
            id=CellId(f"c{number}"),
        )
        for number, cell in enumerate(made)
    )
    notebook = Notebook(cells=numbered, metadata={"kernelspec": {"name": "x"}}, extra={"more": 1})

    assert from_json(json.loads(json.dumps(to_nbformat3(notebook))), new_ids=iter(())) == notebook


def test_nb15_what_nbformat_4_does_not_know_comes_back() -> None:
    data = json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {"cell_type": "from the future", "id": "a", "metadata": {}, "source": "x", "own": [1]},
                {
                    "cell_type": "code", "id": "b", "metadata": {}, "source": "", "execution_count": None,
                    "outputs": [{"output_type": "hologram", "depth": 3}],
                },
            ],
        }
    ).encode()  # fmt: skip
    notebook = decode(data, new_ids=iter(()))

    assert from_json(to_nbformat3(notebook), new_ids=iter(())) == notebook


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "python"),
        ({"kernelspec": {"language": "R"}}, "R"),
        ({"kernelspec": {"language": "R"}, "language_info": {"name": "julia"}}, "julia"),
        ({"language_info": "odd"}, "python"),
    ],
)
def test_nb15_the_language_of_cells(metadata: Any, language: str) -> None:
    tree: Any = to_nbformat3(Notebook(cells=(Cell(id=CellId("a"), kind="code"),), metadata=metadata))

    assert tree["worksheets"][0]["cells"][0]["language"] == language


def test_nb15_nbformat_reads_it() -> None:
    notebook = Notebook(
        cells=(
            Cell(id=CellId("a"), kind="markdown", source="# a"),
            Cell(id=CellId("b"), kind="code", source="1", outputs=(Stream(name="stdout", text="1\n"),)),
        )
    )

    text = json.dumps(to_nbformat3(notebook))
    theirs = cast("Any", nbformat.reads(text, as_version=3))  # type: ignore[no-untyped-call]  # nbformat has no types
    nbformat.validate(theirs)
    assert [cell.cell_type for cell in theirs.worksheets[0].cells] == ["markdown", "code"]
