"""`IPython.nbformat.current` of 2014, as far as notebook managers and their scripts used it: nbformat 3.

A notebook is a dictionary whose keys are attributes too. Files of nbformat 2 to
4 are read, and come as nbformat 3. Nothing here touches a disk but the file
objects it is given.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, Protocol

from carnet.core.notebook.ipynb import decode
from carnet.core.notebook.nbformat3 import to_nbformat3
from carnet.errors import InvalidNotebook
from carnet.ids import CellId

nbformat: Final = 3
nbformat_minor: Final = 0
current_nbformat: Final = nbformat
current_nbformat_minor: Final = nbformat_minor

_MULTILINE: Final = ("text", "html", "svg", "latex", "javascript", "json")
_TRANSIENT: Final = ("orig_nbformat", "orig_nbformat_minor")
_PY_CELL: Final = re.compile(
    r"^# <(codecell|markdowncell|rawcell|htmlcell|headingcell level=(\d))>\n", re.MULTILINE
)


class NBFormatError(ValueError):
    """Not a notebook, or not in a format that is known."""


class NotebookNode(dict[str, Any]):
    """A dictionary whose keys are attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def copy(self) -> "NotebookNode":
        """Return a shallow copy."""
        return NotebookNode(self)


class _Readable(Protocol):
    def read(self) -> str | bytes: ...


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...


def from_dict(value: Any) -> Any:
    """Return a copy in which each dictionary is a `NotebookNode`."""
    if isinstance(value, Mapping):
        return NotebookNode({key: from_dict(one) for key, one in value.items()})
    if isinstance(value, (list, tuple)):
        return [from_dict(one) for one in value]
    return value


# -- making notebooks


def new_output(output_type: str | None = None, **values: Any) -> NotebookNode:
    """Return an output; values are named as `output_text`, `output_png`, `stream`, `ename`, ..."""
    named = {key.removeprefix("output_"): value for key, value in values.items() if value is not None}
    output = NotebookNode(**named)
    if output_type is not None:
        output["output_type"] = output_type
    if output_type in {"display_data", "pyout"}:
        output.setdefault("metadata", NotebookNode())
    if output_type == "stream":
        output.setdefault("stream", "stdout")
    return output


def new_code_cell(
    input: str | None = None,  # noqa: A002 - the name of 2014
    prompt_number: int | None = None,
    outputs: list[Any] | None = None,
    language: str = "python",
    collapsed: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> NotebookNode:
    """Return a code cell."""
    cell = NotebookNode(
        cell_type="code",
        language=language,
        collapsed=bool(collapsed),
        metadata=from_dict(metadata or {}),
        outputs=list(outputs or []),
    )
    if input is not None:
        cell["input"] = str(input)
    if prompt_number is not None:
        cell["prompt_number"] = int(prompt_number)
    return cell


def new_text_cell(
    cell_type: str,
    source: str | None = None,
    rendered: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> NotebookNode:
    """Return a Markdown, raw or HTML cell."""
    cell = NotebookNode(cell_type=cell_type, metadata=from_dict(metadata or {}))
    if source is not None:
        cell["source"] = str(source)
    if rendered is not None:
        cell["rendered"] = str(rendered)
    return cell


def new_heading_cell(
    source: str | None = None,
    rendered: str | None = None,
    level: int = 1,
    metadata: Mapping[str, Any] | None = None,
) -> NotebookNode:
    """Return a heading."""
    cell = new_text_cell("heading", source, rendered, metadata)
    cell["level"] = int(level)
    return cell


def new_worksheet(
    name: str | None = None, cells: list[Any] | None = None, metadata: Mapping[str, Any] | None = None
) -> NotebookNode:
    """Return a worksheet: a list of cells."""
    worksheet = NotebookNode(cells=list(cells or []), metadata=from_dict(metadata or {}))
    if name is not None:
        worksheet["name"] = str(name)
    return worksheet


def new_notebook(
    name: str | None = None, metadata: Mapping[str, Any] | None = None, worksheets: list[Any] | None = None
) -> NotebookNode:
    """Return a notebook."""
    notebook = NotebookNode(
        nbformat=nbformat,
        nbformat_minor=nbformat_minor,
        worksheets=list(worksheets or []),
        metadata=from_dict(metadata) if metadata is not None else new_metadata(),
    )
    if name is not None:
        notebook["metadata"]["name"] = str(name)
    return notebook


def new_metadata(name: str | None = None, authors: list[Any] | None = None, **values: Any) -> NotebookNode:
    """Return the metadata of a notebook."""
    given = {"name": name, "authors": list(authors) if authors is not None else None, **values}
    return NotebookNode({key: value for key, value in given.items() if value is not None})


def new_author(**values: str) -> NotebookNode:
    """Return an author, for a notebook's metadata."""
    return NotebookNode(values)


# -- reading and writing


def to_notebook_json(tree: Any, **_options: Any) -> Any:
    """Return a notebook in a tree of JSON as nodes, with joined texts."""
    return _rejoined(from_dict(tree))


def reads_json(text: str | bytes, **_options: Any) -> Any:
    """Return the notebook in a text of JSON, as nbformat 3.

    Raises:
        NBFormatError: it is none; the message says where.
    """
    data = text.encode() if isinstance(text, str) else text
    try:
        found = json.loads(data)
        if isinstance(found, dict) and found.get("nbformat") == nbformat:
            return to_notebook_json(found)
        return from_dict(to_nbformat3(decode(data, new_ids=_numbered())))
    except (ValueError, InvalidNotebook) as error:
        raise NBFormatError(f"This is not a notebook: {error}") from error


def writes_json(notebook: Any, **_options: Any) -> str:
    """Return a notebook as the text of an .ipynb file of nbformat 3."""
    tree = _split(copy.deepcopy(notebook))
    for name in _TRANSIENT:
        tree.get("metadata", {}).pop(name, None)
    return json.dumps(
        tree, indent=1, sort_keys=True, separators=(",", ": "), ensure_ascii=False, default=_plain
    )


def writes_py(notebook: Any, **_options: Any) -> str:
    """Return a notebook as a Python script; marks in comments say where cells begin."""
    lines = ["# -*- coding: utf-8 -*-", f"# <nbformat>{nbformat}.{nbformat_minor}</nbformat>", ""]
    for worksheet in notebook["worksheets"]:
        for cell in worksheet["cells"]:
            kind = cell["cell_type"]
            if kind == "code":
                lines += ["# <codecell>", "", *cell.get("input", "").splitlines(), ""]
                continue
            mark = f"headingcell level={cell.get('level', 1)}" if kind == "heading" else f"{kind}cell"
            text = cell.get("source", "")
            lines += [f"# <{mark}>", "", *(f"# {line}".rstrip() for line in text.splitlines()), ""]
    return "\n".join(lines)


def reads_py(text: str, **_options: Any) -> NotebookNode:
    """Return the notebook that `writes_py` made this script of.

    Raises:
        NBFormatError: it was not made by `writes_py`.
    """
    if "# <nbformat>" not in text:
        raise NBFormatError("This script was not made of a notebook: it has no line # <nbformat>.")
    marks = list(_PY_CELL.finditer(text))
    cells = []
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        body = text[mark.end() : following.start() if following else len(text)].strip("\n")
        if mark[1] == "codecell":
            cells.append(new_code_cell(input=body))
            continue
        source = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines())
        if mark[2]:
            cells.append(new_heading_cell(source=source, level=int(mark[2])))
        else:
            cells.append(new_text_cell(mark[1].removesuffix("cell"), source=source))
    return new_notebook(worksheets=[new_worksheet(cells=cells)])


def reads(text: str | bytes, format: str = "json", **options: Any) -> Any:  # noqa: A002 - the name of 2014
    """Return the notebook in a text of this format: `json` (or `ipynb`), or `py`."""
    if format in {"json", "ipynb"}:
        return reads_json(text, **options)
    if format == "py":
        return reads_py(text.decode() if isinstance(text, bytes) else text, **options)
    raise NBFormatError(f"json, ipynb or py is wanted as the format of a notebook, but it is {format!r}.")


def writes(notebook: Any, format: str = "json", **options: Any) -> str:  # noqa: A002 - the same
    """Return a notebook as text of this format: `json` (or `ipynb`), or `py`."""
    if format in {"json", "ipynb"}:
        return writes_json(notebook, **options)
    if format == "py":
        return writes_py(notebook, **options)
    raise NBFormatError(f"json, ipynb or py is wanted as the format of a notebook, but it is {format!r}.")


def read(fp: _Readable, format: str = "json", **options: Any) -> Any:  # noqa: A002 - the same
    """Return the notebook in a file object."""
    return reads(fp.read(), format, **options)


def write(notebook: Any, fp: _Writable, format: str = "json", **options: Any) -> object:  # noqa: A002 - the same
    """Write a notebook to a file object (of text)."""
    return fp.write(writes(notebook, format, **options))


def parse_filename(fname: str) -> tuple[str, str, str]:
    """Return a file's name with its ending, its name without, and the format that the ending means."""
    for ending, found in ((".ipynb", "json"), (".json", "json"), (".py", "py")):
        if fname.endswith(ending):
            return fname, fname.removesuffix(ending), found
    return f"{fname}.ipynb", fname, "json"


# -- inside


def _texts(notebook: Any) -> Iterator[tuple[Any, str]]:
    """Yield each place of a text that may stand as lines: its dictionary, and the key."""
    for worksheet in notebook.get("worksheets", ()):
        for cell in worksheet.get("cells", ()):
            for key in ("input", "source", "rendered"):
                yield cell, key
            for output in cell.get("outputs", ()):
                for key in _MULTILINE:
                    yield output, key


def _rejoined(notebook: Any) -> Any:
    for place, key in _texts(notebook):
        if isinstance(place.get(key), list):
            lines = place[key]
            # Some writers of that time left the ends of lines out.
            glue = "" if lines and str(lines[0]).endswith(("\n", "\r")) else "\n"
            place[key] = glue.join(map(str, lines))
    return notebook


def _split(notebook: Any) -> Any:
    for place, key in _texts(notebook):
        if isinstance(place.get(key), str):
            place[key] = place[key].splitlines(keepends=True)
    return notebook


def _plain(value: object) -> object:
    if isinstance(value, bytes):  # base64 of images, in programs written for Python 2
        return value.decode("ascii")
    raise TypeError(f"{type(value).__name__} is not JSON")


def _numbered() -> Iterator[CellId]:
    return (CellId(f"cell{number}") for number in count())
