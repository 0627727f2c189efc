"""Notebooks to measure with, made here: a few cells, thousands, and one of fifty megabytes."""

import base64
import json
import random
from pathlib import Path

Cell = dict[str, object]


def code_cell(number: int, source: str) -> Cell:
    """Return a code cell with one short output."""
    output = {"output_type": "stream", "name": "stdout", "text": [f"result of cell {number}\n"]}
    return {
        "cell_type": "code",
        "id": f"cell-{number:06d}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
        "execution_count": number + 1,
        "outputs": [output],
    }


def cells_of(count: int) -> list[Cell]:
    """Return that many cells of three lines each."""
    return [code_cell(n, f"# cell {n}\nvalue = {n} * 2\nprint(value)") for n in range(count)]


def image_cell(number: int, size_bytes: int) -> Cell:
    """Return a code cell whose output is a picture of about that size in the file."""
    # Random bytes, the same in each run: what cannot be compressed.
    data = random.Random(number).randbytes(size_bytes * 3 // 4)
    cell = code_cell(number, f"# picture {number}\nplot({number})")
    cell["outputs"] = [
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": base64.b64encode(data).decode(), "text/plain": [f"<picture {number}>"]},
        }
    ]
    return cell


def encoded(cells: list[Cell]) -> bytes:
    """Return the bytes of a notebook of these cells, as nbformat writes them."""
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernelspec},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def of_size(size_bytes: int) -> bytes:
    """Return a notebook of about that many bytes: ten cells, then pictures."""
    pictures = max(1, min(50, size_bytes // 50_000))
    each = size_bytes // pictures
    return encoded(cells_of(10) + [image_cell(10 + n, each) for n in range(pictures)])


def write(path: Path, data: bytes) -> Path:
    """Write it, and return where."""
    path.write_bytes(data)
    return path


def talking(size_bytes: int) -> bytes:
    """Return a notebook of about that many bytes that are lines of text, a few in each of many outputs."""
    line_bytes = 24  # of the file: indented, quoted, with its comma
    lines = 100
    cells = [code_cell(n, f"# lines {n}\ntell({n})") for n in range(size_bytes // (lines * line_bytes))]
    for n, cell in enumerate(cells):
        texts = [f"step {n:05d}\n" for n in range(n % 1000, n % 1000 + lines)]
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": texts}]
    return encoded(cells)
