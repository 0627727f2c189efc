"""What the documentation promises is there, and what is there is documented.

The reference pages are compared with the program: errors, settings, routes and
sub-commands each way. Every path that prose names must exist.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet import errors
from tools.reference import PAGES, REFERENCE, ROOT, Page

#: Made by building or by running, so prose may name them although a clone has none.
MADE = (
    "src/carnet/server/static/",
    ".carnet-dev/",
    "docs/_build/",
    "ui/node_modules/",
    "benchmarks/results/",
)

#: A path in backticks: it begins with one of these, or is a file at the top.
TOP_FOLDERS = ("src", "tests", "docs", "ui", "tools", "benchmarks", ".ci")
TOP_FILE = re.compile(r"[A-Za-z_]+\.(md|py|toml)")


def headings(page: Path) -> list[str]:
    """Return the headings of a page, without marks and backticks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [found.replace("`", "").strip() for found in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]


def prose() -> list[Path]:
    """Return every page of ours: those at the top, and all below docs/."""
    docs = [page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts]
    return sorted([*ROOT.glob("*.md"), *docs])


def paths_named(page: Path) -> Iterator[str]:
    """Yield what a page puts in backticks and looks like a path of the repository."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for named in re.findall(r"`([^`\s]+)`", text):
        if re.search(r"[<>{}*…$]", named) or "://" in named:
            continue
        if TOP_FILE.fullmatch(named) or (named.split("/")[0] in TOP_FOLDERS and "/" in named):
            yield named


def links_of(page: Path) -> Iterator[str]:
    """Yield the relative links of a page, without what comes after `#`."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if path and "://" not in path and not path.startswith("mailto:"):
            yield path


@pytest.mark.parametrize("page", prose(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_prose_names_exists(page: Path) -> None:
    missing = [
        named
        for named in paths_named(page)
        if not named.startswith(MADE) and f"{named}/" not in MADE and not (ROOT / named).exists()
    ]
    broken = [target for target in links_of(page) if not (page.parent / target).exists()]

    assert (missing, broken) == ([], [])


def test_paths_and_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`src/a.py` `README.md` `src/<name>.py` `/api/x` [a](b.md#c) [d](https://e)\n```\n`src/no.py`\n```\n"
    )

    assert list(paths_named(page)) == ["src/a.py", "README.md"]
    assert list(links_of(page)) == ["b.md"]


def test_every_error_is_in_the_reference_with_its_status() -> None:
    classes = [
        one
        for _, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, errors.CarnetError) and one.__module__ == errors.__name__
    ]

    documented = headings(REFERENCE / "errors.md")[1:]

    assert sorted(documented) == sorted(f"{one.__name__} ({one.status})" for one in classes)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_reference_pages_say_what_the_program_has(page: Page) -> None:
    """Settings, routes and sub-commands. `./run reference` writes the pages anew."""
    documented = page.path.read_text(encoding="utf-8") if page.path.exists() else None

    assert documented == (page.text() if page.has_source() else None)
