"""A notebook as nbformat 3 held it, for programs of 2014: worksheets, `pyout`, short names for MIME types.

The way back is `ipynb.from_json`, which upgrades. What nbformat 3 does not know
(cell ids, attachments) goes along in the cell's metadata, which programs of 2014
leave alone, so that there and back is the same notebook.

Rule NB15: docs/specs/notebook.md.
"""

import json
from collections.abc import Mapping
from typing import Final, assert_never

from carnet.core.notebook.model import (
    Cell,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Json,
    JsonObject,
    Notebook,
    Output,
    Stream,
)

MAJOR: Final = 3
MINOR: Final = 0

SHORT_NAMES: Final[Mapping[str, str]] = {
    "text/plain": "text",
    "text/html": "html",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "text/latex": "latex",
    "application/json": "json",
    "application/javascript": "javascript",
}


def to_nbformat3(notebook: Notebook) -> JsonObject:
    """Return the tree of JSON that a program of 2014 works with. Texts are whole strings, not lists of lines.

    The notebook has no blobs, as `ipynb.decode` gives it.
    """
    language = _language(notebook.metadata)
    return {
        **notebook.extra,
        "metadata": {**notebook.metadata, "name": ""},
        "nbformat": MAJOR,
        "nbformat_minor": MINOR,
        "worksheets": [{"cells": [_cell(cell, language) for cell in notebook.cells], "metadata": {}}],
    }


def _language(metadata: JsonObject) -> str:
    for place, key in (("language_info", "name"), ("kernelspec", "language")):
        found = metadata.get(place)
        if isinstance(found, dict) and isinstance(found.get(key), str):
            return str(found[key])
    return "python"


def _cell(cell: Cell, language: str) -> JsonObject:
    own: JsonObject = {"id": cell.id}
    if cell.attachments is not None:
        own["attachments"] = cell.attachments
    ours = cell.metadata.get("carnet")
    metadata: JsonObject = {**cell.metadata, "carnet": {**ours, **own} if isinstance(ours, dict) else own}
    tree: JsonObject = {"cell_type": cell.kind, "metadata": metadata}
    if cell.kind == "code":
        if isinstance(metadata.get("collapsed"), bool):
            tree["collapsed"] = metadata.pop("collapsed")
        tree |= {
            "input": cell.source,
            "language": language,
            "outputs": [_output(output) for output in cell.outputs],
            "prompt_number": cell.execution_count,
        }
    else:
        tree["source"] = cell.source
    return {**tree, **cell.extra}


def _output(output: Output) -> JsonObject:
    match output:
        case Stream():
            return {
                "output_type": "stream",
                "stream": output.name,
                "text": output.head + output.text,
                **output.extra,
            }
        case ErrorOutput():
            return {
                "output_type": "pyerr",
                "ename": output.ename,
                "evalue": output.evalue,
                "traceback": list(output.traceback),
                **output.extra,
            }
        case DisplayData():
            if "output_type" in output.extra:  # of a type that we do not know: as it came
                return dict(output.extra)
            return {"output_type": "display_data", **_bundle(output)}
        case ExecuteResult():
            return {"output_type": "pyout", "prompt_number": output.execution_count, **_bundle(output)}
        case _:
            assert_never(output)


def _bundle(output: DisplayData | ExecuteResult) -> JsonObject:
    values: JsonObject = {}
    for media_type, value in output.data.items():
        # nbformat 3 had JSON as text.
        values[SHORT_NAMES.get(media_type, media_type)] = (
            json.dumps(value, ensure_ascii=False) if media_type == "application/json" else value
        )
    metadata: dict[str, Json] = {SHORT_NAMES.get(key, key): value for key, value in output.metadata.items()}
    return {"metadata": metadata, **values}
