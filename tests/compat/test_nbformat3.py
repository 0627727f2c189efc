"""`IPython.nbformat.current` as scripts of 2014 used it."""

import io
import json

import pytest

from carnet.compat import nbformat3 as current
from carnet.core.notebook.ipynb import decode
from carnet.ids import CellId


def a_notebook() -> current.NotebookNode:
    return current.new_notebook(
        metadata=current.new_metadata(name="n", authors=[current.new_author(name="Ada")]),
        worksheets=[
            current.new_worksheet(
                cells=[
                    current.new_heading_cell("Title", level=2),
                    current.new_text_cell("markdown", "a\nb"),
                    current.new_code_cell(
                        "1\n2",
                        prompt_number=3,
                        outputs=[
                            current.new_output("stream", output_text="x\ny\n", stream="stderr"),
                            current.new_output("pyout", output_text="2", prompt_number=3),
                            current.new_output("pyerr", ename="E", evalue="v", traceback=["t"]),
                        ],
                    ),
                ]
            )
        ],
    )


def test_a_notebook_is_written_and_read() -> None:
    file = io.StringIO()
    current.write(a_notebook(), file, "json")

    assert current.reads(file.getvalue(), "json") == a_notebook()
    assert current.read(io.StringIO(file.getvalue()), "ipynb") == a_notebook()
    assert json.loads(file.getvalue())["worksheets"][0]["cells"][1]["source"] == ["a\n", "b"]


def test_keys_are_attributes() -> None:
    notebook = a_notebook()
    cell = notebook.worksheets[0].cells[2]
    assert (cell.input, cell.outputs[0].stream, cell.outputs[1].text) == ("1\n2", "stderr", "2")
    cell.input = "3"
    assert cell["input"] == "3"
    del cell.input
    assert not hasattr(cell, "input")
    with pytest.raises(AttributeError):
        del cell.input
    assert type(notebook.copy()) is current.NotebookNode


def test_files_of_today_come_as_nbformat_3() -> None:
    text = json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [{"cell_type": "code", "source": ["1\n", "2"]}],
        }
    )

    assert current.reads(text.encode()).worksheets[0].cells[0].input == "1\n2"


def test_files_of_ours_read_what_it_writes() -> None:
    data = current.writes(a_notebook()).encode()

    cells = decode(data, new_ids=(CellId(f"c{number}") for number in range(9))).cells
    assert [(cell.kind, cell.source) for cell in cells] == [
        ("markdown", "## Title"), ("markdown", "a\nb"), ("code", "1\n2"),
    ]  # fmt: skip


def test_lines_without_their_ends_are_joined() -> None:
    tree = {
        "nbformat": 3,
        "metadata": {},
        "worksheets": [{"cells": [{"cell_type": "code", "input": ["a", "b"], "outputs": []}]}],
    }

    assert current.to_notebook_json(tree).worksheets[0].cells[0].input == "a\nb"


def test_images_as_bytes_are_written() -> None:
    notebook = a_notebook()
    notebook.worksheets[0].cells[2].outputs = [current.new_output("display_data", output_png=b"AA==")]

    assert '"png": "AA=="' in current.writes(notebook)
    notebook.metadata.odd = object()
    with pytest.raises(TypeError):
        current.writes(notebook)


def test_a_script_is_written_and_read() -> None:
    script = current.writes(a_notebook(), "py")
    assert script == (
        "# -*- coding: utf-8 -*-\n# <nbformat>3.0</nbformat>\n\n# <headingcell level=2>\n\n# Title\n\n"
        "# <markdowncell>\n\n# a\n# b\n\n# <codecell>\n\n1\n2\n"
    )

    cells = current.reads(script, "py").worksheets[0].cells
    assert [cell.get("input", cell.get("source")) for cell in cells] == ["Title", "a\nb", "1\n2"]
    assert cells[0].level == 2


@pytest.mark.parametrize(
    ("text", "form"), [("{", "json"), ("[]", "json"), ('{"nbformat": 9}', "json"), ("1", "py"), ("", "xml")]
)
def test_what_is_no_notebook_is_said(text: str, form: str) -> None:
    with pytest.raises(current.NBFormatError):
        current.reads(text, form)


def test_writing_in_an_unknown_format() -> None:
    with pytest.raises(current.NBFormatError, match="'xml'"):
        current.writes(a_notebook(), "xml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.ipynb", ("a.ipynb", "a", "json")), ("a.py", ("a.py", "a", "py")), ("a.json", ("a.json", "a", "json")), ("a", ("a.ipynb", "a", "json"))],
)  # fmt: skip
def test_names_of_files(name: str, expected: tuple[str, str, str]) -> None:
    assert current.parse_filename(name) == expected
