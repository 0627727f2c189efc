"""Write ui/src/core/wire.ts: the link's frames and the session's types, for the page.

    python -m tools.make_ts_types           writes the file
    python -m tools.make_ts_types --check   exits with 1 when the file is not up to date

Walks what `link.ToServer` and `link.ToBrowser` reach, and the kernel's answers.
Every field is required, since both sides send them all, except in structs that
leave defaults out (`omit_defaults`). Names stay as they are on the wire.
"""

import ast
import inspect
import itertools
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import msgspec

from carnet import ids
from carnet.core.notebook import model
from carnet.core.session import intents, operations, state
from carnet.core.text import changes
from carnet.core.wire import host, kernel, link

TARGET = Path(__file__).resolve().parent.parent / "ui" / "src" / "core" / "wire.ts"

MODULES: tuple[ModuleType, ...] = (ids, model, changes, state, operations, intents, link, kernel, host)
"""Where names for unions, literals and ids are looked for, and the order of the file."""

ROOTS: tuple[object, ...] = (
    link.ToServer,
    link.ToBrowser,
    state.Refusal,
    intents.Intent,
    kernel.CompleteReplyContent,
    kernel.InspectReplyContent,
    kernel.IsCompleteReplyContent,
)

CONSTANTS: tuple[tuple[ModuleType, str], ...] = (
    (link, "PROTOCOL"),
    (link, "FIRST_CELLS"),
    (link, "MORE_CELLS"),
    (state, "BIN_LIMIT"),
)

HEADER = """\
// biome-ignore-all format: generated
/**
 * The frames between page and server, and the session's state, as they are on the wire.
 *
 * Written by tools/make_ts_types.py from src/carnet/core: change it there. A test keeps the two alike.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** `ChangeSet.toJSON()`: `n` keeps n units; `[n, line, ...]` replaces n units by the lines. */
export type ChangeJson = readonly (number | readonly (number | string)[])[];
"""

PLAIN: dict[object, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    bytes: "Uint8Array",
    types.NoneType: "null",
    typing.Any: "Json",
    msgspec.Raw: "unknown",
}


class Writer:
    """Collects the declarations that the roots need."""

    def __init__(self) -> None:
        self.declared: dict[str, str] = {}
        self._owner: dict[str, object] = {}
        self._aliases = _aliases()
        self._docs = {module.__name__: _field_docs(module) for module in MODULES}

    def text(self) -> str:
        for root in ROOTS:
            self._expression(root)
        constants = [f"export const {name} = {getattr(module, name)};" for module, name in CONSTANTS]
        order = {name: n for n, name in enumerate(_names_in_order())}
        declarations = [self.declared[name] for name in sorted(self.declared, key=order.__getitem__)]
        return "\n".join([HEADER, *constants, "", "\n\n".join(declarations), ""])

    def _expression(self, hint: object) -> str:
        """Return the TypeScript for a Python annotation, declaring what it names."""
        name = self._aliases.get(_key(hint))
        if name == "ChangeJson":
            return name
        if name is not None:
            self._declare(name, hint, lambda: self._alias(name, hint))
            return name
        return self._anonymous(hint)

    def _anonymous(self, hint: object) -> str:
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            self._declare(hint.__name__, hint, lambda: self._struct(hint))
            return hint.__name__
        if hint in PLAIN:
            return PLAIN[hint]
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return " | ".join(self._expression(argument) for argument in arguments)
        if origin is typing.Literal:
            return " | ".join(f'"{argument}"' for argument in arguments)
        if origin is dict:
            return f"Readonly<Record<{self._expression(arguments[0])}, {self._expression(arguments[1])}>>"
        if origin is list or (origin is tuple and arguments[1:] == (Ellipsis,)):
            item = self._expression(arguments[0])
            return f"readonly ({item})[]" if " " in item else f"readonly {item}[]"
        raise TypeError(f"no TypeScript is known for {hint!r}")

    def _declare(self, name: str, hint: object, write: Callable[[], str]) -> None:
        owner = self._owner.setdefault(name, hint)
        if _key(owner) != _key(hint):
            raise TypeError(f"two types are called {name}: {owner!r} and {hint!r}")
        if name not in self.declared:
            self.declared[name] = ""  # it may reach itself
            self.declared[name] = write()

    def _alias(self, name: str, hint: object) -> str:
        if isinstance(hint, typing.NewType):
            doc = self._docs[ids.__name__].get(name, "")
            return f"{_comment(doc, '')}export type {name} = string;"
        members = typing.get_args(hint)
        if typing.get_origin(hint) is typing.Literal:
            doc = next((docs[name] for docs in self._docs.values() if name in docs), "")
            return f"{_comment(doc, '')}export type {name} = {self._anonymous(hint)};"
        lines = [f"  | {self._expression(member)}" for member in members]
        return "\n".join([f"export type {name} =", *lines]) + ";"

    def _struct(self, struct: type[msgspec.Struct]) -> str:
        config = struct.__struct_config__
        if config.array_like:
            raise TypeError(f"{struct.__name__} is array_like: no page reads that")
        lines: list[str] = []
        if config.tag_field is not None:
            lines.append(f'  readonly {config.tag_field}: "{config.tag}";')
        hints = typing.get_type_hints(struct, include_extras=True)
        docs = self._docs[struct.__module__]
        for field in msgspec.structs.fields(struct):
            optional = "?" if config.omit_defaults and not field.required else ""
            comment = _comment(docs.get(f"{struct.__name__}.{field.name}", ""), "  ")
            lines.append(
                f"{comment}  readonly {field.encode_name}{optional}: {self._expression(hints[field.name])};"
            )
        head = f"{_comment(inspect.getdoc(struct) or '', '')}export interface {struct.__name__} {{"
        return "\n".join([head, *lines, "}"])


def _key(hint: object) -> object:
    """A union's key does not depend on how it was written (`A | B` or `Union[A, B]`)."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return frozenset(typing.get_args(hint))
    return hint


def _aliases() -> dict[object, str]:
    """Return what has a name of its own in the modules: ids, literals, unions of structs, ChangeJson."""
    found: dict[object, str] = {}
    for module in MODULES:
        for name, value in vars(module).items():
            origin = typing.get_origin(value)
            is_struct_union = origin in (typing.Union, types.UnionType) and all(
                isinstance(part, type) and issubclass(part, msgspec.Struct) for part in typing.get_args(value)
            )
            if (
                isinstance(value, typing.NewType)
                or origin is typing.Literal
                or is_struct_union
                or name == "ChangeJson"
            ):
                found.setdefault(_key(value), name)
    return found


def _statements(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _field_docs(module: ModuleType) -> dict[str, str]:
    """Return the strings that follow assignments: `Name`, and `Class.field`."""
    docs = dict(_following_strings(_statements(module)))
    for node in _statements(module):
        if isinstance(node, ast.ClassDef):
            docs |= {f"{node.name}.{name}": doc for name, doc in _following_strings(node.body)}
    return docs


def _following_strings(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, after in itertools.pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if (
            isinstance(target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            yield target.id, inspect.cleandoc(after.value.value)


def _names_in_order() -> list[str]:
    """Return the names as the modules define them, which is the order of the file."""
    names: list[str] = []
    for module in MODULES:
        for node in _statements(module):
            if isinstance(node, ast.ClassDef):
                names.append(node.name)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.append(node.targets[0].id)
    return list(dict.fromkeys(names))


def _comment(doc: str, indent: str) -> str:
    if not doc:
        return ""
    lines = doc.replace("*/", "* /").splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def main(arguments: list[str]) -> int:
    text = Writer().text()
    if arguments == ["--check"]:
        if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TARGET.name} is not up to date: run python -m tools.make_ts_types")
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
