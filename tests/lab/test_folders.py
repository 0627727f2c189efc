"""Where JupyterLab's files are found (LB2)."""

import shutil
import site
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet.lab.folders import LabFolders, find_lab


@pytest.fixture(autouse=True)
def unremembered() -> Iterator[None]:
    """It is looked for once a process."""
    find_lab.cache_clear()
    yield
    find_lab.cache_clear()


def test_lb2_it_is_found_where_jupyterlab_looks_and_the_first_place_counts(
    folders: LabFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = Path("share", "jupyter", "lab")
    named, ours, users = tmp_path / "named", tmp_path / "env" / share, tmp_path / "user" / share
    for place in (named, ours, users):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folders.app, place)
    monkeypatch.setenv("JUPYTERLAB_DIR", str(named))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.setattr(site, "getuserbase", lambda: str(tmp_path / "user"))

    for place in (named, ours, users):
        find_lab.cache_clear()
        found = find_lab()
        assert found is not None
        assert found.app == place
        # A folder without a page is no JupyterLab: the next one is looked at.
        (place / "static" / "index.html").unlink()
