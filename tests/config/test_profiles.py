"""Profiles, shared with IPython (S14)."""

from pathlib import Path

import pytest

from carnet.config.profiles import FILE, Profile, create_profile, profile_folder, profiles
from carnet.errors import ConfigError


def test_s14_a_profile_is_made_where_ipython_looks(tmp_path: Path) -> None:
    folder = profile_folder(tmp_path, "nbserver")

    assert create_profile(folder, "text", replaces=False)

    assert folder == tmp_path / "profile_nbserver"
    assert (folder / "ipython_notebook_config.py").read_text() == "text"
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert profiles(tmp_path) == [Profile("nbserver", folder, True)]


def test_s14_what_is_there_stays(tmp_path: Path) -> None:
    folder = profile_folder(tmp_path, "nbserver")
    create_profile(folder, "mine", replaces=False)

    assert not create_profile(folder, "new", replaces=False)
    assert (folder / FILE).read_text() == "mine"

    assert create_profile(folder, "new", replaces=True)
    assert (folder / FILE).read_text() == "new"


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "-x", "a b", "é", ".x"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a profile"):
        profile_folder(tmp_path, name)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "profile_x").write_text("a file")

    with pytest.raises(ConfigError, match="cannot be written"):
        create_profile(tmp_path / "profile_x", "", replaces=False)


def test_without_ipython_there_are_none(tmp_path: Path) -> None:
    assert profiles(tmp_path / "no") == []
