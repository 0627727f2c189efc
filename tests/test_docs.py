"""What the documentation promises is there, and what is there is documented.

The reference pages are compared with the program: errors, settings, routes and
sub-commands each way. Every path that prose names must exist, and every rule
that code names must be written down.
"""

import inspect
import pkgutil
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import carnet.testing
from carnet import errors
from carnet.config.load import FILE_NAMES
from carnet.server.managers import OURS
from carnet.server.routes import ROUTES
from carnet.storage.base import NotebookManager
from tests.server.authorisation import line_of, row_of, what_tabs_say, written_needs, written_rows
from tools.reference import PAGES, REFERENCE, ROOT, Page

#: Made by building or by running, so prose may name them although a clone has none.
MADE = (
    "src/carnet/server/static/",
    ".carnet-dev/",
    "docs/_build/",
    "ui/node_modules/",
    "benchmarks/results/",
)

EXTENSION_POINTS = REFERENCE / "extension-points.md"

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


def names_in(page: Path, pattern: str) -> set[str]:
    """Return what stands in backticks on a page and fits the pattern."""
    return {
        one
        for one in re.findall(r"`([^`\s]+)`", page.read_text(encoding="utf-8"))
        if re.fullmatch(pattern, one)
    }


def test_extension_points_name_every_method_of_a_notebook_manager() -> None:
    methods = {
        name
        for name, one in vars(NotebookManager).items()
        if inspect.isfunction(one) and not name.startswith("_")
    }
    rows = re.findall(r"^\| (`[^|]+`) \|", EXTENSION_POINTS.read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}

    assert named == methods


def test_extension_points_name_the_modules_for_testing() -> None:
    ours = {f"carnet.testing.{one.name}" for one in pkgutil.iter_modules(carnet.testing.__path__)}

    assert names_in(EXTENSION_POINTS, r"carnet\.testing\.\w+") == ours


def test_extension_points_name_the_configuration_files_in_order() -> None:
    text = EXTENSION_POINTS.read_text(encoding="utf-8")

    assert tuple(re.findall(r"^- \*(\w+_config\.(?:py|json))\*$", text, re.MULTILINE)) == FILE_NAMES


def test_the_managers_that_come_with_carnet_are_in_the_guide() -> None:
    guide = ROOT / "docs" / "howto" / "use-another-notebook-store.md"

    assert names_in(guide, r"carnet\.storage\.[\w.]+") == {f"{one.__module__}.{one.__name__}" for one in OURS}


def rules_of(page: Path) -> list[str]:
    """Return the numbered rules that a page lays down, as `**LV17**` or `**LV17, title.**`."""
    return re.findall(r"\*\*([A-Z]{2}\d+)\b", page.read_text(encoding="utf-8"))


def rules_tested(file: Path) -> set[str]:
    """Return the rules in the names of a file's tests: `def test_lv17_...`, or `test("lk21 ...")` in TypeScript."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        names = re.findall(r"def (test_\w+)", text)
        found = re.findall(r"(?<=_)([a-z]{2}\d+)(?=_)", " ".join(names))
    else:
        names = re.findall(r"\btest(?:\.\w+)?(?:\(\[[^\]]*\]\))?\(\s*[\"'`]([^\"'`]*)", text)
        found = re.findall(r"\b([A-Za-z]{2}\d+)\b", " ".join(names))
    return {rule.upper() for rule in found}


def rules_named(file: Path) -> set[str]:
    """Return the rules that a source file names, in its text (LV17) or in the name of a test."""
    return {*re.findall(r"\b([A-Z]{2}\d+)\b", file.read_text(encoding="utf-8")), *rules_tested(file)}


def test_rules_in_names_of_tests_are_found(tmp_path: Path) -> None:
    python, script = tmp_path / "test_a.py", tmp_path / "a.test.ts"
    python.write_text(
        'def test_lv1_sv2_that() -> None:\n    """LV9."""\nasync def test_km_200_mb() -> None: ...\n'
    )
    script.write_text('// LK9\ntest("lk1 XS22 that", () => {\n  test(`hl3 (${down})`, async () => {\n')

    assert rules_tested(python) == {"LV1", "SV2"}
    assert rules_tested(script) == {"LK1", "XS22", "HL3"}


RULES = Counter(
    rule
    for page in [ROOT / "ARCHITECTURE.md", *(ROOT / "docs" / "specs").glob("*.md")]
    for rule in rules_of(page)
)

#: What the rules begin with; S1 and the like are sentences of the original.
PREFIXES = {rule.rstrip("0123456789") for rule in RULES}


def test_each_rule_has_one_number() -> None:
    assert [rule for rule, count in RULES.items() if count > 1] == []


def test_every_rule_has_a_test_that_carries_its_number() -> None:
    # What managers must keep is in the suite that is shipped for them.
    files = [
        *(ROOT / "tests").rglob("test_*.py"),
        *(ROOT / "src" / "carnet" / "testing").glob("*.py"),
        *(ROOT / "ui" / "src").rglob("*.test.ts*"),
    ]

    tested = set().union(*map(rules_tested, files))

    assert sorted(set(RULES) - tested) == []


@pytest.mark.parametrize("folder", ["src", "tests", "ui/src", "tools", "benchmarks"])
def test_every_rule_that_code_names_is_written_down(folder: str) -> None:
    files = [
        file
        for ending in ("*.py", "*.ts", "*.tsx")
        for file in (ROOT / folder).rglob(ending)
        if "static" not in file.parts
    ]

    unknown = {
        str(file.relative_to(ROOT)): sorted(gone)
        for file in files
        if (
            gone := {rule for rule in rules_named(file) if rule.rstrip("0123456789") in PREFIXES} - set(RULES)
        )
    }

    assert files
    assert unknown == {}


def test_every_rule_that_prose_names_is_written_down() -> None:
    unknown = {
        str(page.relative_to(ROOT)): sorted(gone)
        for page in prose()
        if (
            gone := {rule for rule in rules_named(page) if rule.rstrip("0123456789") in PREFIXES} - set(RULES)
        )
    }

    assert unknown == {}


def test_the_index_of_specifications_has_each_page_with_its_rules() -> None:
    specs = ROOT / "docs" / "specs"
    pages = {page.name: {rule.rstrip("0123456789") for rule in rules_of(page)} for page in specs.glob("*.md")}
    index = (specs / "index.md").read_text(encoding="utf-8")

    rows = {
        name: set(rules.split())
        for rules, name in re.findall(r"^\| ([A-Z ]+) \| .*\((\S+\.md)\)", index, re.MULTILINE)
    }

    assert rows == {name: rules for name, rules in pages.items() if name != "index.md"}


def test_the_guide_to_the_tests_has_every_mark() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    marks = {one.partition(":")[0] for one in settings["tool"]["pytest"]["ini_options"]["markers"]}
    guide = (ROOT / "docs" / "howto" / "run-the-tests.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE)) == marks


def test_az1_each_route_has_its_row() -> None:
    declared = {route.pattern: row_of(route) for route in ROUTES}
    missing = [line_of(row) for pattern, row in declared.items() if written_rows().get(pattern) != row]
    gone = sorted(set(written_rows()) - set(declared))
    hint = "docs/specs/authorisation.md, under Routes, lacks (or has otherwise):\n" + "\n".join(missing)
    assert not missing, hint
    assert not gone, f"docs/specs/authorisation.md has rows of routes that are not there: {gone}"


def test_az1_each_wish_of_a_tab_has_its_row() -> None:
    missing = [
        f"| {name} | read, run, edit or admin |" for name in set(what_tabs_say()) - set(written_needs())
    ]
    gone = sorted(set(written_needs()) - set(what_tabs_say()))
    assert not missing, "docs/specs/authorisation.md, under The link, lacks:\n" + "\n".join(missing)
    assert not gone, f"docs/specs/authorisation.md has rows of what no tab says: {gone}"
