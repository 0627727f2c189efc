"""Find the files that JupyterLab's page loads: its own, those of federated extensions, themes. Rules LB5 to LB7: docs/specs/lab.md.

A name is looked up part by part, and leads nowhere but down. Links that
developers of extensions make (`jupyter labextension develop`) are followed: who
may write into these folders is the owner of the environment.
"""

import re
from collections.abc import Iterable
from os.path import isfile
from pathlib import Path
from typing import Final

from carnet.lab.folders import LabFolders

_PART: Final = re.compile(r"[A-Za-z0-9@_~+][A-Za-z0-9@._~+ -]*")

_HASHED: Final = re.compile(r".*[.-][0-9a-f]{16,}\.[a-z0-9.]+|[0-9a-f]{16,}\.[a-z0-9]+")
"""Names that change with their bytes: webpack's."""


def static_file(folders: LabFolders, name: str) -> Path | None:
    """Return a file of JupyterLab itself, but for its templates."""
    return None if name.endswith(".html") else _first([folders.app / "static"], name)


def extension_file(folders: LabFolders, name: str) -> Path | None:
    """Return a file of a federated extension: `NAME/static/remoteEntry.js`, `@SCOPE/NAME/...`."""
    return _first(folders.extensions, name)


def theme_file(folders: LabFolders, name: str) -> Path | None:
    """Return a file of a theme: those of extensions come first, as in JupyterLab."""
    # By name, and not `**`, which passes by what is a link: `jupyter labextension develop` makes links.
    places = ("[!@]*/themes", "@*/*/themes")
    themes = [found for one in folders.extensions for place in places for found in sorted(one.glob(place))]
    return _first([*themes, folders.app / "themes"], name)


def is_immutable(path: Path) -> bool:
    """Return whether a file's name changes with its bytes."""
    return _HASHED.fullmatch(path.name) is not None


def _first(folders: Iterable[Path], name: str) -> Path | None:
    parts = name.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        return None
    # Not `Path.is_file`, which raises for a name that is too long for the system.
    return next((path for folder in folders if isfile(path := folder.joinpath(*parts))), None)
