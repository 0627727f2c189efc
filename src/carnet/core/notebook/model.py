"""What a notebook is: cells, outputs, metadata. Immutable, and nothing but content.

A value here never knows whether it is open, saved, running or shown: that is
`core/session`. Unknown fields of a file live in `extra` and are written back
(invariant 9). Large values live in `blobs/` and stand here as a `BlobRef`; who
puts them there is `live`, never `core`.

Rules NB1 to NB15: docs/specs/notebook.md.
"""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from carnet.ids import CellId

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
else:
    # msgspec cannot build a decoder for a recursive alias; what it decodes from
    # JSON or MessagePack without a type is exactly this one.
    Json = Any
JsonObject: TypeAlias = dict[str, Json]

CellKind = Literal["code", "markdown", "raw"]


class BlobRef(Struct, frozen=True, gc=False):
    """Bytes kept outside the notebook: content-addressed, immutable."""

    sha256: str
    """Lower-case hex of the bytes; the blob's name."""
    size_bytes: int
    media_type: str
    """Of the bytes: text is UTF-8; binary MIME types are stored decoded from base64."""
    newline: bool = False
    """Binary types only: the base64 text in the file ends with a line feed, as some kernels write it."""


class Spill(Struct, frozen=True, gc=False):
    """A finished part of a long stream, moved to a blob (UTF-8 text)."""

    blob: BlobRef
    lines: int
    """Line feeds in it."""


class Stream(Struct, frozen=True, gc=False, tag="stream", tag_field="output_type"):
    """Text on stdout or stderr. The whole text is head + each spilled part + text."""

    name: str
    """`stdout` or `stderr`; other names are kept as they are."""
    text: str = ""
    head: str = ""
    """The first lines, once something was spilled; else empty."""
    spilled: tuple[Spill, ...] = ()
    column: int = -1
    """Where the next character goes in the last line of `text`; -1: at its end."""
    extra: dict[str, Json] = {}


class DisplayData(Struct, frozen=True, gc=False, tag="display_data", tag_field="output_type"):
    """A MIME bundle. A type stands in `data` or in `blobs`, never in both."""

    data: dict[str, Json] = {}
    """MIME type to JSON value; text types hold one string, never a list of lines."""
    metadata: dict[str, Json] = {}
    blobs: dict[str, BlobRef] = {}
    display_id: str | None = None
    """For update_display_data; lives with the kernel, is not written to the file."""
    extra: dict[str, Json] = {}


class ExecuteResult(Struct, frozen=True, gc=False, tag="execute_result", tag_field="output_type"):
    """A MIME bundle with the number of the run that gave it."""

    data: dict[str, Json] = {}
    metadata: dict[str, Json] = {}
    blobs: dict[str, BlobRef] = {}
    execution_count: int | None = None
    display_id: str | None = None
    extra: dict[str, Json] = {}


class ErrorOutput(Struct, frozen=True, gc=False, tag="error", tag_field="output_type"):
    """An exception the cell ended with; `traceback` lines may hold ANSI colours."""

    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()
    extra: dict[str, Json] = {}


Output = Stream | DisplayData | ExecuteResult | ErrorOutput


class Cell(Struct, frozen=True, gc=False):
    """One ordered unit of a notebook."""

    id: CellId
    kind: CellKind
    source: str = ""
    metadata: dict[str, Json] = {}
    outputs: tuple[Output, ...] = ()
    """Code cells only."""
    execution_count: int | None = None
    """Code cells only."""
    attachments: dict[str, Json] | None = None
    """Markdown and raw cells only: file name to MIME bundle."""
    extra: dict[str, Json] = {}


class Notebook(Struct, frozen=True, gc=False):
    """The content of an `.ipynb` file."""

    cells: tuple[Cell, ...] = ()
    metadata: dict[str, Json] = {}
    nbformat: int = 4
    nbformat_minor: int = 5
    extra: dict[str, Json] = {}
