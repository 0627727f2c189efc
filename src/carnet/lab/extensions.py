"""Federated extensions: which there are, what the page is told of them, and all licenses. Rules LB3, LB12, LB13, LB21: docs/specs/lab.md."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from carnet.lab.folders import LabFolders


class Extension(NamedTuple):
    """One federated extension."""

    folder: Path
    package: dict[str, Any]
    """Its package.json."""

    @property
    def name(self) -> str:
        """The extension's name, as npm has it."""
        return str(self.package["name"])

    @property
    def lab(self) -> dict[str, Any]:
        """What it says of itself to JupyterLab."""
        found = self.package.get("jupyterlab")
        return found if isinstance(found, dict) else {}


def lacks_server(one: Extension) -> str:
    """Return the name of the program for Jupyter's server that an extension says to need; empty: none that we know of."""
    discovery = one.lab.get("discovery")
    server = discovery.get("server") if isinstance(discovery, dict) else None
    base = server.get("base") if isinstance(server, dict) else None
    return str(base.get("name", one.name)) if isinstance(base, dict) else ""


def extensions(folders: LabFolders) -> dict[str, Extension]:
    """Return the extensions by name: of two with one name, the first."""
    found: dict[str, Extension] = {}
    for path in _packages(folders):
        package = read_json(path)
        if isinstance(package.get("name"), str):
            found.setdefault(package["name"], Extension(path.parent, package))
    return found


def page_entries(found: dict[str, Extension]) -> list[dict[str, Any]]:
    """Return what the page loads, in JupyterLab's shape. What was not built cannot be loaded."""
    entries = []
    for one in found.values():
        build = one.lab.get("_build")
        if isinstance(build, dict) and isinstance(build.get("load"), str):
            more = {
                key: build[key]
                for key in ("extension", "mimeExtension", "style")
                if build.get(key) is not None
            }
            entries.append(
                {"name": one.name, "load": build["load"], **more, "entrypoints": build.get("entrypoints")}
            )
    return entries


def licenses(folders: LabFolders, wanted: str = "") -> dict[str, Any]:
    """Return the licenses of everything that the page is made of, by bundle: of all, or of those that `wanted` names.

    Jupyter takes a regular expression. A stranger's is none that we run: some hold up a whole server, for ever.
    """
    names = None if wanted in {"", ".*"} else {one.replace("\\", "") for one in wanted.split("|")}
    bundles = {one.name: one.folder for one in extensions(folders).values()}
    name = read_json(folders.app / "static" / "package.json").get("name", "JupyterLab")
    bundles[str(name)] = folders.app
    chosen = {name: path for name, path in bundles.items() if names is None or name in names}
    return {"bundles": {name: _license_bundle(path) for name, path in chosen.items()}}


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file; empty where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _packages(folders: LabFolders) -> Iterator[Path]:
    for folder in folders.extensions:
        yield from sorted(folder.glob("[!@]*/package.json"))
        yield from sorted(folder.glob("@*/*/package.json"))


def _license_bundle(folder: Path) -> dict[str, Any]:
    packages: list[Any] = []
    for name in ("third-party-licenses.json", "static/third-party-licenses.json"):
        found = read_json(folder / name).get("packages")
        packages += found if isinstance(found, list) else []
    return {"packages": packages}
