"""Where JupyterLab's files are on this machine, and where we keep what its users set. Rules LB1, LB2: docs/specs/lab.md."""

import importlib.metadata
import importlib.util
import os
import site
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jupyter_core.paths import jupyter_config_path, jupyter_path


@dataclass(frozen=True)
class LabFolders:
    """One installed JupyterLab. Nothing is ever written here."""

    version: str
    app: Path
    """With `static`, `schemas`, `themes`, `settings`."""
    extensions: Sequence[Path]
    """Folders of federated extensions; the first one that has an extension counts."""
    config: Sequence[Path]
    """Folders with `labconfig/`, the most important first."""


@cache
def find_lab() -> LabFolders | None:
    """Return the JupyterLab of this environment, or None."""
    spec = importlib.util.find_spec("jupyterlab")
    if spec is None or spec.origin is None:
        return None
    for folder in _candidates(Path(spec.origin).parent):
        if (folder / "static" / "index.html").is_file():
            return LabFolders(
                version=importlib.metadata.version("jupyterlab"),
                app=folder,
                extensions=tuple(Path(one) for one in jupyter_path("labextensions")),
                config=tuple(Path(one) for one in jupyter_config_path()),
            )
    return None


def _candidates(package: Path) -> Iterator[Path]:
    """Yield where the application may be, as JupyterLab itself looks for it."""
    named = os.environ.get("JUPYTERLAB_DIR")
    if named:
        yield Path(named).resolve()
    share = Path("share", "jupyter", "lab")
    yield Path(sys.prefix) / share
    yield Path(site.getuserbase()) / share
    yield Path("/usr/local") / share
    yield package.parents[3] / share  # beside lib/pythonX.Y/site-packages/jupyterlab
    yield package
