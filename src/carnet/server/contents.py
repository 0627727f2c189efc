"""Jupyter's models of what is in a store: pure shapes, made on worker threads.

The store knows bytes; this says them as JSON: notebooks in nbformat 4 with
joined text, files as text or base64, folders as lists.
"""

import base64
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec

from carnet.core.notebook.ipynb import decode, encode, from_json, is_json_type, parse, to_json
from carnet.core.notebook.model import Cell, Notebook
from carnet.errors import InvalidNotebook, InvalidPath, PeerError
from carnet.ids import CellId, NotebookPath, new_cell_id
from carnet.server.times import iso_time
from carnet.server.trust import mark
from carnet.storage.base import Entry, NotebookManager

_TYPES: Final = {"notebook": "notebook", "file": "file", "folder": "directory"}


def model_of(  # noqa: PLR0913 - as many as clients may ask for
    storage: NotebookManager,
    path: NotebookPath,
    *,
    wanted_type: str | None = None,
    wanted_format: str | None = None,
    with_content: bool = True,
    with_hash: bool = False,
    is_trusted: Callable[[bytes], bool] = lambda _: False,
) -> dict[str, Any]:
    """Return the model of what is at a path.

    Raises:
        NotFound, InvalidPath: nothing is there, or something of another type than wanted.
        InvalidNotebook: it is to be read as a notebook and is none.
    """
    entry = storage.stat(path)
    if wanted_type == "directory" and entry.kind != "folder":
        raise InvalidPath(f"{path}: it is a file, not a folder.")
    if entry.kind == "folder":
        if wanted_type not in {None, "directory"}:
            raise InvalidPath(f"{path}: it is a folder, not a file.")
        return folder_model(storage, entry, with_content=with_content)
    if wanted_type == "notebook" and entry.kind != "notebook":
        raise InvalidPath(f"{path}: it is not a notebook.")
    model = _bare_model(entry)
    if wanted_type == "file":
        model["type"] = "file"
    if not with_content and not with_hash:
        return model
    data, entry = storage.read(path)
    model |= _bare_model(entry) | {"type": model["type"]}
    if with_hash:
        model |= {"hash": sha256(data).hexdigest(), "hash_algorithm": "sha256"}
    if with_content:
        model |= (
            _notebook_content(data)
            if model["type"] == "notebook"
            else _file_content(path, data, wanted_format)
        )
        if model["type"] == "notebook":
            mark(model["content"], trusted=is_trusted(data))
    return model


def folder_model(storage: NotebookManager, entry: Entry, *, with_content: bool) -> dict[str, Any]:
    """Return the model of a folder, with those of what is in it."""
    model = _bare_model(entry)
    if with_content:
        model["format"] = "json"
        model["content"] = [_bare_model(one) for one in storage.list(entry.path)]
    return model


def new_notebook() -> bytes:
    """Return a new notebook's bytes: one empty code cell, for that is what hands that know Jupyter type into."""
    return encode(Notebook(cells=(Cell(id=new_cell_id(), kind="code"),)))


def notebook_bytes(content: object) -> bytes:
    """Return the bytes of the file for a notebook that a client sent as JSON. The tree is used up.

    Raises:
        InvalidNotebook: it is not one, and where.
    """
    if not isinstance(content, dict):
        raise PeerError("content: a notebook, as a JSON object, is wanted.")
    return encode(from_json(content, new_ids=_new_ids()))


def json_of(model: dict[str, Any]) -> bytes:
    """Return a model as JSON. A notebook's cells one by one: each call holds up all other threads."""
    content = model["content"]
    if model["type"] != "notebook" or content is None:
        return _json(model)
    cells = b",".join(map(_json, content["cells"]))
    rest = {name: value for name, value in content.items() if name != "cells"}
    outer = {name: value for name, value in model.items() if name != "content"}
    # Neither of the two is ever empty.
    return b"".join((_json(outer)[:-1], b',"content":', _json(rest)[:-1], b',"cells":[', cells, b"]}}"))


def body_of(data: bytes) -> dict[str, Any]:
    """Return the JSON object that a client sent; the notebook in it cell by cell, as `json_of`.

    Raises:
        PeerError: it is something else.
    """
    try:
        body: dict[str, Any] = dict(msgspec.json.decode(data, type=dict[str, msgspec.Raw]))
        for name, value in body.items():
            body[name] = parse(bytes(value)) if name == "content" else json.loads(bytes(value))
    except (msgspec.MsgspecError, InvalidNotebook, ValueError, RecursionError):
        return whole_body_of(data)  # NaN, and what is wrong with it
    return body


def whole_body_of(data: bytes) -> dict[str, Any]:
    """The same, in one go."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise PeerError("The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise PeerError("The body must be a JSON object.")
    return value


def _bare_model(entry: Entry) -> dict[str, Any]:
    is_folder = entry.kind == "folder"
    return {
        "name": entry.name,
        "path": entry.path,
        "type": _TYPES[entry.kind],
        "writable": entry.writable,
        "created": iso_time(entry.created_ms),
        "last_modified": iso_time(entry.modified_ms),
        "size": None if is_folder else entry.size_bytes,
        "mimetype": entry.media_type if entry.kind == "file" else None,
        "content": None,
        "format": None,
        "hash": None,
        "hash_algorithm": None,
        "revision": entry.revision,
    }


def _notebook_content(data: bytes) -> dict[str, Any]:
    tree: dict[str, Any] = to_json(decode(data, new_ids=_new_ids()))
    for cell in tree["cells"]:
        cell["source"] = _joined(cell["source"])
        for output in cell.get("outputs", ()):
            if "text" in output:
                output["text"] = _joined(output["text"])
            for bundle_type, value in output.get("data", {}).items():
                if not is_json_type(bundle_type):
                    output["data"][bundle_type] = _joined(value)
    return {"format": "json", "mimetype": None, "content": tree}


def _file_content(path: NotebookPath, data: bytes, wanted: str | None) -> dict[str, Any]:
    if wanted == "json":
        raise PeerError("format json is for notebooks and folders; use text or base64.")
    if wanted != "base64":
        try:
            return {"format": "text", "content": data.decode()}
        except UnicodeDecodeError:
            if wanted == "text":
                raise PeerError(f"{path}: it is not UTF-8 text. Ask for format=base64.") from None
    return {"format": "base64", "content": base64.b64encode(data).decode("ascii")}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _joined(value: Any) -> Any:
    return "".join(value) if isinstance(value, list) else value


def _new_ids() -> Iterator[CellId]:
    while True:
        yield new_cell_id()
