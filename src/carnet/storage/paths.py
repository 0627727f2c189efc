"""Paths of notebooks: the one function that judges what a client sent, and small helpers.

Nothing here touches a disk. `normalise_path` is the only door: whatever comes
from a URL, a frame or a command line goes through it, and every manager relies
on that. Rules ST1 to ST4: docs/specs/storage.md.
"""

from carnet.errors import InvalidPath
from carnet.ids import NotebookPath

ROOT = NotebookPath("")
"""The root folder."""

PATH_LIMIT_BYTES = 4096
"""Longest path, in UTF-8."""

NAME_LIMIT_BYTES = 255
"""Longest part of a path, in UTF-8: what file systems and object stores agree on."""

RESERVED_PREFIX = ".~carnet-"
"""Our temporary files. No path may name one."""


def normalise_path(raw: str) -> NotebookPath:
    """Return `raw` as a path below the root, or refuse it. The root is the empty string.

    A path is taken exactly as it is or not at all: nothing is stripped, decoded,
    case-folded or Unicode-normalised, so two spellings never mean one file here.

    Raises:
        InvalidPath: it is absolute, has an empty, `.` or `..` part, a backslash,
            a control character, half a surrogate pair, a part of our own
            temporary files, or is too long. The sentence says which.
    """
    if raw == "":
        return ROOT
    shown = ascii(raw if len(raw) <= 60 else raw[:57] + "...")
    try:
        encoded = raw.encode()
    except UnicodeEncodeError as error:
        raise InvalidPath(f"{shown}: the path is not valid Unicode. Rename the file.") from error
    if len(encoded) > PATH_LIMIT_BYTES:
        raise InvalidPath(f"{shown}: the path is longer than {PATH_LIMIT_BYTES} bytes. Use a shorter one.")
    if "\\" in raw:
        raise InvalidPath(f"{shown}: a path may not contain a backslash; parts are separated by '/'.")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in raw):
        raise InvalidPath(f"{shown}: a path may not contain control characters (line feeds, NUL, ...).")
    for part in raw.split("/"):
        if part == "":
            raise InvalidPath(
                f"{shown}: a path is relative and has no empty parts: no leading, trailing or double '/'."
            )
        if part in (".", ".."):
            raise InvalidPath(f"{shown}: a path may not contain {part!r}. Name the folder itself.")
        if part.startswith(RESERVED_PREFIX):
            raise InvalidPath(
                f"{shown}: names that begin with {RESERVED_PREFIX!r} are temporary files of Carnet."
            )
        if len(part) * 4 > NAME_LIMIT_BYTES and len(part.encode()) > NAME_LIMIT_BYTES:
            raise InvalidPath(f"{shown}: a name is longer than {NAME_LIMIT_BYTES} bytes. Use a shorter one.")
    return NotebookPath(raw)


def parts_of(path: NotebookPath) -> list[str]:
    """Return the parts of a path; none for the root."""
    return path.split("/") if path else []


def name_of(path: NotebookPath) -> str:
    """Return the last part; empty for the root."""
    return path.rpartition("/")[2]


def folder_of(path: NotebookPath) -> NotebookPath:
    """Return the folder that a path is in; the root for a name in the root."""
    return NotebookPath(path.rpartition("/")[0])


def join_path(folder: NotebookPath, name: str) -> NotebookPath:
    """Return the path of `name` in `folder`, judged like any other path."""
    return normalise_path(f"{folder}/{name}" if folder else name)


def is_below(path: NotebookPath, folder: NotebookPath) -> bool:
    """Return whether `path` is `folder` itself or somewhere in it (part by part, never by prefix)."""
    inner, outer = parts_of(path), parts_of(folder)
    return inner[: len(outer)] == outer


def fitting_name(stem: str, mark: str, suffix: str) -> str:
    """Return a name of these, in which the stem, or a long suffix, was cut so that it is not too long."""
    room = NAME_LIMIT_BYTES - len(mark.encode())
    suffix = _cut(suffix, room - 1)
    return f"{_cut(stem, room - len(suffix.encode()))}{mark}{suffix}"


def _cut(text: str, limit_bytes: int) -> str:
    """Return the beginning of a text that fits, without half of a character."""
    return text.encode()[:limit_bytes].decode("utf-8", "ignore")


def split_suffix(name: str) -> tuple[str, str]:
    """Return stem and suffix: `a.tar.gz` gives `a` and `.tar.gz`; `.bashrc` has no suffix."""
    if name.endswith(".ipynb") and name != ".ipynb":
        return name[: -len(".ipynb")], ".ipynb"
    if name.endswith((".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")):
        position = name.rfind(".tar.")
    else:
        position = name.rfind(".")
    if position <= 0 or not name[:position].strip("."):
        return name, ""
    return name[:position], name[position:]
