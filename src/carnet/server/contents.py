"""Jupyter's models of what is in a store: pure shapes, made on worker threads.

The store knows bytes; this says them as JSON: notebooks in nbformat 4 with
joined text, files as text or base64, folders as lists.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.apart import Buffer
from carnet.core.notebook.ipynb import (
    NotApart,
    cells_apart,
    decode,
    encode,
    encode_apart,
    encode_pieces,
    from_json,
    to_joined_json,
    to_json,
)
from carnet.core.notebook.model import Cell, Json, Notebook, Stream
from carnet.core.notebook.numbers import finite
from carnet.errors import AlreadyExists, InvalidPath, NotFound, PeerError, RevisionConflict
from carnet.ids import CellId, NotebookPath, Revision, new_cell_id
from carnet.server.handlers.base import json_object
from carnet.server.times import iso_time
from carnet.server.trust import mark, says_trusted
from carnet.storage.base import Entry, NotebookManager, media_type_of

LARGE_BYTES: Final = 256 << 10
"""A larger body is read on a worker thread, and a notebook in it in pieces."""

LONG_LENGTH: Final = 512 << 10
"""Characters: longer strings are written in parts."""

_FEW: Final = 1000
"""Longer lists are written in one go: what is in them is short."""

_TYPES: Final = {"notebook": "notebook", "file": "file", "folder": "directory"}


_SAVE_TRIES: Final = 20
"""So often somebody else is not quicker by chance."""


def model_json(  # noqa: PLR0913 - as many as clients may ask for
    storage: NotebookManager,
    path: NotebookPath,
    *,
    wanted_type: str | None = None,
    wanted_format: str | None = None,
    with_content: bool = True,
    with_hash: bool = False,
    known_hash: str = "",
    is_trusted: Callable[[bytes], bool] = lambda _: False,
) -> list[bytes]:
    """Return the model of what is at a path as JSON, in pieces. `known_hash`: to be said in the place of the file's.

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
        return _long_json(folder_model(storage, entry, with_content=with_content))
    if wanted_type == "notebook" and entry.kind != "notebook":
        raise InvalidPath(f"{path}: it is not a notebook.")
    model = _bare_model(entry)
    if wanted_type == "file":
        model["type"] = "file"
    if known_hash and with_hash:
        model |= _hash(known_hash)
    if not with_content and (known_hash or not with_hash):
        return [_json(model)]
    data, entry = storage.read(path)
    model |= _bare_model(entry) | {"type": model["type"]}
    if with_hash:
        model |= _hash(sha256(data).hexdigest())
    if not with_content:
        return [_json(model)]
    if model["type"] == "file":
        return _long_json(model | _file_content(path, data, wanted_format))
    trusted = is_trusted(data)
    if len(data) > LARGE_BYTES:
        apart = cells_apart(data, new_ids=_new_ids())
        if apart is not None:
            try:
                return _with_notebook(model, apart.notebook, apart.cells, trusted=trusted)
            except NotApart:
                pass
    notebook = decode(data, new_ids=_new_ids())
    return _with_notebook(model, notebook, notebook.cells, trusted=trusted)


def model_of(storage: NotebookManager, path: NotebookPath) -> dict[str, Any]:
    """Return the model of what is at a path, without content.

    Raises:
        NotFound: nothing is there.
    """
    return _bare_model(storage.stat(path))


def kept_model(path: NotebookPath, now_ms: int) -> dict[str, Any]:
    """Return the model of a file of which pieces have come, but not the last: it is not there yet."""
    return _bare_model(
        Entry(
            path=path,
            kind="file",
            size_bytes=0,
            created_ms=now_ms,
            modified_ms=now_ms,
            revision=None,
            writable=True,
            media_type=media_type_of(path),
        )
    )


def folder_model(storage: NotebookManager, entry: Entry, *, with_content: bool) -> dict[str, Any]:
    """Return the model of a folder, with those of what is in it."""
    model = _bare_model(entry) | {"trash": storage.has_trash()}
    if with_content:
        model["format"] = "json"
        model["content"] = [_bare_model(one) for one in storage.list(entry.path)]
    return model


def save_over(
    storage: NotebookManager,
    path: NotebookPath,
    based_on: Revision | None,
    write: Callable[[Revision | None], Revision],
) -> tuple[bool, Revision]:
    """Save over what is there, or make it; return whether it is new, and the revision.

    Without `based_on` the newest bytes are replaced, whatever they are: that is what Jupyter's clients mean.
    `write` saves them over what it is given, with the store's `save`.

    Raises:
        RevisionConflict: `based_on` is not what is there.
        StorageError: as `save`; nothing changed.
    """
    tries = _SAVE_TRIES if based_on is None else 1
    while True:
        tries -= 1
        try:
            found = storage.stat(path).revision
        except NotFound:
            found = None
        if based_on is not None and found != based_on:
            raise RevisionConflict(path, expected=based_on, found=found)
        try:
            return found is None, write(found)
        except (RevisionConflict, AlreadyExists):
            if tries == 0:
                raise
            # Somebody wrote, made or removed it between our two calls.


def new_notebook() -> bytes:
    """Return a new notebook's bytes: one empty code cell, for that is what hands that know Jupyter type into."""
    return encode(Notebook(cells=(Cell(id=new_cell_id(), kind="code"),)))


class Sent(NamedTuple):
    """What a client sent to be saved."""

    body: dict[str, Any]
    file: list[bytes] | None
    """The file of the notebook that was the body's `content`, where that was large; in pieces."""
    trusted: bool
    """It says so of all that its notebook shows, as one that it ran itself."""


def read_sent(data: Buffer) -> Sent:
    """Return the JSON object that a client sent. A large notebook in it is never all there: it is made a file cell by cell.

    Raises:
        PeerError: it is something else.
    """
    trusted = True

    def look(cell: Any) -> None:
        nonlocal trusted
        trusted = trusted and says_trusted(cell)

    if len(data) > LARGE_BYTES:
        apart = cells_apart(data, new_ids=_new_ids(), inside="content", look=look)
        if apart is not None:
            try:
                file = encode_apart(apart.notebook, apart.cells)
            except (NotApart, ValueError):
                pass
            else:
                return Sent(apart.around, file, trusted)
    body = json_object(data if isinstance(data, bytes) else bytes(data[:]))
    content = body.get("content")
    cells = content.get("cells") if isinstance(content, dict) else None
    return Sent(body, None, isinstance(cells, list) and all(map(says_trusted, cells)))


def notebook_pieces(sent: Sent) -> list[bytes]:
    """Return the file, in pieces, of a notebook that a client sent. The tree is used up.

    Raises:
        InvalidNotebook: it is not one, and where.
    """
    if sent.file is not None:
        return sent.file
    content = sent.body.get("content")
    if not isinstance(content, dict):
        raise PeerError("content: a notebook, as a JSON object, is wanted.")
    return encode_pieces(from_json(content, new_ids=_new_ids()))


def _hash(digest: str) -> dict[str, Any]:
    return {"hash": digest, "hash_algorithm": "sha256"}


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


def _with_notebook(
    model: dict[str, Any], notebook: Notebook, cells: Iterable[Cell], *, trusted: bool
) -> list[bytes]:
    """Return the model with a notebook as its content, cell by cell: each call holds up all other threads."""
    model["format"] = "json"
    outer = {name: value for name, value in model.items() if name != "content"}
    rest = to_json(replace(notebook, cells=()))
    del rest["cells"]
    # Neither of the two is ever empty.
    pieces = [_json(outer)[:-1], b',"content":', _json(rest)[:-1], b',"cells":[']
    for number, one in enumerate(cells):
        if number:
            pieces.append(b",")
        cell = to_joined_json(one)
        mark(cell, trusted=trusted)
        pieces += _long_json(cell) if _is_long(one) else [_json(cell)]
    pieces.append(b"]}}")
    return pieces


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


def _json(value: Json) -> bytes:
    try:
        # Four times as fast as json, and null for NaN, which files may hold and no browser could read.
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a pair
        text = json.dumps(finite(value), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")


def _is_long(cell: Cell) -> bool:
    for output in cell.outputs:
        values = [output.text] if isinstance(output, Stream) else getattr(output, "data", {}).values()
        if any(isinstance(value, str) and len(value) > LONG_LENGTH for value in values):
            return True
    return len(cell.source) > LONG_LENGTH


def _long_json(value: Any) -> list[bytes]:
    """Return a value as JSON, long strings in it part by part."""
    if isinstance(value, str) and len(value) > LONG_LENGTH:
        parts = (_json(value[at : at + LONG_LENGTH])[1:-1] for at in range(0, len(value), LONG_LENGTH))
        return [b'"', *parts, b'"']
    if isinstance(value, dict):
        pieces: list[bytes] = []
        for name, one in value.items():
            pieces += [b"," if pieces else b"{", _json(name), b":", *_long_json(one)]
        return [*pieces, b"}"] if pieces else [b"{}"]
    if isinstance(value, list) and len(value) < _FEW:
        pieces = []
        for one in value:
            pieces += [b"," if pieces else b"[", *_long_json(one)]
        return [*pieces, b"]"] if pieces else [b"[]"]
    return [_json(value)]


def _new_ids() -> Iterator[CellId]:
    while True:
        yield new_cell_id()
