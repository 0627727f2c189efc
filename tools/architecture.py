"""Hold the tables of ARCHITECTURE.md against the syntax trees of src/carnet.

The tables are the rule and this is only the judge: it reads which rooms there
are, what each may import and never contains, and which packages may be
imported late, and returns one sentence for each place that breaks a rule. It
never imports what it judges.

Rules AR1 to AR7: ARCHITECTURE.md, "Rooms".
"""

import ast
import graphlib
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "carnet"

#: What every room may use, and which import nothing of ours.
LEAVES = ("ids", "errors", "clock")


@dataclass(frozen=True)
class Never:
    """What a word in the column "never" forbids."""

    modules: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    """Plain names that must not be called."""
    nodes: tuple[type[ast.AST], ...] = ()


NEVER: Mapping[str, Never] = {
    "async": Never(
        modules=frozenset({"asyncio", "concurrent", "contextvars", "selectors"}),
        nodes=(ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await),
    ),
    "io": Never(
        modules=frozenset(
            {
                "fcntl",
                "glob",
                "http",
                "io",
                "mmap",
                "multiprocessing",
                "os",
                "pathlib",
                "select",
                "shutil",
                "signal",
            }
            | {"socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib.request"}
        ),
        calls=frozenset({"input", "open", "print"}),
    ),
    "clock": Never(modules=frozenset({"carnet.clock", "datetime", "time"})),
    "random": Never(
        modules=frozenset({"random", "secrets", "uuid"}), calls=frozenset({"new_cell_id", "new_id"})
    ),
    "logging": Never(modules=frozenset({"logging", "warnings"})),
    "http": Never(modules=frozenset({"http", "socketserver", "urllib.request", "wsgiref"})),
    "processes": Never(modules=frozenset({"multiprocessing", "subprocess"})),
}


@dataclass(frozen=True)
class Room:
    """One row of the table of rooms."""

    name: str
    ours: tuple[str, ...]
    packages: tuple[str, ...]
    never: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """What ARCHITECTURE.md says."""

    rooms: tuple[Room, ...]
    late: frozenset[str]
    """What may be imported inside a function: packages of others, or modules of ours."""

    def room_of(self, module: str) -> Room | None:
        """Return the room a module is in: the one with the longest fitting name, or None."""
        fitting = [room for room in self.rooms if is_in(module, f"{PACKAGE}.{room.name}")]
        return max(fitting, key=lambda room: len(room.name), default=None)


@dataclass(frozen=True)
class Module:
    """One source file, by its dotted name."""

    name: str
    tree: ast.Module
    is_package: bool = False


@dataclass(frozen=True)
class Import:
    """One imported module, and where."""

    target: str
    line: int
    late: bool
    """Inside a function."""
    typing_only: bool = False
    """Below `if TYPE_CHECKING:`, so it does not happen when the program runs."""


def is_in(module: str, package: str) -> bool:
    """Return whether the module is the package or below it."""
    return module == package or module.startswith(f"{package}.")


def read_rules(markdown: str) -> Rules:
    """Read the tables whose first headings are `room` and `imported late`.

    Raises:
        ValueError: a table is missing, or a word in it means nothing.
    """
    rooms = tuple(
        Room(_ticked(row[0])[0], _ticked(row[2]), _ticked(row[3]), _ticked(row[4]))
        for row in table(markdown, "room")
    )
    for room in rooms:
        unknown = [word for word in room.never if word not in NEVER]
        if unknown:
            raise ValueError(
                f"ARCHITECTURE.md: room {room.name}: nothing is known of never {', '.join(unknown)}"
            )
    late = frozenset(name for row in table(markdown, "imported late") for name in _ticked(row[0]))
    return Rules(rooms, late)


def table(markdown: str, first_heading: str) -> Sequence[list[str]]:
    """Return the rows of the Markdown table whose first column has this heading.

    Raises:
        ValueError: there is none.
    """
    lines = iter(markdown.splitlines())
    for line in lines:
        if _cells(line)[:1] == [first_heading]:
            next(lines)  # the rule below the headings
            rows = []
            for row in lines:
                if not row.startswith("|"):
                    break
                rows.append(_cells(row))
            return rows
    raise ValueError(f"there is no table with the first heading {first_heading!r}")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def _ticked(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def read_modules(source: Path) -> Mapping[str, Module]:
    """Parse every Python file below `source`, the folder that holds the package `carnet`."""
    modules = {}
    for path in sorted((source / PACKAGE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = Module(name, ast.parse(path.read_text(encoding="utf-8"), str(path)), is_package)
    return modules


def imports_of(module: Module, known: Collection[str]) -> Iterator[Import]:
    """Yield every import of a module; `from a import b` counts as a.b where that is a module of ours."""
    late = _ids_below(module.tree, lambda node: isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    typing_only = _ids_below(
        module.tree, lambda node: isinstance(node, ast.If) and _is_type_checking(node.test)
    )
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, id(node) in late, id(node) in typing_only)
        elif isinstance(node, ast.ImportFrom):
            base = _base_of(module, node)
            for alias in node.names:
                longer = f"{base}.{alias.name}"
                target = longer if longer in known else base
                yield Import(target, node.lineno, id(node) in late, id(node) in typing_only)


def _ids_below(tree: ast.Module, is_root: Callable[[ast.AST], bool]) -> set[int]:
    return {id(inner) for root in ast.walk(tree) if is_root(root) for inner in ast.walk(root)}


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _base_of(module: Module, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - 1 if module.is_package else node.level
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def faults(rules: Rules, modules: Mapping[str, Module]) -> list[str]:
    """Return one sentence for each place that breaks a rule, in order of module and line."""
    found: list[str] = []
    for module in modules.values():
        found.extend(_faults_of(rules, module, modules))
    return [*found, *cycles(modules)]


def _faults_of(rules: Rules, module: Module, known: Mapping[str, Module]) -> Iterator[str]:
    imports = sorted(set(imports_of(module, known)), key=lambda one: (one.line, one.target))
    leaf = module.name.removeprefix(f"{PACKAGE}.") in LEAVES
    room = rules.room_of(module.name)
    if room is None and not leaf:
        if not module.is_package:
            yield f"{module.name}: is in no room of the table (AR1)"
        elif imports:
            yield f"{module.name}:{imports[0].line}: a package above rooms imports nothing (AR1)"
        return
    for one in imports:
        where = f"{module.name}:{one.line}: "
        if is_in(one.target, PACKAGE):
            if leaf:
                yield f"{where}a leaf imports nothing of ours, but this imports {one.target} (AR2)"
            elif room is not None and not _may_import(room, one.target):
                yield f"{where}{room.name} may not import {one.target} (AR3)"
        elif room is not None and not _is_stdlib(one.target):
            package = one.target.partition(".")[0]
            if package not in room.packages:
                yield f"{where}{room.name} may not import the package {package} (AR4)"
        if one.late and not any(is_in(one.target, name) for name in rules.late):
            yield f"{where}{one.target} is imported inside a function, and is not in the table of late ones (AR6)"
    if room is not None:
        for word in room.never:
            for line, what in _uses(module, imports, NEVER[word]):
                yield f"{module.name}:{line}: {room.name} never contains {word}, but this {what} (AR5)"


def _may_import(room: Room, target: str) -> bool:
    if target == PACKAGE or any(target == f"{PACKAGE}.{leaf}" for leaf in LEAVES):
        return True
    return any(is_in(target, f"{PACKAGE}.{name}") for name in (room.name, *room.ours))


def _is_stdlib(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _uses(module: Module, imports: Sequence[Import], never: Never) -> Iterator[tuple[int, str]]:
    for one in imports:
        if any(is_in(one.target, name) for name in never.modules):
            yield one.line, f"imports {one.target}"
    for node in ast.walk(module.tree):
        if isinstance(node, never.nodes):
            yield getattr(node, "lineno", 0), f"has {type(node).__name__}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in never.calls:
            yield node.lineno, f"calls {node.func.id}()"


def cycles(modules: Mapping[str, Module]) -> list[str]:
    """Return a sentence for a cycle among the imports that happen at run time, if there is one (AR7)."""
    graph = {
        name: {
            one.target
            for one in imports_of(module, modules)
            if one.target in modules and one.target != name and not one.typing_only
        }
        for name, module in modules.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [f"import cycle: {' -> '.join(error.args[1])} (AR7)"]
    return []
