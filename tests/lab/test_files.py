"""Files of JupyterLab, its extensions and themes (LB6, LB7)."""

from pathlib import Path

import pytest

from carnet.lab.files import extension_file, is_immutable, static_file, theme_file
from carnet.lab.folders import LabFolders


def test_lb6_files_are_found_by_name(folders: LabFolders) -> None:
    script = static_file(folders, "main.0123456789abcdef.js")
    assert script is not None
    assert is_immutable(script)
    extension = extension_file(folders, "plots/static/remoteEntry.js")
    assert extension == folders.extensions[0] / "plots" / "static" / "remoteEntry.js"
    assert not is_immutable(extension)


def test_lb7_themes_of_extensions_come_too(folders: LabFolders) -> None:
    assert theme_file(folders, "@jupyterlab/light/index.css") is not None
    assert theme_file(folders, "plots/index.css") is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "index.html",
        "../themes/@jupyterlab/light/index.css",
        "a/../main.0123456789abcdef.js",
        "./main.0123456789abcdef.js",
        "//main.0123456789abcdef.js",
        "/etc/passwd",
        "..\\schemas",
        ".hidden",
        "main.0123456789abcdef.js\0",
        "main.0123456789abcdef.js/",
    ],
)
def test_lb6_no_name_leads_out(folders: LabFolders, name: str) -> None:
    assert static_file(folders, name) is None


def test_lb6_names_with_a_hash_are_kept_for_ever(folders: LabFolders) -> None:
    static = folders.app / "static"
    assert is_immutable(static / "0031b1860ea4ad75.woff")
    assert is_immutable(static / "1014.073326ef5d98db5e.js")
    assert is_immutable(static / "remoteEntry.5cbb9d2323598fbda535.js")
    assert not is_immutable(static / "third-party-licenses.json")


def test_lb7_a_theme_of_an_extension_that_is_a_link_is_found(folders: LabFolders, tmp_path: Path) -> None:
    # As `jupyter labextension develop` makes them.
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "themes" / "linked").mkdir(parents=True)
    (elsewhere / "themes" / "linked" / "index.css").write_text("a{}")
    folders.extensions[0].mkdir(parents=True, exist_ok=True)
    (folders.extensions[0] / "linked").symlink_to(elsewhere)

    assert theme_file(folders, "linked/index.css") is not None
