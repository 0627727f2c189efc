"""The built files of the page: which there are, and in which forms. A name that is not in the list is not served.

No path of a request ever reaches the file system: it is looked up in the list.
"""

import mimetypes
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

_HASHED: Final = re.compile(r"assets/.*-[A-Za-z0-9_-]{8,}\.[A-Za-z0-9]+")

#: Forms in the order we like them: (content coding, ending).
CODINGS: Final = (("br", ".br"), ("gzip", ".gz"))

#: What mimetypes may not know, depending on the machine's own tables.
_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}

#: Pages and lists for the server itself.
_NOT_SERVED: Final = frozenset(
    {"index.html", "frame.html", "drawing.html", "manifest.json", "preload.json", ".built-from"}
)


class BuiltFile(NamedTuple):
    """One file, and which compressed forms stand beside it."""

    path: Path
    media_type: str
    is_immutable: bool
    """Its name changes with its bytes."""
    codings: tuple[str, ...]

    def read(self, accepted: str) -> tuple[bytes, str]:
        """Return the bytes in the best form that an Accept-Encoding header allows, and its coding (or empty)."""
        offered = {part.partition(";")[0].strip() for part in accepted.split(",") if not _is_refused(part)}
        for coding, ending in CODINGS:
            if coding in self.codings and coding in offered:
                return self.path.with_name(self.path.name + ending).read_bytes(), coding
        return self.path.read_bytes(), ""


class StaticFiles:
    """The list. Made at first use, and again when a name is asked for that is not in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, BuiltFile] | None = None
        self._listed_ns = 0

    def find(self, name: str) -> BuiltFile | None:
        """Return the file of this name (`assets/app-1a2b3c4d.js`), or None."""
        if self._files is None or name not in self._files:
            self._list()
        found = (self._files or {}).get(name)
        return found if found is not None and found.path.is_file() else None

    def _list(self) -> None:
        try:
            changed_ns = max(
                one.stat().st_mtime_ns for one in (self.folder, self.folder / "assets") if one.is_dir()
            )
        except ValueError:  # the page is not built
            self._files = {}
            return
        if self._files and changed_ns == self._listed_ns:
            return
        self._listed_ns = changed_ns
        paths = {
            one.relative_to(self.folder).as_posix(): one for one in self.folder.rglob("*") if one.is_file()
        }
        self._files = {
            name: BuiltFile(path, _type_of(path), _HASHED.fullmatch(name) is not None, _codings(name, paths))
            for name, path in paths.items()
            if name not in _NOT_SERVED and path.suffix not in {".br", ".gz"}
        }


def etag_of(data: bytes, coding: str) -> str:
    """Return the entity tag of some bytes in some form."""
    return f'"{sha256(data).hexdigest()[:24]}{coding}"'


def _type_of(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _codings(name: str, paths: Mapping[str, Path]) -> tuple[str, ...]:
    return tuple(coding for coding, ending in CODINGS if name + ending in paths)


def _is_refused(part: str) -> bool:
    return re.search(r";\s*q=0(\.0*)?\s*$", part) is not None
