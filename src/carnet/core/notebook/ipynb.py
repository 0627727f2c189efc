"""Notebook files in and out: bytes of an `.ipynb` to a `Notebook`, and back as nbformat writes them.

Reading is forgiving where nothing is lost by it, and refuses the rest with a
sentence that says where. Writing gives, byte for byte, what nbformat writes, so
that diffs between tools stay small. Nothing here opens files, fetches blobs or
makes ids: bytes, ids and blobs are parameters.

nbformat itself is not used: it copies the tree several times, validates
against a schema on each load, and costs half a second of CPU at start-up.

Rules NB1 to NB9, NB16: docs/specs/notebook.md.
"""

import json
import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, assert_never

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.apart import Buffer, items, take_apart
from carnet.core.notebook.model import (
    BlobRef,
    Cell,
    CellKind,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Json,
    JsonObject,
    Notebook,
    Output,
    Spill,
    Stream,
)
from carnet.errors import InvalidNotebook
from carnet.ids import CellId

MAJOR: Final = 4
MINOR: Final = 5
"""What older files are upgraded to: the first minor version with cell ids."""

MAX_DEPTH: Final = 500
"""Levels of lists and objects in a file. JSON writers recurse, so what is deeper could not be saved again."""

LARGE_BYTES: Final = 1 << 20
"""Below it, parsing takes a few milliseconds at most."""

_NO_ID: Final = CellId("")
_KINDS: Mapping[str, CellKind] = {"code": "code", "markdown": "markdown", "raw": "raw"}
_OUTPUT_TYPES = frozenset({"stream", "display_data", "execute_result", "error"})
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CONFLICT = re.compile(rb"^<{7}(?: .*)?$(?s:.*?)^>{7}(?: .*)?$", re.MULTILINE)
#: An escape in a JSON string; group 1 is half a surrogate pair on its own.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_HALF_PAIR = re.compile("[\ud800-\udfff]")

LARGE_VALUE = 64 << 10
"""Characters: longer values are encoded apart from their cell."""

_PART = 1 << 20
"""Characters of a long text that are encoded in one call, about."""

#: What stands for them, as it is written: a string that no program means.
#: A string, or, in group 1, the sign of an infinity as Python writes it.
_INFINITE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|(-?)Infinity')
_ASIDE = re.compile(rb'"\\u0000(\d+)\\u0000"')

#: Written with their lines apart, besides text/*: nbformat's list.
_SPLIT_TYPES = frozenset({"application/javascript", "image/svg+xml"})
_TEXT_TYPES = frozenset({*_SPLIT_TYPES, "application/xml", "application/x-latex", "application/x-javascript"})

#: Metadata that nbformat neither keeps on reading nor writes.
_TRANSIENT = frozenset({"orig_nbformat", "orig_nbformat_minor", "signature"})
_CELL_TRANSIENT = frozenset({"trusted"})

#: What nbformat 3 does not know and cells need: our own metadata of a cell holds it there.
_KEPT_IN_METADATA = frozenset({"id", "attachments"})

_OLD_MIME_TYPES: Mapping[str, str] = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}

_KIND_NAMES: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def decode(data: bytes, *, new_ids: Iterator[CellId]) -> Notebook:
    """Return the notebook in `data`, upgraded to nbformat 4.5 when it is older.

    `new_ids` is endless; ids are drawn from it for cells that have none, a bad
    one, or one that an earlier cell has.

    Raises:
        InvalidNotebook: says what is wrong and where.
    """
    if len(data) > LARGE_BYTES:
        apart = decode_apart(data, new_ids=new_ids)
        if apart is not None:
            return apart
    return from_json(parse(data), new_ids=new_ids)


class NotApart(Exception):
    """A notebook could not be read some cells at a time after all: `decode` reads it, or says what is wrong."""


class Apart(NamedTuple):
    """A notebook that is read some cells at a time."""

    around: JsonObject
    """The other values of the object that it is in."""
    notebook: Notebook
    """Without its cells."""
    cells: Iterator[Cell]
    """They come as they are drawn, or `NotApart`."""


def cells_apart(
    data: Buffer,
    *,
    new_ids: Iterator[CellId],
    inside: str = "",
    look: Callable[[Json], None] = lambda _: None,
) -> Apart | None:
    """Return a large notebook whose cells are read as they are drawn: nobody waits long for the interpreter's lock.

    With `inside`, the notebook is one value of an object, whose others are returned too. `look` sees
    each cell as it stands. `new_ids`: as for `decode`, and no two calls give the same. None: `decode` reads it, or says
    what is wrong.
    """
    apart = take_apart(data, inside=inside)
    if apart is None:
        return None
    root = apart.around.pop(inside) if inside else apart.around
    assert isinstance(root, dict), "the cells were found in it"
    try:
        check_depth(root)
        major, minor = _version(root)
        if major < MAJOR:
            return None
        metadata = _without(_object(root.pop("metadata", {}), "`metadata`"), _TRANSIENT)
    except (_Fault, InvalidNotebook):
        return None
    del root["cells"]
    notebook = _notebook([], metadata, minor, root, new_ids)
    return Apart(apart.around if inside else {}, notebook, _drawn(data, apart.pieces, new_ids, look))


def _drawn(
    data: Buffer,
    pieces: list[slice],
    new_ids: Iterator[CellId],
    look: Callable[[Json], None],
) -> Iterator[Cell]:
    seen, fresh = {_NO_ID}, set[CellId]()
    for piece in pieces:
        try:
            cells: list[Cell] = []
            for value in items(data, piece):
                check_depth([value], MAX_DEPTH - 1)
                look(value)
                cells.append(_cell(value))
        except (_Fault, InvalidNotebook, msgspec.MsgspecError, RecursionError) as error:
            raise NotApart from error
        for cell in cells:
            if cell.id in fresh:
                raise NotApart  # a later cell had the id that was made for an earlier one
            if cell.id in seen:
                cell = replace(cell, id=next(new_id for new_id in new_ids if new_id not in seen))
                fresh.add(cell.id)
            seen.add(cell.id)
            yield cell


def decode_apart(data: bytes, *, new_ids: Iterator[CellId]) -> Notebook | None:
    """Return a large notebook, read some cells at a time. None: `decode` reads it, or says what is wrong."""
    apart = cells_apart(data, new_ids=new_ids)
    if apart is None:
        return None
    try:
        return replace(apart.notebook, cells=tuple(apart.cells))
    except NotApart:
        return None


def from_json(root: Json, *, new_ids: Iterator[CellId]) -> Notebook:
    """Return the notebook in a tree of JSON, as `decode` does. The tree is used up.

    Raises:
        InvalidNotebook: says what is wrong and where.
    """
    if not isinstance(root, dict):
        raise InvalidNotebook(f"a notebook must be an object, not {_KIND_NAMES[type(root)]}")
    check_depth(root)
    major, minor = _version(root)
    try:
        if major < MAJOR:
            root = _upgraded(root)
        metadata = _without(_object(root.pop("metadata", {}), "`metadata`"), _TRANSIENT)
        if "cells" not in root:
            raise _Fault("missing `cells`")
        found = _list(root.pop("cells"), "`cells`")
    except _Fault as fault:
        raise InvalidNotebook(fault.what) from None
    cells: list[Cell] = []
    for index, value in enumerate(found):
        try:
            cells.append(_cell(value))
        except _Fault as fault:
            raise InvalidNotebook(f"cells[{index}]{fault.place}: {fault.what}") from None
    return _notebook(cells, metadata, minor, root, new_ids)


def _notebook(
    cells: list[Cell], metadata: JsonObject, minor: int, extra: JsonObject, new_ids: Iterator[CellId]
) -> Notebook:
    return Notebook(
        cells=_with_ids(cells, new_ids),
        metadata=metadata,
        nbformat=MAJOR,
        nbformat_minor=max(minor, MINOR),
        extra=extra,
    )


def _no_blobs(ref: BlobRef) -> bytes:
    raise LookupError(f"blob {ref.sha256} is needed to write this notebook, and no blobs were given")


def encode(
    notebook: Notebook, *, blobs: Callable[[BlobRef], bytes] = _no_blobs, large_length: int = LARGE_VALUE
) -> bytes:
    """Return the bytes of the file, as nbformat writes them: UTF-8, with a final line feed.

    Putting a large one together holds the interpreter's lock: `encode_pieces` leaves that to the caller.
    `blobs` returns the bytes of a blob; what it raises goes through. Values of at least
    `large_length` (from 1 on) are encoded apart: that saves memory, and changes no byte.
    """
    return b"".join(encode_pieces(notebook, blobs=blobs, large_length=large_length))


def encode_pieces(
    notebook: Notebook, *, blobs: Callable[[BlobRef], bytes] = _no_blobs, large_length: int = LARGE_VALUE
) -> list[bytes]:
    """Return what `encode` returns, in pieces."""
    try:
        return encode_apart(notebook, notebook.cells, blobs=blobs, large_length=large_length)
    except ValueError:  # NaN and infinities, which msgspec refuses
        tree = to_json(notebook, blobs=blobs)
        text = json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ": "), indent=1)
        # `Infinity`, which Python and nbformat write, is no JSON. This is, and Python and browsers read it as the same.
        text = _INFINITE.sub(_finite, text)
        return [_utf8(text), b"\n"]


def encode_apart(
    notebook: Notebook,
    cells: Iterable[Cell],
    *,
    blobs: Callable[[BlobRef], bytes] = _no_blobs,
    large_length: int = LARGE_VALUE,
) -> list[bytes]:
    """Return the same of a notebook with these cells in the place of its own, each encoded when it is drawn.

    Raises:
        ValueError: it holds NaN or infinity, which only `encode_pieces` writes.
    """
    rest = to_json(replace(notebook, cells=()))
    pieces = [b"{\n"]
    for number, key in enumerate(sorted(rest)):
        if number:
            pieces.append(b",\n")
        if key == "cells":
            pieces += _cells_entry(cells, blobs, large_length)
        else:
            pieces.append(_entry(key, rest[key]))
    pieces.append(b"\n}\n")
    return pieces


def _finite(found: "re.Match[str]") -> str:
    return found[0] if found[1] is None else f"{found[1]}1e999"


def to_joined_json(cell: Cell) -> JsonObject:
    """Return the tree of JSON of one cell, with text in one string, not in a list of lines."""
    return _cell_tree(cell, _no_blobs, _Joined())


def to_json(notebook: Notebook, *, blobs: Callable[[BlobRef], bytes] = _no_blobs) -> JsonObject:
    """Return the tree of JSON that `encode` writes."""
    return {
        "cells": [_cell_tree(cell, blobs) for cell in notebook.cells],
        "metadata": _without(notebook.metadata, _TRANSIENT),
        "nbformat": notebook.nbformat,
        "nbformat_minor": notebook.nbformat_minor,
        **notebook.extra,
    }


def _entry(key: str, value: Json) -> bytes:
    """Return one entry of the outermost object, as it stands in the file.

    With `indent`, json writes in pure Python, 20 times slower: we write dense, then
    let msgspec move it apart, which leaves every token as it is.
    """
    return msgspec.json.format(b"{%b:%b}" % (_dense(key), _dense(value)), indent=1)[2:-2]


def _cells_entry(cells: Iterable[Cell], blobs: Callable[[BlobRef], bytes], large_length: int) -> list[bytes]:
    """Return the entry of the cells, in pieces.

    Cell by cell, since writing holds the interpreter's lock: no other thread waits
    longer than one cell takes.
    """
    pieces: list[bytes] = []
    for cell in cells:
        pieces.append(b",\n" if pieces else b' "cells": [\n')
        pieces += _cell_pieces(cell, blobs, large_length)
    return [*pieces, b"\n ]"] if pieces else [_entry("cells", [])]


def _cell_pieces(cell: Cell, blobs: Callable[[BlobRef], bytes], large_length: int) -> list[bytes]:
    aside = _Aside(large_length)
    return aside.put_back(_cell_text(_cell_tree(cell, blobs, aside))) or [_cell_text(_cell_tree(cell, blobs))]


def _cell_text(tree: JsonObject) -> bytes:
    # In a list in an object, as it will stand; then without these two.
    return msgspec.json.format(b'{"":[%b]}' % _dense(tree), indent=1)[9:-5]


class _Aside:
    """Long values of one cell, encoded at once and not moved again before the file is put together.

    What stands for them in the tree is taken out of the text that is made of it:
    else 50 MB would be in memory four times.
    """

    def __init__(self, large_length: int) -> None:
        self._large_length = large_length
        self._values: list[list[bytes]] = []

    def text(self, text: str) -> str:
        """Return the string, or what stands for it."""
        if len(text) < self._large_length:
            return text
        return self._put([msgspec.json.encode(text if text.isascii() else _utf8(text).decode())])

    def base64(self, data: bytes, end: str) -> str:
        """Return base64 of the bytes and `end`, or what stands for it."""
        if len(data) < self._large_length:
            return b64encode(data).decode("ascii") + end
        return self._put([b'"', b64encode(data), _dense(end)[1:]])

    def lines(self, text: str, *, indent: int) -> Json:
        """Return the list of lines, or what stands for it; `indent`: of a line in the file, in characters."""
        if len(text) < self._large_length:
            return _split(text)
        between = b",\n" + b" " * indent
        pieces: list[bytes] = []
        for part in _parts(text):
            lines = [msgspec.json.encode(line) for line in part.splitlines(keepends=True)]
            pieces += [between if pieces else b"[\n" + b" " * indent, between.join(lines)]
        return self._put([*pieces, b"\n" + b" " * (indent - 1) + b"]"])

    def put_back(self, text: bytes) -> list[bytes] | None:
        """Return the text in pieces, with each value in its place.

        None: something in the cell looks like what stands for a value.
        """
        if not self._values:
            return [text]
        found = _ASIDE.split(text)
        if sorted(map(int, found[1::2])) != list(range(len(self._values))):
            return None
        pieces = found[:1]
        for number, after in zip(found[1::2], found[2::2], strict=True):
            pieces += [*self._values[int(number)], after]
        return pieces

    def _put(self, encoded: list[bytes]) -> str:
        self._values.append(encoded)
        return f"\0{len(self._values) - 1}\0"


class _Joined:
    """In the place of an `_Aside`: leaves text as it is."""

    def text(self, text: str) -> str:
        """Return the text."""
        return text

    def base64(self, data: bytes, end: str) -> str:
        """Return base64 of the bytes and `end`."""
        return b64encode(data).decode("ascii") + end

    def lines(self, text: str, *, indent: int) -> str:  # noqa: ARG002  as `_Aside` has it
        """Return the text."""
        return text


def _parts(text: str) -> Iterator[str]:
    """Yield the text in parts of about `_PART`, of whole lines, without halves of surrogate pairs."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _PART) + 1 or len(text)
        part = text[start:end]
        yield part if part.isascii() else _utf8(part).decode()
        start = end


def _dense(value: Json) -> bytes:
    """Raises ValueError: it holds what JSON cannot (NaN)."""
    return _utf8(
        json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    )


def extract_large(
    notebook: Notebook, *, limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]
) -> Notebook:
    """Return the notebook with each output value larger than `limit_bytes` in a blob.

    `new_blob(bytes, media_type)` names the bytes (and may store them). Sizes
    are lengths of the text in the file. The same notebook comes back when
    nothing is large.
    """
    cells = tuple(
        extract_large_cell(cell, limit_bytes=limit_bytes, new_blob=new_blob) for cell in notebook.cells
    )
    if all(new is old for new, old in zip(cells, notebook.cells, strict=True)):
        return notebook
    return replace(notebook, cells=cells)


def is_json_type(media_type: str) -> bool:
    """Whether a bundle's value of this type is JSON, left as it is.

    nbformat's rule, and `application/vnd.vegalite.v6.json`: Altair writes a dot there.
    """
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith(("+json", ".json"))
    )


def is_text_type(media_type: str) -> bool:
    """Whether a bundle's value of this type is the text itself, not base64 of bytes."""
    return media_type.startswith("text/") or media_type in _TEXT_TYPES or media_type.endswith("+xml")


class _Fault(Exception):
    """What is wrong with a value, and its place below the cell."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.place = place


# --- bytes to JSON


def parse(data: bytes) -> Json:
    """Return a file's bytes as a tree of JSON, or say why they are none.

    Raises:
        InvalidNotebook: says what is wrong and where.
    """
    if not data or data.isspace():  # not `strip`, which copies what may be large
        size = len(data)
        raise InvalidNotebook(f"the file is empty ({size} bytes{' of white space' if size else ''})")
    if not data.strip(b"\0"):
        raise InvalidNotebook(
            f"the file holds nothing but {len(data)} zero bytes, as a crash can leave it: restore an earlier version"
        )
    data = data.removeprefix(BOM_UTF8)
    parsed: Json
    try:
        parsed = _parse_by_cells(data) if len(data) > LARGE_BYTES else msgspec.json.decode(data)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        parsed = _parse_leniently(data)
    return parsed


def _parse_by_cells(data: bytes) -> Json:
    """Parse what is large and could not be cut: two calls over all of it, which make nothing, then one for each cell."""
    try:
        outer = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        cells = msgspec.json.decode(outer.pop("cells"), type=list[msgspec.Raw])
    except (msgspec.ValidationError, KeyError):  # no notebook; what it is instead is said later
        other: Json = msgspec.json.decode(data)
        return other
    root: JsonObject = {name: msgspec.json.decode(value) for name, value in outer.items()}
    root["cells"] = [msgspec.json.decode(cell) for cell in cells]
    return root


def _parse_leniently(data: bytes) -> Json:
    """Parse what Python's own writers make (NaN, half surrogate pairs), or say what is wrong."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise InvalidNotebook("the file is UTF-16, and notebooks are UTF-8: save it as UTF-8") from None
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidNotebook(f"not UTF-8: line {line}, byte {error.start} of the file") from None
    try:
        parsed: Json = json.loads(_ESCAPE.sub(lambda m: r"\ufffd" if m[1] else m[0], text))
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        conflict = _CONFLICT.search(data)
        if conflict:
            line = data.count(b"\n", 0, conflict.start()) + 1
            raise InvalidNotebook(
                f"the file holds git conflict markers (line {line}): resolve the conflict, then open it again"
            ) from None
        raise InvalidNotebook(f"not JSON: line {error.lineno}, column {error.colno} ({error.msg})") from None
    except ValueError as error:
        raise InvalidNotebook(f"not JSON we can read: {error}") from None
    return parsed


def _too_deep() -> InvalidNotebook:
    return InvalidNotebook(f"lists and objects are nested more than {MAX_DEPTH} levels deep")


def check_depth(root: JsonObject | list[Json], levels: int = MAX_DEPTH) -> None:
    """Make sure that lists and objects are not nested deeper than this.

    Raises:
        InvalidNotebook: they are.
    """
    level: list[JsonObject | list[Json]] = [root]
    for _ in range(levels):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return
    raise _too_deep()


def _version(root: JsonObject) -> tuple[int, int]:
    if "nbformat" not in root:
        raise InvalidNotebook("missing `nbformat`: this is JSON, but not a notebook")
    major = root.pop("nbformat")
    minor = root.pop("nbformat_minor", 0)
    for name, value in (("nbformat", major), ("nbformat_minor", minor)):
        if type(value) is not int or value < 0:
            raise InvalidNotebook(f"`{name}` must be a whole number, not {json.dumps(value)[:40]}")
    assert isinstance(major, int)
    assert isinstance(minor, int)
    if major > MAJOR:
        raise InvalidNotebook(
            f"nbformat {major} is newer than this version of Carnet reads (up to {MAJOR}): update Carnet"
        )
    if major < 2:
        raise InvalidNotebook(
            f"nbformat {major} is too old: open and save it once with IPython 0.12 or later"
        )
    return major, minor if major == MAJOR else 0


# --- JSON to cells


def _object(value: Json, what: str) -> JsonObject:
    if not isinstance(value, dict):
        raise _Fault(f"{what} must be an object, not {_KIND_NAMES[type(value)]}")
    return value


def _list(value: Json, what: str) -> list[Json]:
    if not isinstance(value, list):
        raise _Fault(f"{what} must be a list, not {_KIND_NAMES[type(value)]}")
    return value


def _string(value: Json, what: str) -> str:
    if not isinstance(value, str):
        raise _Fault(f"{what} must be a string, not {_KIND_NAMES[type(value)]}")
    return value


def _lines(value: Json, what: str) -> str:
    """Return a string that the file may hold as a list of lines."""
    if isinstance(value, str):
        return value
    joined = _joined(value)
    if joined is None:
        raise _Fault(f"{what} must be a string or a list of strings")
    return joined


def _joined(value: Json) -> str | None:
    if isinstance(value, list):
        try:
            return "".join(value)  # type: ignore[arg-type]  # a TypeError is the answer, and faster than asking each
        except TypeError:
            return None
    return None


def _count(value: Json) -> int | None:
    if value is not None and type(value) is not int:
        raise _Fault(f"`execution_count` must be a whole number or null, not {json.dumps(value)[:40]}")
    return value


def _without(metadata: JsonObject, names: frozenset[str]) -> JsonObject:
    if names.isdisjoint(metadata):
        return metadata
    return {name: value for name, value in metadata.items() if name not in names}


def _cell(value: Json) -> Cell:
    """Return the cell in `value`, which is taken apart: what is left over is `extra`."""
    fields = _object(value, "a cell")
    if "cell_type" not in fields:
        raise _Fault("missing `cell_type`")
    name = _string(fields["cell_type"], "`cell_type`")
    kind = _KINDS.get(name)
    if kind is None:
        kind = "raw"  # A kind of a later minor version: shown raw, its name stays in `extra` (NB5).
    else:
        del fields["cell_type"]
    outputs: tuple[Output, ...] = ()
    count: int | None = None
    if kind == "code":
        count = _count(fields.pop("execution_count", None))
        outputs = _outputs(_list(fields.pop("outputs", []), "`outputs`"))
    attachments: JsonObject | None = None
    if "attachments" in fields:
        attachments = {
            name: _bundle(bundle) if isinstance(bundle, dict) else bundle
            for name, bundle in _object(fields.pop("attachments"), "`attachments`").items()
        }
    cell_id = fields.pop("id", None)
    return Cell(
        id=CellId(cell_id) if isinstance(cell_id, str) and _CELL_ID.fullmatch(cell_id) else _NO_ID,
        kind=kind,
        source=_lines(fields.pop("source", ""), "`source`"),
        metadata=_without(_object(fields.pop("metadata", {}), "`metadata`"), _CELL_TRANSIENT),
        outputs=outputs,
        execution_count=count,
        attachments=attachments,
        extra=fields or {},  # a new dict: the collector still looks at one that once held a list
    )


def _with_ids(cells: list[Cell], new_ids: Iterator[CellId]) -> tuple[Cell, ...]:
    taken = {cell.id for cell in cells}
    seen = {_NO_ID}
    result: list[Cell] = []
    for cell in cells:
        if cell.id in seen:
            fresh = next(cell_id for cell_id in new_ids if cell_id not in taken)
            taken.add(fresh)
            cell = replace(cell, id=fresh)
        seen.add(cell.id)
        result.append(cell)
    return tuple(result)


def _outputs(values: list[Json]) -> tuple[Output, ...]:
    outputs: list[Output] = []
    for index, value in enumerate(values):
        try:
            outputs.append(_output(value))
        except _Fault as fault:
            raise _Fault(fault.what, f".outputs[{index}]") from None
    return tuple(outputs)


def _output(value: Json) -> Output:
    fields = _object(value, "an output")
    if "output_type" not in fields:
        raise _Fault("missing `output_type`")
    name = _string(fields["output_type"], "`output_type`")
    if name not in _OUTPUT_TYPES:
        return DisplayData(extra=fields or {})  # of a later minor version: written back as it is (NB5)
    del fields["output_type"]
    if name == "stream":
        return Stream(
            name=_string(fields.pop("name", "stdout"), "`name`"),
            text=_lines(fields.pop("text", ""), "`text`"),
            extra=fields or {},
        )
    if name == "error":
        return ErrorOutput(
            ename=_string(fields.pop("ename", ""), "`ename`"),
            evalue=_string(fields.pop("evalue", ""), "`evalue`"),
            traceback=tuple(
                _string(line, "a line of `traceback`")
                for line in _list(fields.pop("traceback", []), "`traceback`")
            ),
            extra=fields or {},
        )
    data = _bundle(_object(fields.pop("data", {}), "`data`"))
    metadata = _object(fields.pop("metadata", {}), "`metadata`")
    if name == "display_data":
        return DisplayData(data=data, metadata=metadata, extra=fields or {})
    count = _count(fields.pop("execution_count", None))
    return ExecuteResult(data=data, metadata=metadata, execution_count=count, extra=fields or {})


def _bundle(values: JsonObject) -> JsonObject:
    """Join the lines of every value that is a list of strings and no JSON type."""
    for media_type, value in values.items():
        if isinstance(value, list) and not is_json_type(media_type):
            joined = _joined(value)
            if joined is not None:
                values[media_type] = joined
    return values


# --- nbformat 2 and 3


def _upgraded(root: JsonObject) -> JsonObject:
    """Return an nbformat 3 or 2 notebook as nbformat 4 would hold it; worksheets become one list."""
    metadata = _without(_object(root.pop("metadata", {}), "`metadata`"), frozenset({"name"}))
    cells: list[Json] = []
    for index, worksheet in enumerate(_list(root.pop("worksheets", []), "`worksheets`")):
        place = f"worksheets[{index}]"
        found = _object(worksheet, place).get("cells", [])
        for number, cell in enumerate(_list(found, f"{place}: `cells`")):
            try:
                cells.append(_upgraded_cell(cell))
            except _Fault as fault:
                raise _Fault(f"{place}.cells[{number}]: {fault.what}") from None
    return {**_without(root, _TRANSIENT), "metadata": metadata, "cells": cells}


def _upgraded_cell(value: Json) -> Json:
    """Return the cell as nbformat 4 holds it. What is wrong stays, for `_cell` to say so."""
    if not isinstance(value, dict):
        return value
    fields = _with_what_was_kept(dict(value))
    kind = fields.get("cell_type")
    if kind == "code":
        fields.pop("language", None)
        if "collapsed" in fields:
            fields["metadata"] = {
                **_object(fields.get("metadata", {}), "`metadata`"),
                "collapsed": fields.pop("collapsed"),
            }
        fields["source"] = _old_joined(fields.pop("input", ""))
        fields["execution_count"] = _old_count(fields.pop("prompt_number", None))
        outputs = fields.get("outputs", [])
        if isinstance(outputs, list):
            fields["outputs"] = [_upgraded_output(output) for output in outputs]
        return fields
    fields["source"] = _old_joined(fields.get("source", ""))
    if kind == "heading":
        level = fields.pop("level", 1)
        hashes = "#" * (level if isinstance(level, int) else 1)
        fields["source"] = f"{hashes} {' '.join(_lines(fields['source'], '`source`').splitlines())}"
    if kind in {"heading", "html"}:
        fields["cell_type"] = "markdown"
    return fields


def _with_what_was_kept(cell: JsonObject) -> JsonObject:
    """Take out of a cell's metadata what `nbformat3` put there (NB15)."""
    metadata = cell.get("metadata")
    ours = metadata.get("carnet") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(ours, dict):
        return cell
    kept = {key: value for key, value in ours.items() if key in _KEPT_IN_METADATA}
    rest = {key: value for key, value in ours.items() if key not in kept}
    others = {key: value for key, value in metadata.items() if key != "carnet"}
    return {**cell, **kept, "metadata": {**others, "carnet": rest} if rest else others}


def _upgraded_output(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    fields = dict(value)
    match fields.get("output_type"):
        case "pyout":
            count = _old_count(fields.pop("prompt_number", None))
            return {**_upgraded_bundle(fields), "output_type": "execute_result", "execution_count": count}
        case "display_data":
            return _upgraded_bundle(fields)
        case "pyerr":
            return {**fields, "output_type": "error"}
        case "stream":
            name = fields.pop("stream", "stdout")
            return {**fields, "name": name, "text": _old_joined(fields.get("text", ""))}
        case _:
            return fields


def _upgraded_bundle(fields: JsonObject) -> JsonObject:
    """Gather the values, which stood beside `output_type` under short names, in `data`."""
    name = fields.pop("output_type")
    metadata = fields.pop("metadata", {})
    if isinstance(metadata, dict):
        metadata = {_OLD_MIME_TYPES.get(alias, alias): value for alias, value in metadata.items()}
    data: JsonObject = {}
    for alias, value in fields.items():
        joined = value if is_json_type(alias) else _old_joined(value)
        if alias == "json" and isinstance(joined, str):
            try:
                joined = json.loads(joined)
            except ValueError:
                pass  # It was said to be JSON and is not: the text is kept.
        data[_OLD_MIME_TYPES.get(alias, alias)] = joined
    return {"output_type": name, "metadata": metadata, "data": data}


def _old_joined(value: Json) -> Json:
    """Join lines that were split with their ends (nbformat 3) or without (2, and some of 3)."""
    joined = _joined(value)
    if joined is None or not isinstance(value, list):
        return value
    if value and str(value[0]).endswith(("\n", "\r")):
        return joined
    return "\n".join(map(str, value))


def _old_count(value: Json) -> Json:
    """Return the prompt number; some old files hold a text there, which means nothing."""
    return value if type(value) is int else None


# --- cells to JSON


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # Half a surrogate pair, from a kernel: no file can hold it.
        return _HALF_PAIR.sub("\ufffd", text).encode("utf-8")


def _cell_tree(
    cell: Cell, blobs: Callable[[BlobRef], bytes], aside: _Aside | _Joined | None = None
) -> JsonObject:
    tree: JsonObject = {
        "cell_type": cell.kind,
        "id": cell.id,
        "metadata": _without(cell.metadata, _CELL_TRANSIENT),
        "source": cell.source if isinstance(aside, _Joined) else _split(cell.source),
    }
    if cell.kind == "code":
        tree["execution_count"] = cell.execution_count
        tree["outputs"] = [_output_tree(output, blobs, aside) for output in cell.outputs]
    if cell.attachments is not None:
        tree["attachments"] = {
            name: _bundle_tree(bundle, aside, indent=6) if isinstance(bundle, dict) else bundle
            for name, bundle in cell.attachments.items()
        }
    tree.update(cell.extra)
    return tree


def _output_tree(
    output: Output, blobs: Callable[[BlobRef], bytes], aside: _Aside | _Joined | None
) -> JsonObject:
    tree: JsonObject
    match output:
        case Stream():
            spilled = "".join(blobs(spill.blob).decode("utf-8") for spill in output.spilled)
            tree = {
                "output_type": "stream",
                "name": output.name,
                "text": _text_tree(output.head + spilled + output.text, aside, indent=6),
            }
        case DisplayData() if "output_type" in output.extra:
            tree = {}
        case DisplayData():
            tree = {"output_type": "display_data", **_data_tree(output, blobs, aside)}
        case ExecuteResult():
            tree = {
                "output_type": "execute_result",
                "execution_count": output.execution_count,
                **_data_tree(output, blobs, aside),
            }
        case ErrorOutput():
            tree = {
                "output_type": "error",
                "ename": output.ename,
                "evalue": output.evalue,
                "traceback": list(output.traceback),
            }
        case _:
            assert_never(output)
    tree.update(output.extra)
    return tree


def _data_tree(
    output: DisplayData | ExecuteResult, blobs: Callable[[BlobRef], bytes], aside: _Aside | _Joined | None
) -> JsonObject:
    data = _bundle_tree(output.data, aside, indent=7)
    for media_type, ref in output.blobs.items():
        if aside is not None and not is_json_type(media_type) and not is_text_type(media_type):
            data[media_type] = aside.base64(blobs(ref), "\n" if ref.newline else "")
        else:
            value = value_of_blob(media_type, ref, blobs(ref))
            data[media_type] = _value_tree(media_type, value, aside, indent=7)
    return {"data": data, "metadata": output.metadata}


def _bundle_tree(bundle: JsonObject, aside: _Aside | _Joined | None, *, indent: int) -> JsonObject:
    return {
        media_type: _value_tree(media_type, value, aside, indent=indent)
        for media_type, value in bundle.items()
    }


def _value_tree(media_type: str, value: Json, aside: _Aside | _Joined | None, *, indent: int) -> Json:
    if not isinstance(value, str):
        return value
    if media_type.startswith("text/") or media_type in _SPLIT_TYPES:
        return _text_tree(value, aside, indent=indent)
    return value if aside is None else aside.text(value)


def _text_tree(text: str, aside: _Aside | _Joined | None, *, indent: int) -> Json:
    return _split(text) if aside is None else aside.lines(text, indent=indent)


def _split(text: str) -> list[Json]:
    return list(text.splitlines(keepends=True))


# --- large values


def value_of_blob(media_type: str, ref: BlobRef, data: bytes) -> Json:
    """Return the value of a MIME type whose bytes are in a blob."""
    if is_json_type(media_type):
        value: Json = json.loads(data)
        return value
    if is_text_type(media_type):
        return data.decode("utf-8")
    return b64encode(data).decode("ascii") + ("\n" if ref.newline else "")


def extract_large_cell(cell: Cell, *, limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]) -> Cell:
    """Return one cell with each output value larger than `limit_bytes` in a blob (see `extract_large`)."""
    outputs = tuple(
        extract_large_output(output, limit_bytes=limit_bytes, new_blob=new_blob) for output in cell.outputs
    )
    if all(new is old for new, old in zip(outputs, cell.outputs, strict=True)):
        return cell
    return replace(cell, outputs=outputs)


def extract_large_output(
    output: Output, *, limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]
) -> Output:
    """Return the output with each value larger than `limit_bytes` in a blob (see `extract_large`)."""
    match output:
        case Stream():
            if len(output.text) <= limit_bytes:
                return output
            return _spilled(output, limit_bytes, new_blob)
        case DisplayData() | ExecuteResult():
            large = {
                media_type: ref
                for media_type, value in output.data.items()
                if (ref := _to_blob(media_type, value, limit_bytes, new_blob)) is not None
            }
            if not large:
                return output
            rest = {media_type: value for media_type, value in output.data.items() if media_type not in large}
            return replace(output, data=rest, blobs={**output.blobs, **large})
        case ErrorOutput():
            return output
        case _:
            assert_never(output)


def _to_blob(
    media_type: str, value: Json, limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]
) -> BlobRef | None:
    """Return the blob of a large value, or None: it is small, or would not come back as it was."""
    if is_json_type(media_type):
        try:
            data = _utf8(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
        except ValueError:
            return None  # NaN: a browser could not read the blob.
        return new_blob(data, media_type) if len(data) > limit_bytes else None
    if not isinstance(value, str) or len(value) <= limit_bytes:
        return None
    if is_text_type(media_type):
        return new_blob(_utf8(value), media_type)
    newline = value.endswith("\n")
    try:
        data = a2b_base64(value)
    except (Base64Error, ValueError):
        return None
    if not _is_base64_of(data, value.removesuffix("\n")):
        return None  # Broken into lines, or no base64 at all.
    ref = new_blob(data, media_type)
    return replace(ref, newline=True) if newline else ref


def _is_base64_of(data: bytes, text: str) -> bool:
    if len(text) != (len(data) + 2) // 3 * 4:
        return False
    step = 3 << 16  # part by part: none of the two is copied whole
    return all(
        b64encode(data[at : at + step]).decode("ascii") == text[at // 3 * 4 : (at + step) // 3 * 4]
        for at in range(0, len(data), step)
    )


def _spilled(stream: Stream, limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]) -> Stream:
    """Keep a head (a quarter of the limit, once) and a tail (half of it), of whole lines where there are any."""
    text = stream.text
    start = 0
    if not stream.spilled:
        start = text.rfind("\n", 0, limit_bytes // 4) + 1 or limit_bytes // 4
    tail = len(text) - limit_bytes // 2
    end = text.find("\n", tail, len(text) - 1) + 1 or tail
    if stream.column >= 0:  # The last line is being written over: it stays whole.
        end = min(end, text.rfind("\n") + 1)
    if end <= start:
        return stream
    middle = text[start:end]
    spill = Spill(new_blob(_utf8(middle), "text/plain"), middle.count("\n"))
    return replace(stream, head=stream.head + text[:start], spilled=(*stream.spilled, spill), text=text[end:])
