"""The written authorisation table, docs/specs/authorisation.md, as values; and the row that a new route lacks."""

import re
import typing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from carnet.core.session import intents
from carnet.core.wire import link
from carnet.security.access import SAFE_METHODS, Who
from carnet.server.routes import Route

PAGE = Path(__file__).resolve().parents[2] / "docs" / "specs" / "authorisation.md"

#: What stands in a pattern for a part of the address, and an address that fits. The first that fits is taken.
_PARTS = (
    (r"((?:/.*)?)", "/a.txt"),
    (r"(/.*)?", "/a.ipynb"),
    (r"([0-9A-Za-z_-]{1,64})", "abc"),
    (r"(\w{1,64})", "1"),
    (r"([^/]+)", "nope"),
    (r"(.+)", "a.txt"),
    ("?", ""),
    ("\\", ""),
)


@dataclass(frozen=True)
class Row:
    """One route, as it is written down."""

    pattern: str
    example: str
    who: str
    kind: str
    look: str
    change: str
    methods: str


def written_rows() -> dict[str, Row]:
    """Return the table of routes, by pattern."""
    rows = [Row(*cells) for cells in _table("Routes")]
    return {row.pattern: row for row in rows}


def written_needs() -> dict[str, str]:
    """Return the table of what a tab says on its link: by tag, the scope it needs."""
    return {row[0]: row[1] for row in _table("The link")}


def row_of(route: Route) -> Row:
    """Return the row that says what this route declares; `example` is a guess where none is written."""
    changes = set(route.methods.split()) - SAFE_METHODS
    looks = set(route.methods.split()) & SAFE_METHODS
    is_public = route.who is Who.PUBLIC
    writes = route.writes.value if route.writes else ""
    return Row(
        pattern=route.pattern,
        example=_example(route),
        who=route.who.value,
        kind=route.kind.value,
        look="" if not looks or is_public else route.reads.value,
        change="" if not changes or is_public else writes,
        methods=route.methods,
    )


def line_of(row: Row) -> str:
    """Return a row as it stands in the page."""
    cells = (f"`{row.pattern}`", f"`{row.example}`", row.who, row.kind, row.look, row.change, row.methods)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def members(union: object) -> tuple[type[msgspec.Struct], ...]:
    """Return the classes of a union of frames."""
    return typing.get_args(union)


def tag_of(kind: type[msgspec.Struct]) -> str:
    """Return what a frame, intent or question is called on the wire."""
    tag = kind.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def what_tabs_say() -> dict[str, type[msgspec.Struct]]:
    """Return every intent, question and terminal, by how the table calls it."""
    found = {f"intent {tag_of(kind)}": kind for kind in members(intents.IntentBody)}
    found |= {f"question {tag_of(kind)}": kind for kind in members(link.Question)}
    return found | {f"terminal {tag_of(link.Attach)}": link.Attach}


def _example(route: Route) -> str:
    written = written_rows().get(route.pattern)
    if written is not None:
        return written.example
    guess = route.pattern
    for part, address in _PARTS:
        guess = guess.replace(part, address)
    return guess if route.path.fullmatch(guess) else "AN ADDRESS THAT MATCHES"


def _table(heading: str) -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8")
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [
        [cell.strip().strip("`").replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines[2:]
    ]
