"""Notebooks end to end: a tab, the link, the session, the kernel host, a real kernel, the file."""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from carnet.core.notebook.model import Cell, DisplayData, ErrorOutput, ExecuteResult
from carnet.core.session.intents import (
    AnswerInput,
    ChangeSourceFrom,
    Edit,
    Interrupt,
    RestartKernel,
    RunRequest,
    SaveNow,
)
from carnet.core.session.operations import DeleteCells, InsertCells, MoveCells
from carnet.core.session.state import CellState
from carnet.core.text.changes import diff
from carnet.core.wire.link import Complete, Inspect
from carnet.ids import BatchId, CellId, RunId, new_id
from tests.support.files import FileNotebook, read_file, write_file
from tests.support.link_client import LinkClient, visible
from tests.support.server import CarnetServer

pytestmark = pytest.mark.slow


async def run_all(tab: LinkClient) -> list[CellState]:
    """Run every cell; return them when the last run is over."""
    await tab.run(*tab.now.order)
    await tab.wait(lambda: not tab.now.runs)
    return [tab.now.cells[cell_id] for cell_id in tab.now.order]


async def saved(tab: LinkClient, file: Path) -> FileNotebook:
    """Return the file when everything is in it; it is valid."""
    await tab.wait(lambda: tab.now.saved.seq >= tab.now.changed_seq and not tab.now.saved.problem)
    return read_file(file)


async def test_text_plot_table_result_and_error_reach_tab_and_file(server: CarnetServer, path: str) -> None:
    file = server.write(
        path,
        [
            "print('one'); import sys; print('two', file=sys.stderr)",
            "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
            "import pandas\npandas.DataFrame({'a': [1, 2]})",
            "1/0",
        ],
    )
    async with server.tab(path) as tab:
        text, plot, table, error = await run_all(tab)

        assert [output.text for output in text.cell.outputs] == ["one\n", "two\n"]  # type: ignore[union-attr]  # a Stream, or the test fails
        [picture] = plot.cell.outputs
        assert isinstance(picture, DisplayData)
        assert "image/png" in {*picture.data, *picture.blobs}
        [frame] = table.cell.outputs
        assert isinstance(frame, ExecuteResult)
        assert "<table" in str(frame.data["text/html"])
        [raised] = error.cell.outputs
        assert isinstance(raised, ErrorOutput)
        assert (raised.ename, raised.evalue) == ("ZeroDivisionError", "division by zero")
        assert [cell.last.outcome for cell in (text, plot, table, error) if cell.last] == [
            "done",
            "done",
            "done",
            "failed",
        ]

        written = await saved(tab, file)
        assert [cell.execution_count for cell in written.cells] == [1, 2, 3, 4]
        assert written.cells[0].outputs[0] == {"output_type": "stream", "name": "stdout", "text": "one\n"}
        assert "image/png" in written.cells[1].outputs[0].data
        assert written.metadata.kernelspec.name == "python3"
        assert written.metadata.language_info.name == "python"


async def test_input_and_getpass_are_answered_and_what_was_typed_is_nowhere(
    server: CarnetServer, path: str
) -> None:
    file = server.write(
        path,
        ["name = input('Name? ')", "import getpass\nsecret = getpass.getpass('Word? ')", "len(secret), name"],
    )
    async with server.tab(path) as tab:
        await tab.run(*tab.now.order)
        for index, (prompt, password, value) in enumerate(
            [("Name? ", False, "Ann"), ("Word? ", True, "x1y2z3")]
        ):
            await tab.wait(lambda index=index: tab.cell(index).input is not None)  # type: ignore[misc]  # bound at once
            asked = tab.cell(index).input
            assert asked is not None
            assert (asked.prompt, asked.password) == (prompt, password)
            await tab.intend(AnswerInput(run_id=asked.run_id, value=value))
        result = (await tab.wait_done(2)).cell.outputs[0]
        assert isinstance(result, ExecuteResult)
        assert result.data["text/plain"] == "(6, 'Ann')"
        await saved(tab, file)
    server.restart()  # so that what the journal's files hold is all there
    for kept in server.state.rglob("*"):
        if kept.is_file():
            assert b"x1y2z3" not in kept.read_bytes(), kept


async def test_an_error_stops_what_was_queued_behind_it_unless_the_cell_says_it_raises(
    server: CarnetServer, path: str
) -> None:
    file = server.write(path, ["1/0", "print('after')", "print('third')"])
    async with server.tab(path) as tab:
        outcomes = [cell.last.outcome for cell in await run_all(tab) if cell.last]
        assert outcomes == ["failed", "aborted", "aborted"]
        assert tab.text(1) == ""

    notebook = read_file(file)
    notebook.cells[0].metadata.tags = ["raises-exception"]
    write_file(file, notebook)
    async with server.tab(path) as tab:
        await tab.wait(lambda: "tags" in tab.cell(0).cell.metadata)
        outcomes = [cell.last.outcome for cell in await run_all(tab) if cell.last]
        assert outcomes == ["failed", "done", "done"]
        assert (tab.text(1), tab.text(2)) == ("after\n", "third\n")


async def test_restart_and_run_all_starts_from_nothing(server: CarnetServer, path: str) -> None:
    server.write(path, ["n = globals().get('n', 0) + 1\nprint(n)", "print('second', n)"])
    async with server.tab(path) as tab:
        await run_all(tab)
        await run_all(tab)
        assert tab.text(0) == "2\n"
        lineage = tab.now.kernel.lineage
        runs = tuple(RunRequest(RunId(new_id()), cell_id) for cell_id in tab.now.order)
        await tab.acknowledged(
            await tab.intend(RestartKernel(clear=True, batch_id=BatchId(new_id()), runs=runs))
        )
        await tab.wait(lambda: not tab.now.runs and tab.now.kernel.lineage == lineage + 1)
        assert (tab.text(0), tab.text(1)) == ("1\n", "second 1\n")
        assert [tab.cell(index).cell.execution_count for index in (0, 1)] == [1, 2]


async def _type(tab: LinkClient, words: list[str], random_: random.Random) -> None:
    """Type words at random places of random cells, and make, move and delete cells of one's own meanwhile."""
    for number, word in enumerate(words):
        if number % 6 == 5:
            cell_id = await tab.add_cell(f"mine {word}", after=random_.choice(tab.now.order))
            if number % 12 == 5:
                await tab.intend(Edit(edits=(MoveCells(cell_ids=(cell_id,), after=None),)))
            continue
        cell_id = random_.choice([cell_id for cell_id in tab.now.order if str(cell_id).startswith("c")])
        cell = tab.now.cells[cell_id]
        source = cell.cell.source
        at = random_.randrange(len(source) + 1)
        # The whole word goes to one place, as one key press does.
        changes = diff(source, source[:at] + f"<{word}>" + source[at:]).to_json()
        await tab.acknowledged(
            await tab.intend(
                Edit(edits=(ChangeSourceFrom(cell_id=cell_id, base=cell.version, changes=changes),))
            )
        )


async def test_two_tabs_that_type_at_once_hold_the_same_and_every_word(
    server: CarnetServer, path: str, seed: int
) -> None:
    file = server.write(path, ["first", "zweite ä😀 Zelle", ""])
    async with server.tab(path) as one, server.tab(path) as two:
        mine = [f"a{number}" for number in range(60)]
        yours = [f"b{number}" for number in range(60)]
        await asyncio.gather(
            _type(one, mine, random.Random(seed)), _type(two, yours, random.Random(seed + 1))
        )
        end = max(one.now.seq, two.now.seq)
        await one.wait(lambda: one.now.seq >= end and one.now.saved.seq >= one.now.changed_seq)
        await two.wait(lambda: two.now.seq == one.now.seq)
        assert visible(one.now) == visible(two.now)

        async with server.tab(path) as fresh:
            await fresh.wait(lambda: fresh.now.seq == one.now.seq)
            assert visible(fresh.now) == visible(one.now)
        everything = "\n".join(one.now.cells[cell_id].cell.source for cell_id in one.now.order)
        # A word typed into the middle of another parts it: all letters are there, once.
        for word in (*mine, *yours):
            assert everything.count(word[0]) >= 1
        assert (
            sum(everything.count(sign) for sign in "<")
            == sum(1 for number in range(60) if number % 6 != 5) * 2
        )
        written = await saved(one, file)
        assert [cell.source for cell in written.cells] == [
            one.now.cells[cell_id].cell.source for cell_id in one.now.order
        ]


async def test_a_rename_while_open_moves_the_file_and_keeps_kernel_and_tab(
    server: CarnetServer, path: str
) -> None:
    file = server.write(path, ["x = 41", "print(x + 1)"])
    async with server.tab(path) as tab:
        await tab.run(tab.now.order[0])
        await tab.wait_done(0)
        status, answer = server.request("PATCH", f"/api/contents/{path}", {"path": f"renamed-{path}"})
        assert status == 200, answer
        await tab.wait(lambda: tab.now.path == f"renamed-{path}")
        await tab.run(tab.now.order[1])
        await tab.wait_done(1)
        assert tab.text(1) == "42\n"
        written = await saved(tab, server.notebooks / f"renamed-{path}")
        assert written.cells[1].outputs[0].text == "42\n"
        assert not file.exists()


async def test_the_second_start_of_the_server_loses_nothing(server: CarnetServer, path: str) -> None:
    file = server.write(path, ["x = 41\nprint('kept')"])
    async with server.tab(path) as tab:
        await run_all(tab)
        cell_id = await tab.add_cell("print(x + 1)")
        before = tab.now
    assert server.terminate() == 0
    written = read_file(file)
    assert [cell.source for cell in written.cells] == ["x = 41\nprint('kept')", "print(x + 1)"]
    server.start()
    async with server.tab(path) as tab:
        assert tab.now.journal_id == before.journal_id
        assert tab.now.kernel.id == before.kernel.id
        assert tab.now.cells[before.order[0]] == before.cells[before.order[0]]
        await tab.run(cell_id)
        await tab.wait_done(1)
        assert tab.text(1) == "42\n"


async def test_a_reload_in_the_middle_of_a_running_cell_shows_the_state_of_never_having_left(
    server: CarnetServer, path: str
) -> None:
    gate = server.notebooks / "gate"
    server.write(
        path,
        [
            """import os, time
print('before')
print('50%', end='\\r')
print('60%', end='', flush=True)
while not os.path.exists('gate'):
    time.sleep(0.01)
print('\\nafter')""",
            "print('queued')",
        ],
    )
    async with server.tab(path) as stays:
        async with server.tab(path) as leaves:
            await leaves.run(*leaves.now.order)
            await leaves.wait(lambda: "60%" in leaves.text(0))
        async with server.tab(path) as back:
            await back.wait(lambda: back.now.seq == stays.now.seq)
            assert visible(back.now) == visible(stays.now)
            assert back.text(0) == "before\n60%"
            assert [run.started_ms is not None for run in back.now.runs] == [True, False]
            assert back.now.kernel.status == "busy"
            gate.touch()
            await back.wait_done(1)
            assert (back.text(0), back.text(1)) == ("before\n60%\nafter\n", "queued\n")
            await stays.wait(lambda: stays.now.seq == back.now.seq)
            assert visible(stays.now) == visible(back.now)
    gate.unlink()


async def test_input_stays_open_over_a_reload_and_another_tab_answers_it(
    server: CarnetServer, path: str
) -> None:
    server.write(path, ["print('got', input('? '))"])
    async with server.tab(path) as first:
        await first.run(*first.now.order)
        await first.wait(lambda: first.cell(0).input is not None)
    async with server.tab(path) as second, server.tab(path) as third:
        asked = second.cell(0).input
        assert asked is not None
        assert third.cell(0).input == asked
        await third.intend(AnswerInput(run_id=asked.run_id, value="it"))
        await second.wait_done(0)
        assert second.text(0).endswith("got it\n")
        assert second.cell(0).input is None


async def test_an_interrupt_frees_a_cell_that_waits_for_input(server: CarnetServer, path: str) -> None:
    server.write(path, ["input('? ')", "print('free')"])
    async with server.tab(path) as tab:
        await tab.run(tab.now.order[0])
        await tab.wait(lambda: tab.cell(0).input is not None)
        await tab.intend(Interrupt())
        cell = await tab.wait_done(0)
        assert cell.input is None
        assert cell.last is not None
        assert cell.last.outcome == "failed"
        [raised] = [output for output in cell.cell.outputs if isinstance(output, ErrorOutput)]
        assert raised.ename == "KeyboardInterrupt"
        await tab.run(tab.now.order[1])
        await tab.wait_done(1)
        assert tab.text(1) == "free\n"


async def test_edits_and_runs_of_a_closed_tab_are_in_the_file(server: CarnetServer, path: str) -> None:
    file = server.write(path, ["import time; time.sleep(0.3); print('done')"])
    async with server.tab(path) as tab:
        await tab.acknowledged(
            await tab.intend(
                Edit(
                    edits=(
                        InsertCells(
                            after=None,
                            cells=(Cell(CellId("m1"), "markdown", "# T"),),
                        ),
                        DeleteCells(cell_ids=(CellId("gone"),)),
                    )
                )
            )
        )
        await tab.run(tab.now.order[1])
    async with server.tab(path) as tab:
        await tab.wait_done(1)
        await tab.intend(SaveNow())
        written = await saved(tab, file)
    assert written.cells[0].source == "# T"
    assert written.cells[1].outputs[0].text == "done\n"


async def test_lv21_completion_and_inspection_are_answered_while_a_cell_runs(
    server: CarnetServer, path: str
) -> None:
    gate = server.notebooks / "answered"
    server.write(
        path,
        [
            """import os, time
a_long_name = 41
print('runs')
while not os.path.exists('answered'):
    time.sleep(0.01)"""
        ],
    )
    async with server.tab(path) as tab:
        await tab.run(*tab.now.order)
        await tab.wait(lambda: tab.text(0) == "runs\n")
        completion = await tab.ask(Complete(code="a_lon", cursor=5))
        inspection = await tab.ask(Inspect(code="a_long_name", cursor=3))
        assert (completion.error, inspection.error) == ("", "")
        assert completion.value is not None
        assert "a_long_name" in msgspec.msgpack.decode(completion.value)["matches"]
        assert inspection.value is not None
        assert msgspec.msgpack.decode(inspection.value)["found"]
        assert tab.now.kernel.status == "busy"
        assert tab.cell(0).last is None
        gate.touch()
        await tab.wait_done(0)
