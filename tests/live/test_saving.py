"""Rules SV1 to SV8, SV12, SV15, LV27, LV29: docs/specs/live.md."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carnet.core.session.intents import ChangeSourceFrom, Edit, SaveNow
from carnet.core.session.operations import SetMetadata
from carnet.core.text.changes import diff
from carnet.errors import JournalFull
from carnet.ids import CellId
from carnet.journal.store import JournalStore
from carnet.live.session import Session
from carnet.storage.base import NotebookManager
from tests.conftest import ExpectLog
from tests.live.conftest import PATH, Tab, World, until, write_notebook

MANY = 3000
"""Cells of which a change of all comes in several portions."""


def sources(folder: Path, name: str = "a.ipynb") -> list[str]:
    notebook = json.loads((folder / name).read_bytes())
    return ["".join(cell["source"]) for cell in notebook["cells"]]


def saved(session: Session) -> bool:
    return not session.saver.unsaved


async def type_into(tab: Tab, session: Session, cell_id: str, source: str) -> None:
    cell = session.state.cells[CellId(cell_id)]
    changes = diff(cell.cell.source, source).to_json()
    await tab.intend(Edit(edits=(ChangeSourceFrom(CellId(cell_id), cell.version, changes),)))


async def test_sv1_a_change_is_in_the_file_by_itself(world: World) -> None:
    write_notebook(world.notebooks, "1")
    session = await world.start().open(PATH)

    await Tab(session).insert("n1", "print('né')", after="c1")
    await until(session, lambda: saved(session))

    assert sources(world.notebooks) == ["1", "print('né')"]
    assert session.state.saved.problem == ""


async def test_sv3_an_outside_change_is_merged_and_both_sides_stay(world: World) -> None:
    write_notebook(world.notebooks, "one", "two", "three")
    session = await world.start().open(PATH)
    tab = Tab(session)

    session.saver.hold = True
    await type_into(tab, session, "c1", "one of ours")
    write_notebook(world.notebooks, "one", "two", "three of theirs")
    session.saver.hold = False
    await tab.intend(SaveNow())
    await until(session, lambda: saved(session) and "theirs" in session.state.cells[CellId("c3")].cell.source)

    assert sources(world.notebooks) == ["one of ours", "two", "three of theirs"]


async def test_sv3_an_outside_change_is_seen_while_someone_looks(world: World) -> None:
    write_notebook(world.notebooks, "one")
    session = await world.start().open(PATH)

    write_notebook(world.notebooks, "one", "more")
    await until(session, lambda: len(session.state.order) == 2)

    assert saved(session)
    assert sources(world.notebooks) == ["one", "more"]


async def test_sv3_the_same_cell_changed_twice_keeps_both_texts(world: World) -> None:
    write_notebook(world.notebooks, "x = 1")
    session = await world.start().open(PATH)
    tab = Tab(session)

    session.saver.hold = True
    await type_into(tab, session, "c1", "x = 'ours'")
    write_notebook(world.notebooks, "x = 'theirs'")
    session.saver.hold = False
    await tab.intend(SaveNow())
    await until(session, lambda: len(session.state.order) == 2 and saved(session))

    assert sources(world.notebooks) == ["x = 'ours'", "x = 'theirs'"]


async def test_sv4_a_file_that_is_no_notebook_any_more_is_not_touched(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("cannot be read as a notebook", logger="carnet.live.save")
    write_notebook(world.notebooks, "one")
    session = await world.start().open(PATH)

    (world.notebooks / "a.ipynb").write_text("half a noteb")
    await Tab(session).insert("n1", "mine")
    await until(session, lambda: session.state.saved.problem != "")

    assert (world.notebooks / "a.ipynb").read_text() == "half a noteb"
    assert session.state.cells[CellId("n1")].cell.source == "mine"


async def test_sv5_a_file_that_is_gone_comes_back_only_when_asked(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("The file is gone", logger="carnet.live.save")
    write_notebook(world.notebooks, "one")
    session = await world.start().open(PATH)

    (world.notebooks / "a.ipynb").unlink()
    await Tab(session).insert("n1", "mine", after="c1")
    await until(session, lambda: "gone" in session.state.saved.problem)
    assert not (world.notebooks / "a.ipynb").exists()

    await Tab(session, "tab2").intend(SaveNow())
    await until(session, lambda: saved(session))
    assert sources(world.notebooks) == ["one", "mine"]


async def test_sv5_a_look_outside_does_not_take_back_save_now(world: World, expect_log: ExpectLog) -> None:
    expect_log("The file is gone", logger="carnet.live.save")
    write_notebook(world.notebooks, "one")
    session = await world.start().open(PATH)
    (world.notebooks / "a.ipynb").unlink()
    await Tab(session).insert("n1", "mine", after="c1")
    await until(session, lambda: "gone" in session.state.saved.problem)

    session.saver.save_soon()
    await session.saver.look_outside()

    await until(session, lambda: saved(session))
    assert sources(world.notebooks) == ["one", "mine"]


async def test_sv7_closing_saves(world: World) -> None:
    write_notebook(world.notebooks, "one")
    registry = world.start()
    session = await registry.open(PATH)
    session.saver.hold = True
    await Tab(session).insert("n1", "mine", after="c1")
    session.saver.hold = False

    await registry.close(PATH)

    assert sources(world.notebooks) == ["one", "mine"]
    assert registry.sessions() == []


async def test_sv9_what_was_said_of_a_file_is_taken_back_when_it_is_there_again(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("The file is gone", logger="carnet.live.save")
    write_notebook(world.notebooks, "one")
    session = await world.start().open(PATH)
    file = world.notebooks / "a.ipynb"

    file.rename(world.notebooks / "b.ipynb")
    await until(session, lambda: "gone" in session.state.saved.problem)
    (world.notebooks / "b.ipynb").rename(file)
    await until(session, lambda: session.state.saved.problem == "")
    assert saved(session)


async def test_sv9_a_broken_file_that_is_put_back_as_it_was_is_no_problem_any_more(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("cannot be read as a notebook", logger="carnet.live.save")
    write_notebook(world.notebooks, "one")
    session = await world.start().open(PATH)
    file = world.notebooks / "a.ipynb"
    before = file.read_bytes()

    file.write_text("half a noteb")
    await until(session, lambda: session.state.saved.problem != "")
    file.write_bytes(before)
    await until(session, lambda: session.state.saved.problem == "")
    assert saved(session)


async def test_sv12_what_a_kernel_says_of_itself_goes_with_the_next_change(world: World) -> None:
    write_notebook(world.notebooks, "1")
    session = await world.start().open(PATH)
    before = (world.notebooks / PATH).read_bytes()

    session.commit([SetMetadata({"language_info": {"name": "python"}, "kernelspec": {"name": "python3"}})])
    await session.saver.save()
    assert saved(session)
    assert (world.notebooks / PATH).read_bytes() == before

    await Tab(session).insert("n1", "2", after="c1")
    await until(session, lambda: saved(session))
    metadata = json.loads((world.notebooks / PATH).read_bytes())["metadata"]
    assert metadata == {"language_info": {"name": "python"}, "kernelspec": {"name": "python3"}}


async def test_sv12_another_kernel_is_written_at_once(world: World) -> None:
    write_notebook(world.notebooks, "1")
    session = await world.start().open(PATH)
    await Tab(session).insert("n1", "2", after="c1")
    session.commit([SetMetadata({"kernelspec": {"name": "python3"}})])
    await session.saver.save()

    session.commit([SetMetadata({"kernelspec": {"name": "ir"}})])
    await session.saver.save()

    metadata = json.loads((world.notebooks / PATH).read_bytes())["metadata"]
    assert metadata["kernelspec"] == {"name": "ir"}


async def test_sv15_a_large_outside_change_comes_in_several_entries(world: World) -> None:
    write_notebook(world.notebooks, *["old"] * MANY)
    session = await world.start().open(PATH)
    before = session.state.seq

    write_notebook(world.notebooks, *["new"] * MANY)
    await session.saver.look_outside()

    assert session.state.seq > before + 1
    assert [session.state.cells[cell_id].cell.source for cell_id in session.state.order] == ["new"] * MANY
    assert saved(session)


async def test_lv27_what_people_do_meanwhile_waits_and_is_done_then(world: World) -> None:
    write_notebook(world.notebooks, *["old"] * MANY)
    session = await world.start().open(PATH)
    write_notebook(world.notebooks, *["new"] * MANY)
    session.saver.hold = True
    tab = Tab(session)
    seen: list[tuple[int, int]] = []

    def note() -> None:
        cells = session.state.cells.values()
        news = sum(cell.cell.source == "new" for cell in cells)
        seen.append((news, len(cells)))

    session.follow(note)
    session.saver.hold = False
    looking = asyncio.create_task(session.saver.look_outside())
    await until(session, lambda: bool(seen))
    await asyncio.gather(tab.insert("n1", "mine", after="c1"), tab.insert("n2", "mine too", after="n1"))
    session.leave(note)
    await looking

    assert seen[0][0] < MANY, "the first portion was all of it"
    assert next(news for news, count in seen if count > MANY) == MANY, (
        "it was not waited for the last portion"
    )
    assert session.state.order[:3] == ("c1", "n1", "n2")
    await until(session, lambda: saved(session))
    assert sources(world.notebooks)[:4] == ["new", "mine", "mine too", "new"]


async def between_two_portions(world: World) -> Session:
    """Return a session that has some of a large outside change, and goes no further."""
    write_notebook(world.notebooks, *["old"] * MANY)
    session = await world.start().open(PATH)
    write_notebook(world.notebooks, *["new"] * MANY)
    entries = 0

    def count() -> None:
        nonlocal entries
        entries += 1

    session.follow(count)
    looking = asyncio.create_task(session.saver.look_outside())
    await until(session, lambda: entries >= 3)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    return session


async def test_sv15_a_server_that_dies_between_two_portions_merges_again(world: World) -> None:
    session = await between_two_portions(world)
    texts = [session.state.cells[cell_id].cell.source for cell_id in session.state.order]
    assert 0 < texts.count("new") < MANY
    await world.kill(world.registries[0])

    session = await world.start().open(PATH)
    await until(session, lambda: saved(session))

    assert sources(world.notebooks) == ["new"] * MANY
    assert [session.state.cells[cell_id].cell.source for cell_id in session.state.order] == ["new"] * MANY
    assert session.state.notices == ()


async def test_lv29_what_changed_outside_is_not_lost_to_a_snapshot_of_what_was_unsaved(world: World) -> None:
    write_notebook(world.notebooks, "one", "two")
    registry = world.start()
    session = await registry.open(PATH)
    session.saver.hold = True
    tab = Tab(session)
    await tab.insert("n1", "saved", after="c1")
    written_seq = session.state.seq
    await session.saver.save()
    await tab.insert("n2", "unsaved", after="n1")
    await session.snapshot()
    kept = session.around.journal.snapshot(session.state.journal_id)
    assert kept is not None
    assert kept[0] == written_seq
    await world.kill(registry)
    notebook = json.loads((world.notebooks / PATH).read_bytes())
    notebook["cells"][2]["source"] = "two of theirs"
    notebook["cells"].append({**notebook["cells"][2], "id": "c9", "source": "three of theirs"})
    (world.notebooks / PATH).write_text(json.dumps(notebook))

    session = await world.start().open(PATH)
    await until(session, lambda: saved(session))

    assert sources(world.notebooks) == ["one", "saved", "unsaved", "two of theirs", "three of theirs"]


async def test_lv29_a_snapshot_between_two_portions_loses_nothing(world: World) -> None:
    session = await between_two_portions(world)
    await session.snapshot()
    await world.kill(world.registries[0])

    session = await world.start().open(PATH)
    await until(session, lambda: saved(session))

    assert sources(world.notebooks) == ["new"] * MANY


async def test_sv15_a_full_disk_in_the_middle_of_a_merge_loses_nothing_of_either_side(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("no room today", logger="carnet.live")

    class Full(JournalStore):
        left = 1 << 30

        def append(self, *given: Any, **named: Any) -> None:
            Full.left -= 1
            if Full.left < 0:
                raise JournalFull("no room today")
            super().append(*given, **named)

    write_notebook(world.notebooks, *["old"] * MANY)
    session = await world.start(Full).open(PATH)
    session.saver.hold = True
    await Tab(session).insert("n1", "mine", after="c1")
    write_notebook(world.notebooks, *["new"] * MANY)
    Full.left = 2
    session.saver.hold = False
    await session.saver.look_outside()
    assert session.stalled is not None
    Full.left = 1 << 30

    await until(session, lambda: session.stalled is None and saved(session))

    assert sources(world.notebooks) == ["new", "mine", *["new"] * (MANY - 1)]


class OneAtATime:
    """Counts who is in a storage's verbs at the same time."""

    def __init__(self, storage: NotebookManager, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = self.calls = 0
        self._lock = threading.Lock()
        for name in ("read", "save", "save_from", "stat"):
            monkeypatch.setattr(storage, name, self._counted(getattr(storage, name)))

    def _counted(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: object, **more: object) -> object:
            with self._lock:
                self.now += 1
                self.calls += 1
                self.most = max(self.most, self.now)
            try:
                # Who comes beside it comes now; nobody is waited for.
                time.sleep(0.005)
                return verb(*arguments, **more)
            finally:
                with self._lock:
                    self.now -= 1

        return call


async def test_sv8_one_save_or_merge_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notebook(world.notebooks, "1")
    session = await world.start().open(PATH)
    tab = Tab(session)
    counted = OneAtATime(session.around.storage, monkeypatch)
    for number in range(4):
        await tab.insert(f"n{number}", "mine", after="c1")
        if number == 2:
            write_notebook(world.notebooks, "1", "theirs")
        await asyncio.gather(
            session.saver.save(), session.saver.look_outside(), session.saver.save_own(), session.saver.save()
        )

    assert counted.calls >= 8
    assert counted.most == 1
    # They took out what they had seen of ours; what came after that is there.
    assert sorted(sources(world.notebooks)) == ["1", "mine", "mine", "theirs"]
