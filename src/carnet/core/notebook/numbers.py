"""Numbers that not everything carries: whole ones that have no room in 64 bits, NaN and infinities.

The journal and the link, which are MessagePack, cannot carry the former.
JSON has numbers of any length, and Python writes them. Browsers read them as
floating point, whatever their length; so do we, where a notebook is opened. What
is too large even for that becomes a string of its digits. Rule NB17:
docs/specs/notebook.md.
"""

from math import isfinite
from typing import Final

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.model import Cell, Json, Notebook

_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 64) - 1

_encoder = msgspec.msgpack.Encoder()


def are_carried(value: object) -> bool:
    """Return whether all whole numbers in it have room."""
    try:
        _encoder.encode(value)
    except OverflowError:
        return False
    return True


def carried(value: Json) -> Json:
    """Return the value with numbers that have room."""
    match value:
        case int() if not _LEAST <= value <= _MOST:
            return _as_float(value)
        case list() | tuple():
            return [carried(item) for item in value]
        case dict():
            return {key: carried(item) for key, item in value.items()}
        case _:
            return value


def finite(value: Json) -> Json:
    """Return the value with null for what JSON has no number for: NaN, infinities."""
    match value:
        case float() if not isfinite(value):
            return None
        case list():
            return [finite(item) for item in value]
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case _:
            return value


def carried_notebook(notebook: Notebook) -> Notebook:
    """Return the notebook with numbers that have room: the same one, nearly always."""
    around = replace(notebook, cells=())
    fits = are_carried(around)
    cells = tuple(map(carried_cell, notebook.cells))
    if fits and all(new is old for new, old in zip(cells, notebook.cells, strict=True)):
        return notebook
    if not fits:
        around = msgspec.convert(carried(msgspec.to_builtins(around)), Notebook)
    return replace(around, cells=cells)


def carried_cell(cell: Cell) -> Cell:
    """Return one cell with numbers that have room: the same one, nearly always."""
    if are_carried(cell):
        return cell
    tree = msgspec.to_builtins(cell)
    for one in (tree, *tree["outputs"]):
        # How often it ran: nothing that a fraction could stand for.
        count = one.get("execution_count")
        if isinstance(count, int) and not _LEAST <= count <= _MOST:
            one["execution_count"] = None
    return msgspec.convert(carried(tree), Cell)


def _as_float(value: int) -> float | str:
    try:
        return float(value)
    except OverflowError:
        return str(value)
