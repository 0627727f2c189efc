"""JupyterLab's settings: schemas that it and its extensions bring, and what the user set. Rules LB8, LB9: docs/specs/lab.md.

What the user set is JSON with comments, kept as it was written. The page reads
it by itself; we look at it only to refuse what the schema forbids.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from os.path import isfile
from pathlib import Path
from typing import Any, Final

from carnet.errors import NotFound, PeerError
from carnet.lab.extensions import read_json
from carnet.lab.folders import LabFolders
from carnet.lab.kept import put

_ID: Final = re.compile(
    r"((?:@[A-Za-z0-9_~.-]+/)?[A-Za-z0-9_~-][A-Za-z0-9_~.-]*):([A-Za-z0-9_~-][A-Za-z0-9_~.-]*)"
)
_ENDING: Final = ".jupyterlab-settings"


class LabSettings:
    """The settings of one user."""

    def __init__(self, folders: LabFolders, kept: Path) -> None:
        self._folders = folders
        self._kept = kept

    def ids(self) -> list[dict[str, Any]]:
        """Return the ids of all plugins that have settings."""
        return [{"id": plugin} for plugin in sorted(self._schemas(), reverse=True)]

    def all(self) -> list[dict[str, Any]]:
        """Return the settings of all plugins."""
        overrides = self._overrides()
        schemas = self._schemas()
        return [self._plugin(one, schemas[one], overrides) for one in sorted(schemas, reverse=True)]

    def get(self, plugin: str) -> dict[str, Any]:
        """Return the settings of one plugin.

        Raises:
            NotFound: no plugin of that name has any.
        """
        return self._plugin(plugin, self._schema_file(plugin), self._overrides())

    def save(self, plugin: str, raw: str) -> None:
        """Keep what the user set.

        Raises:
            NotFound: no plugin of that name has settings.
            PeerError: it is not what the schema allows; says where.
        """
        import fastjsonschema
        import json5

        schema = self.get(plugin)["schema"]
        nowhere = dict.fromkeys(("http", "https", "ftp", "file"), _refuse)
        try:
            check = fastjsonschema.compile(schema, handlers=nowhere, use_default=False, use_formats=False)
            check(json5.loads(raw))
        except fastjsonschema.JsonSchemaValueException as error:
            raise PeerError(f"The settings of {plugin} are not valid: {error.message[:200]}.") from None
        except fastjsonschema.JsonSchemaDefinitionException as error:
            raise PeerError(f"The schema of {plugin} cannot be used: {str(error)[:200]}.") from None
        except (ValueError, RecursionError) as error:
            raise PeerError(f"The settings of {plugin} are not JSON: {str(error)[:200]}") from None
        put(self._file(plugin), raw)

    def _plugin(self, plugin: str, schema_file: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
        schema = read_json(schema_file)
        _override(schema, overrides.get(plugin, {}))
        raw, times = self._raw(plugin)
        package = read_json(schema_file.parent / "package.json.orig")
        return {
            "id": plugin,
            "schema": schema,
            "version": str(package.get("version", "N/A")),
            "raw": raw,
            "settings": _parsed(raw),
            **times,
        }

    def _raw(self, plugin: str) -> tuple[str, dict[str, str | None]]:
        try:
            path = self._file(plugin)
            raw, stat = path.read_text(encoding="utf-8"), path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return "{}", {"last_modified": None, "created": None}
        return raw or "{}", {"last_modified": _time(stat.st_mtime), "created": _time(stat.st_ctime)}

    def _file(self, plugin: str) -> Path:
        package, name = _parts(plugin)
        return self._kept / package / f"{name}{_ENDING}"

    def _schema_file(self, plugin: str) -> Path:
        package, name = _parts(plugin)
        for folder in (*(one / package / "schemas" for one in self._folders.extensions), self._core):
            path = folder / package / f"{name}.json"
            if isfile(path):  # not `Path.is_file`, which raises for a name that is too long for the system
                return path
        raise NotFound(f"There are no settings {plugin[:100]!r}.")

    def _schemas(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        places = [
            (place, place.parent.relative_to(folder))
            for folder in self._folders.extensions
            for pattern in ("[!@]*/schemas", "@*/*/schemas")
            for place in sorted(folder.glob(pattern))
        ]
        for place, package in places:
            for path in _schema_files(place / package):
                found.setdefault(f"{package.as_posix()}:{path.stem}", path)
        for pattern in ("[!@]*", "@*/*"):
            for package_folder in sorted(self._core.glob(pattern)):
                package = package_folder.relative_to(self._core)
                for path in _schema_files(package_folder):
                    found.setdefault(f"{package.as_posix()}:{path.stem}", path)
        return {plugin: path for plugin, path in found.items() if _ID.fullmatch(plugin)}

    @property
    def _core(self) -> Path:
        return self._folders.app / "schemas"

    def _overrides(self) -> dict[str, Any]:
        """Return other defaults, which whoever set up this environment chose."""
        settings = self._folders.app / "settings"
        files = [*sorted((settings / "overrides.d").glob("*.json")), settings / "overrides.json"]
        files += [
            folder / "labconfig" / "default_setting_overrides.json"
            for folder in reversed(self._folders.config)
        ]
        merged: dict[str, Any] = {}
        for path in files:
            _update(merged, read_json(path))
        return merged


def _schema_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.json")):
        if path.name != "package.json":
            yield path


def _parts(plugin: str) -> tuple[str, str]:
    found = _ID.fullmatch(plugin)
    if found is None:
        raise NotFound(f"There are no settings {plugin[:100]!r}.")
    return found[1], found[2]


def _override(schema: dict[str, Any], defaults: Any) -> None:
    if not isinstance(defaults, dict):
        return
    properties = schema.setdefault("properties", {})
    for name, value in defaults.items():
        row = properties.setdefault(name, {})
        old = row.get("default")
        if isinstance(old, dict) and isinstance(value, dict):
            _update(old, value)
        else:
            row["default"] = value


def _update(target: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _update(target[name], value)
        else:
            target[name] = json.loads(json.dumps(value))


def _refuse(address: str) -> Any:
    """A schema is what its package brings; nothing is fetched for it."""
    raise PeerError(f"A schema refers to {address[:100]}, which is not fetched.")


def _parsed(raw: str) -> Any:
    """Return what the user set; nothing where it cannot be read, or has numbers that JSON has not (Infinity).

    The page reads `raw` and judges for itself, and says so.
    """
    if raw == "{}":
        return {}
    import json5

    try:
        value = json5.loads(raw)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
