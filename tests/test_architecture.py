"""ARCHITECTURE.md's table of rooms holds for src/carnet, and the judge that says so sees what it should (AR1 to AR7)."""

import ast
from pathlib import Path

import pytest

from tools.architecture import Module, Room, Rules, faults, read_modules, read_rules

ROOT = Path(__file__).resolve().parent.parent

RULES = Rules(
    rooms=(
        Room("core", ours=(), packages=("msgspec",), never=("async", "io", "clock", "random", "logging")),
        Room("core.wire", ours=("core.text",), packages=("msgspec",), never=()),
        Room("storage", ours=("core.text",), packages=(), never=("async",)),
        Room("live", ours=("core", "storage.base"), packages=(), never=()),
    ),
    late=frozenset({"nbformat", "carnet.storage.swift"}),
)


def judged(**sources: str) -> list[str]:
    """Judge modules given as room__module="source"; `carnet.` is put before each name."""
    modules = {}
    for name, source in sources.items():
        dotted = "carnet." + name.replace("__", ".")
        modules[dotted] = Module(dotted, ast.parse(source))
    return faults(RULES, modules)


def test_the_house_keeps_its_own_rules() -> None:
    rules = read_rules((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))

    assert faults(rules, read_modules(ROOT / "src")) == []


def test_ar1_every_folder_is_a_room_and_every_room_a_folder_or_file() -> None:
    rules = read_rules((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    package = ROOT / "src" / "carnet"

    missing = [
        room.name
        for room in rules.rooms
        if not (package / room.name.replace(".", "/")).is_dir()
        and not (package / (room.name.replace(".", "/") + ".py")).is_file()
    ]

    assert missing == []


def test_ar1_a_module_outside_every_room() -> None:
    assert judged(utils="") == ["carnet.utils: is in no room of the table (AR1)"]


def test_ar2_a_leaf_imports_nothing_of_ours() -> None:
    assert judged(ids="from carnet.errors import CarnetError", errors="") == [
        "carnet.ids:1: a leaf imports nothing of ours, but this imports carnet.errors (AR2)"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "import carnet.live.session",
        "from carnet.live import session",
        "from carnet.live.session import Session",
        "from ..live.session import Session",
    ],
)
def test_ar3_an_arrow_that_is_not_in_the_table(line: str) -> None:
    found = judged(storage__files=line, live__session="")

    assert found == ["carnet.storage.files:1: storage may not import carnet.live.session (AR3)"]


def test_ar3_a_room_may_be_allowed_one_module_of_another() -> None:
    found = judged(live__session="import carnet.storage.base\nimport carnet.storage.files")

    assert found == ["carnet.live.session:2: live may not import carnet.storage.files (AR3)"]


def test_ar3_leaves_and_the_own_room_are_always_allowed() -> None:
    assert judged(live__session="import carnet.ids, carnet.live.registry, carnet.core.text.changes") == []


def test_ar4_a_package_that_is_not_in_the_table() -> None:
    found = judged(live__session="import json\nfrom tornado.web import Application")

    assert found == ["carnet.live.session:2: live may not import the package tornado (AR4)"]


@pytest.mark.parametrize(
    ("source", "word", "what"),
    [
        ("async def f(): ...", "async", "has AsyncFunctionDef"),
        ("import asyncio", "async", "imports asyncio"),
        ("import os.path", "io", "imports os.path"),
        ("open('x')", "io", "calls open()"),
        ("from urllib.request import urlopen", "io", "imports urllib.request"),
        ("from time import monotonic", "clock", "imports time"),
        ("from carnet.clock import SystemClock", "clock", "imports carnet.clock"),
        ("from carnet.ids import new_id\nnew_id()", "random", "calls new_id()"),
        ("import logging", "logging", "imports logging"),
    ],
)
def test_ar5_what_core_never_contains(source: str, word: str, what: str) -> None:
    line = source.count("\n") + 1

    found = judged(core__text=source, clock="", ids="")

    assert found == [f"carnet.core.text:{line}: core never contains {word}, but this {what} (AR5)"]


def test_ar5_the_nearest_row_rules() -> None:
    assert judged(core__wire__link="import time") == []


def test_ar6_late_imports_are_listed() -> None:
    found = judged(live__session="def f():\n    import json\n    import carnet.core.text")

    assert [sentence.rpartition(" ")[2] for sentence in found] == ["(AR6)", "(AR6)"]
    assert judged(storage__base="def f():\n    from carnet.storage.swift import Swift") == []


def test_ar7_no_cycles() -> None:
    found = judged(
        live__a="import carnet.live.b", live__b="import carnet.live.c", live__c="import carnet.live.a"
    )

    assert len(found) == 1
    assert found[0].startswith("import cycle: carnet.live.")
    assert found[0].endswith("(AR7)")


def test_ar7_types_may_go_round() -> None:
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import carnet.live.a"

    assert judged(live__a="import carnet.live.b", live__b=typed) == []
    # Other rules hold for them too: a type is a dependency.
    assert len(judged(storage__files=typed, live__a="")) == 1


def test_a_word_that_forbids_nothing_is_refused() -> None:
    markdown = (
        "| room | what | ours | packages | never |\n| - | - | - | - | - |\n| `core` | x | | | `magic` |\n"
    )

    with pytest.raises(ValueError, match="room core: nothing is known of never magic"):
        read_rules(markdown)
