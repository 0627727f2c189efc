"""nbformat and nbclient, which have no types, behind functions that do. What others read is the judge of our files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import nbformat

FileCell: TypeAlias = Any
"""nbformat's cell: a dictionary with attributes."""
FileNotebook: TypeAlias = Any
"""nbformat's notebook, version 4."""


def read_file(file: Path) -> FileNotebook:
    """Return a notebook file as nbformat reads it; it is valid.

    Raises:
        nbformat.ValidationError: it is not.
    """
    notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
    nbformat.validate(notebook)
    return notebook


def write_file(file: Path, notebook: FileNotebook) -> None:
    """Write a notebook as nbformat does."""
    nbformat.write(notebook, file)  # type: ignore[no-untyped-call]  # nbformat has no types


def code_notebook(sources: Iterable[str]) -> FileNotebook:
    """Return a notebook with these code cells; their ids are c0, c1 ..."""
    v4 = nbformat.v4
    cells = [v4.new_code_cell(source, id=f"c{index}") for index, source in enumerate(sources)]  # type: ignore[no-untyped-call]  # nbformat has no types
    return v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]  # nbformat has no types
