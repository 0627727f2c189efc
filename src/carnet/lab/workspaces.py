"""JupyterLab's workspaces: how its windows stand, by name. Rule LB10: docs/specs/lab.md."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from carnet.errors import NotFound, PeerError
from carnet.lab.kept import put

DEPTH_LIMIT: Final = 200
"""How deep lists and objects may be nested. What is deeper could be kept, and then not be sent."""


class Workspaces:
    """The workspaces of one user."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept

    def all(self) -> list[dict[str, Any]]:
        """Return them."""
        found = [_read(path) for path in sorted(self._kept.glob("*.json"))]
        return sorted((one for one in found if one is not None), key=lambda one: str(one["metadata"]["id"]))

    def get(self, name: str) -> dict[str, Any]:
        """Return one; an empty one where there is none, as JupyterLab wants it."""
        return _read(self._file(name)) or {"data": {}, "metadata": {"id": _plain(name)}}

    def save(self, name: str, raw: bytes) -> None:
        """Keep one.

        Raises:
            PeerError: it is not a workspace of this name.
        """
        try:
            workspace = json.loads(raw)
            named, data = workspace["metadata"]["id"], workspace["data"]
            text = json.dumps(workspace, allow_nan=False)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise PeerError(
                "A workspace is a JSON object with data and metadata.id; NaN and Infinity are no JSON."
            ) from None
        if not isinstance(data, dict):
            raise PeerError("data: an object is wanted.")
        if _is_deep(workspace):
            raise PeerError(f"Lists and objects are nested more than {DEPTH_LIMIT} levels deep.")
        if not isinstance(named, str) or _plain(unquote(named)) != _plain(name):
            raise PeerError(f"The workspace says that its name is {str(named)[:100]!r}, not {name[:100]!r}.")
        put(self._file(name), text)

    def delete(self, name: str) -> None:
        """Remove one.

        Raises:
            NotFound: there is none.
        """
        try:
            self._file(name).unlink()
        except FileNotFoundError:
            raise NotFound(f"There is no workspace {name[:100]!r}.") from None

    def _file(self, name: str) -> Path:
        # Names are anything; files are not.
        return self._kept / f"{sha256(_plain(name).encode()).hexdigest()[:40]}.json"


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [
            item
            for one in level
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def _plain(name: str) -> str:
    return name.removeprefix("/")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        stat = path.stat()
        value["metadata"] |= {
            "last_modified": datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(),
            "created": datetime.fromtimestamp(stat.st_ctime, UTC).isoformat(),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
    found: dict[str, Any] = value
    return found
