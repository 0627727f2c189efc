"""Signatures as notebook managers of 2014 ask for them."""

from pathlib import Path

from carnet.compat import nbformat3 as current
from carnet.compat.sign import NotebookNotary


def a_notebook(text: str = "1") -> current.NotebookNode:
    cells = [current.new_code_cell(text), current.new_text_cell("markdown", "x")]
    return current.new_notebook(worksheets=[current.new_worksheet(cells=cells)])


def test_a_signed_notebook_is_known_until_it_changes(tmp_path: Path) -> None:
    notary = NotebookNotary(secret_file=str(tmp_path / "secret"))
    notebook = a_notebook()
    assert not notary.check_signature(notebook)
    notary.sign(notebook)

    assert notary.check_signature(notebook)
    assert NotebookNotary(secret_file=str(tmp_path / "secret")).check_signature(notebook)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert not NotebookNotary().check_signature(notebook)
    notebook.worksheets[0].cells[0].input = "2"
    assert not notary.check_signature(notebook)


def test_marks_of_cells() -> None:
    notary, notebook = NotebookNotary(), a_notebook()
    assert not notary.check_cells(notebook)
    notary.mark_cells(notebook, True)
    assert notary.check_cells(notebook)
    assert notary.check_cells(current.new_notebook())


def test_bytes_can_be_signed() -> None:
    notary, notebook = NotebookNotary(), a_notebook()
    notebook.worksheets[0].cells[0].outputs.append(current.new_output("display_data", output_png=b"AA=="))
    notary.sign(notebook)
    assert notary.check_signature(notebook)
