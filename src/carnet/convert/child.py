"""The process that converts one notebook, and ends. It may fail in any way: whoever started it has bounded it.

Its order and the notebook's bytes come as its standard input, the reply and the
result go to its standard output; both are files. It runs no cell, reads no
configuration and listens to nobody. Rules NC1 to NC9: docs/specs/nbconvert.md.
"""

import io
import os
import resource
import signal
import sys
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, cast

import msgspec
import nbformat
from nbconvert.exporters.base import get_export_names, get_exporter
from nbconvert.exporters.exporter import Exporter
from nbconvert.utils.exceptions import ConversionException
from nbconvert.utils.pandoc import PandocMissing

from carnet.convert.wire import HEAD_BYTES, Order, Reply

#: They open the notebook in a browser on this machine, scripts and all: that would be running it (NC3).
#: `custom` is a template exporter without a template.
NOT_OURS: Final = frozenset({"webpdf", "qtpdf", "qtpng", "custom"})

PYTHON: Final = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}

SECOND_WORDS_BYTES: Final = 300
"""Of what LaTeX and others say, so much is passed on."""


class CannotConvert(Exception):
    """It is not possible. `str()` is a sentence for a person."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def main() -> None:
    """Do what standard input says."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is not the answer
    order = msgspec.json.decode(source.readline(), type=Order)
    bound(order)
    reply, result = answer(order, source)
    if len(result) > order.output_bytes - HEAD_BYTES:
        reply, result = Reply(status=413, message="The result is too large."), b""
    target.write(msgspec.json.encode(reply) + b"\n")
    target.write(result)
    target.close()


def bound(order: Order) -> None:
    """Have the system hold us to our bounds, also when nobody is left to end us."""
    signal.setitimer(signal.ITIMER_REAL, order.time_s)
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, order.output_bytes)
    # Of what is really used: pandoc reserves a terabyte of addresses, and uses a few megabytes.
    lower(resource.RLIMIT_DATA, order.memory_bytes)


def lower(what: int, limit: int) -> None:
    """Lower a limit; where the system has a lower one, that stays."""
    _, hard = resource.getrlimit(what)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (limit, limit))


def answer(order: Order, source: BinaryIO) -> tuple[Reply, bytes]:
    """Return the reply to an order, and the result's bytes."""
    if not order.format:
        return Reply(formats=formats()), b""
    try:
        return convert(order, source.read())
    except CannotConvert as error:
        return Reply(status=error.status, message=str(error)), b""
    except MemoryError:
        mebibytes = order.memory_bytes >> 20
        return Reply(status=413, message=f"Converting it needs more than {mebibytes} MiB of memory."), b""


def formats() -> dict[str, str]:
    """Return the formats there are, with their media types."""
    found = {name: _exporter_class(name) for name in get_export_names() if name not in NOT_OURS}
    return {name: str(one.output_mimetype) for name, one in found.items() if one is not None}


def convert(order: Order, data: bytes) -> tuple[Reply, bytes]:
    """Return a notebook as another format.

    Raises:
        CannotConvert: says why not.
    """
    found = None if order.format in NOT_OURS else _exporter_class(order.format)
    if found is None:
        raise CannotConvert(
            404, f"There is no format {order.format!r}. There are: {', '.join(sorted(formats()))}."
        )
    exporter = found()
    if "sanitize_html" in exporter.trait_names():
        cast("Any", exporter).sanitize_html = order.sanitize_html
    metadata = {"name": order.name, **({"path": order.folder} if order.folder else {})}
    try:
        notebook = nbformat.reads(data.decode("utf-8-sig"), as_version=4)  # type: ignore[no-untyped-call]
    except MemoryError:
        raise
    except Exception as error:  # nbformat raises whatever its parsers do
        raise CannotConvert(422, f"It is not a notebook: {_first_line(error)}") from error
    if notebook.metadata.get("kernelspec", {}).get("language", "python") == "python":
        # A notebook that no kernel has met yet does not say its language; nbconvert would make a .txt of it.
        notebook.metadata.setdefault("language_info", dict(PYTHON))
    try:
        output, resources = exporter.from_notebook_node(notebook, resources={"metadata": metadata})
    except MemoryError:
        raise
    except Exception as error:  # templates, filters and LaTeX raise anything
        raise _why(order.format, error) from error
    said = cast("str | bytes", output)
    text = said.encode("utf-8", "surrogatepass") if isinstance(said, str) else said
    ending = str(resources.get("output_extension") or exporter.file_extension or "")
    beside = resources.get("outputs")
    if beside:
        return Reply(media_type="application/zip", ending=".zip"), zipped(order.name + ending, text, beside)
    return Reply(media_type=str(exporter.output_mimetype or "text/plain"), ending=ending), text


def zipped(name: str, text: bytes, beside: Mapping[str, bytes]) -> bytes:
    """Return the result and the pictures that it shows from beside itself, in one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
        for path, data in beside.items():
            archive.writestr(PurePosixPath(path).name, data)
    return buffer.getvalue()


def _exporter_class(name: str) -> type[Exporter] | None:
    """Return the class of a format, if it is one of those that are installed: never a class that a name could import."""
    if name not in get_export_names():
        return None
    try:
        return cast("type[Exporter]", get_exporter(name))
    except Exception:  # noqa: BLE001 - somebody's exporter that cannot be imported is not there
        return None


def _why(name: str, error: Exception) -> CannotConvert:
    """Return what kept a notebook from becoming this format, as a sentence."""
    words = _first_line(error)
    if isinstance(error, PandocMissing):
        return CannotConvert(
            501, f"Making {name} needs the program pandoc, which is not installed on the server's machine."
        )
    if isinstance(error, OSError) and "not found on PATH" in str(error):
        return CannotConvert(
            501,
            f"Making {name} needs LaTeX (xelatex), which is not installed on the server's machine. "
            "Download it as HTML, and print that.",
        )
    if type(error).__name__ == "LatexFailed":
        return CannotConvert(422, f"LaTeX could not set this notebook: {_last_lines(error)}")
    if isinstance(error, ConversionException):
        return CannotConvert(422, f"It could not become {name}: {words}")
    return CannotConvert(422, f"It could not become {name}: {type(error).__name__}: {words}")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:SECOND_WORDS_BYTES] if lines else type(error).__name__


def _last_lines(error: Exception) -> str:
    return " ".join(str(error).split())[-SECOND_WORDS_BYTES:]
