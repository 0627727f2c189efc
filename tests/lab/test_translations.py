"""Language packs (LB11)."""

import sys
from pathlib import Path

import pytest

from carnet.lab.translations import packs, words
from tests.lab.conftest import write


@pytest.fixture
def french(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language pack, installed."""
    package = tmp_path / "jupyterlab_language_pack_fr_FR"
    write(package / "__init__.py", "raise RuntimeError('nobody runs this')")
    write(package / "locale" / "fr_FR" / "LC_MESSAGES" / "jupyterlab.json", {"File": ["Fichier"]})
    info = tmp_path / "jupyterlab_language_pack_fr_FR-4.dist-info"
    write(info / "METADATA", "Name: jupyterlab-language-pack-fr-FR\nVersion: 4\n")
    write(info / "entry_points.txt", "[jupyterlab.languagepack]\nfr_FR = jupyterlab_language_pack_fr_FR\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def test_lb11_a_pack_that_is_installed(french: None) -> None:
    found = packs()

    assert found["en"] == {"displayName": "English", "nativeName": "English"}
    assert found["fr_FR"]["displayName"].startswith("French")
    assert found["fr_FR"]["nativeName"].startswith("Français")
    assert words("fr_FR") == ({"jupyterlab": {"File": ["Fichier"]}}, "")


def test_lb11_a_language_that_is_not_there() -> None:
    assert words("en") == ({}, "")
    assert words("default") == ({}, "")
    assert words("xx_YY") == ({}, "Language pack 'xx_YY' not installed!")
