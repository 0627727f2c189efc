"""Write the reference pages that are made from the program: `./run reference`.

One source for each page: the table of settings, the table of routes, the table
of sub-commands, the first words of each source file. The pages are committed, so that they can be read without
building anything, and tests/test_docs.py compares them with what this gives.
"""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from traitlets import TraitType, Undefined
from traitlets.config import Configurable

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"

#: Packages in which classes with settings may be.
CONFIGURABLE = ("carnet.config", "carnet.storage")


@dataclass(frozen=True)
class Page:
    """A page made from a module's table."""

    name: str
    module: str
    text: Callable[[], str]

    @property
    def path(self) -> Path:
        return REFERENCE / self.name

    def has_source(self) -> bool:
        """Return whether the module is there."""
        return importlib.util.find_spec(self.module) is not None


def settings_page() -> str:
    """Return the page of all settings, the server's first."""
    parts = [
        "# Settings",
        "",
        "Each can stand in a configuration file, which is Python, as `c.CLASS.NAME = value`. Those of `NotebookApp` can be",
        "given on the command line too, as `--NotebookApp.NAME=value` or `--NAME=value`.",
    ]
    for one in configurables():
        parts += [f"\n## `{one.__name__}`", f"\n{first_paragraph(one)}"]
        for name, trait in sorted(own_settings(one).items()):
            what = type(trait).__name__.lower()
            parts.append(
                f"\n### `{one.__name__}.{name}`\n\n*{KINDS.get(what, what)}. {default_of(trait)}*\n\n{trait.help}"
            )
    return "\n".join(parts) + "\n"


#: traitlets' types, in words.
KINDS: Mapping[str, str] = {
    "bool": "True or False",
    "dict": "A dictionary",
    "float": "A number",
    "int": "A whole number",
    "integer": "A whole number",
    "list": "A list",
    "unicode": "Text",
    "union": "Text, or a class",
}


def configurables() -> list[type[Configurable]]:
    """Return our classes that have settings: the server's first, then by name."""
    found = {
        one
        for package in CONFIGURABLE
        for module in modules_of(package)
        for _, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, Configurable) and one.__module__ == module.__name__ and own_settings(one)
    }
    return sorted(found, key=lambda one: (one.__name__ != "NotebookApp", one.__name__))


def own_settings(configurable: type[Configurable]) -> Mapping[str, TraitType[object, object]]:
    """Return the settings that this class adds, or sets anew, over those it extends."""
    traits = configurable.class_traits(config=True)
    return {name: trait for name, trait in traits.items() if name in vars(configurable)}


def default_of(trait: TraitType[object, object]) -> str:
    """Return what is so when nothing is set, in words."""
    value = trait.default()
    return "Default: see below." if value is Undefined else f"Default: `{value!r}`."


def modules_of(package: str) -> Iterator[ModuleType]:
    """Import and yield a package, and the modules in it."""
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.iter_modules(root.__path__, f"{package}."):
        yield importlib.import_module(info.name)


def routes_page() -> str:
    """Return the page of all routes, in the order in which they are tried."""
    from carnet.server.routes import ROUTES

    rows = [
        [f"`/{route.pattern}`", route.methods, route.who.value, first_paragraph(route.load())]
        for route in ROUTES
    ]
    return "\n".join(
        [
            "# Routes",
            "",
            "Every address of the server, below its base URL, as a regular expression. Whoever is not named under *who* is",
            "refused; there is no route without that column, and no anonymous write.",
            "",
            *markdown_table(["address", "methods", "who", "what"], rows),
            "",
        ]
    )


def commands_page() -> str:
    """Return the page of all sub-commands."""
    from carnet.cli.main import COMMANDS

    parts = [
        "# Sub-commands",
        "",
        "`carnet` alone starts the server. `carnet COMMAND --help` has the options of each. `jupyter carnet` is the same",
        "program.",
    ]
    for name, (module, what) in COMMANDS.items():
        importlib.import_module(f"carnet.cli.{module}")  # a sub-command that is not there is not documented
        parts += ["", f"## `carnet {name}`", "", what]
    return "\n".join(parts) + "\n"


#: What of the repository the code map shows: folder, files in it, and what is left out.
CODE = (
    (ROOT / "src" / "carnet", ("*.py",), ("server/static",)),
    (ROOT / "ui" / "src", ("*.ts", "*.tsx"), ()),
)


def code_map_page() -> str:
    """Return the page with every source file and the first words of its own first comment, folder by folder."""
    parts = [
        "# Code map",
        "",
        "Every source file, by folder, and what it says of itself in its first lines. What the folders are for and what each",
        "may import stands in `ARCHITECTURE.md`; tests mirror the files below `tests/`, and for the page beside them.",
    ]
    for root, patterns, left_out in CODE:
        files = {
            path: what
            for pattern in patterns
            for path in root.rglob(pattern)
            if not path.relative_to(root).as_posix().startswith(left_out) and ".test." not in path.name
            if (what := first_words(path))
        }
        folders = sorted({path.parent for path in files})
        for folder in folders:
            rows = [
                [f"`{path.relative_to(ROOT).as_posix()}`", what]
                for path, what in sorted(files.items())
                if path.parent == folder
            ]
            parts += [
                "",
                f"## `{folder.relative_to(ROOT).as_posix()}`",
                "",
                *markdown_table(["file", "what it is for"], rows),
            ]
    return "\n".join(parts) + "\n"


def first_words(path: Path) -> str:
    """Return the first paragraph of a source file's docstring or first comment, on one line; empty: it has none."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        said = ast.get_docstring(ast.parse(text)) or ""
    else:
        comment = re.match(r"(?:\s|//.*\n)*/\*\*(.*?)\*/", text, re.DOTALL)
        said = re.sub(r"^[ \t]*\*[ \t]?", "", comment[1], flags=re.MULTILINE) if comment else ""
    return " ".join(re.split(r"\n[ \t]*\n", said.strip())[0].split())


def first_paragraph(thing: object) -> str:
    """Return the first paragraph of a docstring, on one line.

    Raises:
        ValueError: there is none.
    """
    text = inspect.getdoc(thing)
    if not text:
        raise ValueError(f"{thing!r} has no docstring, which would stand in the reference")
    return " ".join(text.split("\n\n")[0].split())


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


PAGES = (
    Page("settings.md", "carnet.config.app", settings_page),
    Page("routes.md", "carnet.server.routes", routes_page),
    Page("commands.md", "carnet.cli.main", commands_page),
    Page("code-map.md", "carnet", code_map_page),
)


def main() -> None:
    for page in PAGES:
        if page.has_source():
            page.path.write_text(page.text(), encoding="utf-8")
            print(page.path.relative_to(ROOT), file=sys.stderr)


if __name__ == "__main__":
    main()
