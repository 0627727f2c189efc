"""A notebook in the shape that Yjs clients share (jupyter_ydoc's YNotebook), as plain values. Purely.

`shaped` makes a cell's shape; `cell_of` and `outputs_of` read what a client made
of one. Numbers are JavaScript's there: 1 and 1.0 are the same, so values are
compared with `alike`. Rules CB5 to CB9: docs/specs/collaboration.md.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Final, TypeAlias

from carnet.core.notebook.ipynb import from_json
from carnet.core.notebook.model import (
    BlobRef,
    Cell,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Json,
    JsonObject,
    Output,
    Stream,
)
from carnet.core.session.state import CellState
from carnet.errors import InvalidNotebook
from carnet.ids import CellId


class Later(Enum):
    """A value that is being read."""

    LATER = 0


Inline: TypeAlias = Callable[[str, BlobRef], Json | Later]
"""The value of a blob of this MIME type; None: it is too large, and a line of text says where it is."""

CLIENTS_OWN: Final = frozenset({"trusted"})
"""Keys of a cell's metadata that clients keep there for each other. No file has them, and no session."""

_CELL_KEYS: Final = (
    "id",
    "cell_type",
    "source",
    "metadata",
    "outputs",
    "execution_count",
    "attachments",
)


def shaped(cell: CellState, *, running: bool, inline: Inline) -> JsonObject:
    """Return the shape of a cell."""
    content = cell.cell
    shape: JsonObject = {
        "id": content.id,
        "cell_type": content.kind,
        "source": content.source,
        "metadata": {key: value for key, value in content.metadata.items() if key not in CLIENTS_OWN},
    }
    if content.kind == "code":
        shape["outputs"] = [shaped_output(output, inline) for output in content.outputs]
        shape["execution_count"] = content.execution_count
        shape["execution_state"] = "running" if running else "idle"
    elif content.attachments:
        shape["attachments"] = content.attachments
    return shape


def shaped_output(output: Output, inline: Inline) -> JsonObject:
    """Return the shape of an output: what nbformat says, with text as one string."""
    match output:
        case Stream():
            shape: JsonObject = {
                "output_type": "stream",
                "name": output.name,
                "text": output.head + _left_out(output) + output.text,
            }
        case DisplayData() if "output_type" in output.extra:
            shape = {}
        case DisplayData():
            shape = {
                "output_type": "display_data",
                "data": _data(output, inline),
                "metadata": output.metadata,
            }
        case ExecuteResult():
            shape = {
                "output_type": "execute_result",
                "data": _data(output, inline),
                "metadata": output.metadata,
                "execution_count": output.execution_count,
            }
        case ErrorOutput():
            shape = {
                "output_type": "error",
                "ename": output.ename,
                "evalue": output.evalue,
                "traceback": list(output.traceback),
            }
    return {**shape, **output.extra}


def _left_out(stream: Stream) -> str:
    if not stream.spilled:
        return ""
    lines = sum(part.lines for part in stream.spilled)
    return f"\n[... {lines} lines are not shown here. Carnet's page and the file have them. ...]\n"


def _data(output: DisplayData | ExecuteResult, inline: Inline) -> JsonObject:
    data = dict(output.data)
    for media_type, ref in output.blobs.items():
        value = inline(media_type, ref)
        if value is Later.LATER:
            continue
        if value is not None:
            data[media_type] = value
        elif "text/plain" not in data:
            data["text/plain"] = (
                f"[{media_type}, {ref.size_bytes} bytes: Carnet's page and the file have it.]"
            )
    return data


def alike(one: Json, other: Json) -> bool:
    """Return whether two values are the same to JavaScript: its numbers have no kinds."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or float(one) == float(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and one == other


def normal(value: object) -> Json:
    """Return a value of a Yjs document as JSON: whole numbers whole, and nothing that JSON cannot hold."""
    match value:
        case bool() | None | str():
            return value
        case int():
            return value
        case float():
            if not math.isfinite(value):
                return None
            return int(value) if value.is_integer() and abs(value) < 2**53 else value
        case list() | tuple():
            return [normal(one) for one in value]
        case dict():
            return {str(key): normal(one) for key, one in value.items()}
        case _:
            return None  # bytes, and what else a document can hold


def text_of(value: Json) -> str:
    """Return a source as a session holds it: a string, whose only line ends are line feeds."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value


def cell_of(raw: JsonObject, cell_id: CellId) -> Cell:
    """Return the cell that a client made, with this id. What cannot be read of it is left out; its text is kept."""
    known = {key: raw[key] for key in _CELL_KEYS if raw.get(key) is not None}
    known["id"], known["source"] = cell_id, text_of(raw.get("source"))
    if known.get("cell_type") not in {"code", "markdown", "raw"}:
        known["cell_type"] = "raw"
    for keys in ((), ("outputs", "execution_count", "attachments"), ("metadata",)):
        for key in keys:
            known.pop(key, None)
        try:
            return _read(dict(known), cell_id)
        except InvalidNotebook:
            continue
    raise AssertionError("a cell of id, kind and source can be read")


def outputs_of(raw: Json, had: Sequence[Output], shapes: Sequence[Json]) -> tuple[Output, ...] | None:
    """Return the outputs that a client left in a cell; None: they cannot be read.

    Args:
        had: the cell's outputs in the session; those that are the same still are taken from there.
        shapes: their shapes.
    """
    if not isinstance(raw, list):
        return None
    found: list[Output] = []
    for index, value in enumerate(raw):
        if index < len(had) and alike(value, shapes[index]):
            found.append(had[index])
            continue
        cell: JsonObject = {"cell_type": "code", "source": "", "metadata": {}, "outputs": [value]}
        try:
            found += _read(cell, CellId("x")).outputs
        except InvalidNotebook:
            return None
    return tuple(found)


def _read(raw: JsonObject, cell_id: CellId) -> Cell:
    def ids() -> Iterator[CellId]:
        while True:
            yield cell_id

    root: JsonObject = {"cells": [raw], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return from_json(root, new_ids=ids()).cells[0]
