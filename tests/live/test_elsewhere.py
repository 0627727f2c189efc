"""Cells that another program runs and saves: when the file is written for them, and when not (SV13, SV14, LV23, KM13)."""

import json
from dataclasses import replace
from typing import Any

from carnet.core.session.intents import AnswerInput, SaveNow
from carnet.ids import CellId, RunId
from carnet.live.session import Session
from carnet.testing.kernel_host import FakeKernel
from tests.live.conftest import PATH, Tab, World, until, write_notebook
from tests.live.test_session import a_run

C1 = CellId("c1")
E1 = RunId("e1")


def printed(world: World) -> list[str]:
    cells: list[dict[str, Any]] = json.loads((world.notebooks / PATH).read_bytes())["cells"]
    return ["".join(output["text"]) for cell in cells for output in cell["outputs"]]


def shown(session: Session) -> list[str]:
    return [getattr(one, "text", "") for one in session.state.cells[C1].cell.outputs]


def saved(session: Session) -> bool:
    return not session.saver.unsaved


async def with_kernel(world: World, *, grace_s: float = 0.01) -> tuple[Session, FakeKernel]:
    """A saved notebook `1`, `2` whose second cell has run."""
    world.settings = replace(world.settings, client_grace_s=grace_s)
    write_notebook(world.notebooks, "1", "2")
    session = await world.start().open(PATH)
    fake = world.host.fakes[await a_run(world, session, "c2")]
    fake.play(fake.runs[0])
    await until(session, lambda: not session.state.runs and session.state.kernel.status == "idle")
    await session.saver.save()
    assert saved(session)
    return session, fake


def asks(session: Session, *, run_id: str = "e1", source: str = "1") -> bool:
    return session.elsewhere.asks(run_id, "c1", source, client="lab", by="ann")


def say(fake: FakeKernel, text: str, *, run_id: str = "e1", over: bool = True) -> None:
    """Print, and end if asked to."""
    fake.say("iopub", "status", {"execution_state": "busy"}, parent_id=run_id)
    fake.say("iopub", "stream", {"name": "stdout", "text": text}, parent_id=run_id)
    if over:
        end(fake, run_id=run_id)


def end(fake: FakeKernel, *, run_id: str = "e1") -> None:
    fake.say("shell", "execute_reply", {"status": "ok", "execution_count": 2}, parent_id=run_id)
    fake.say("iopub", "status", {"execution_state": "idle"}, parent_id=run_id)


async def ran(session: Session, fake: FakeKernel, text: str = "new\n", *, run_id: str = "e1") -> None:
    """Let a client that is there run the first cell."""
    assert asks(session, run_id=run_id)
    session.elsewhere.sent(RunId(run_id))
    say(fake, text, run_id=run_id)
    await until(session, lambda: not session.state.runs and shown(session) == [text])


async def test_sv13_what_another_program_runs_goes_along_with_the_next_change(world: World) -> None:
    session, fake = await with_kernel(world)
    before = (world.notebooks / PATH).read_bytes()

    await ran(session, fake)
    await session.saver.save_own()
    assert (world.notebooks / PATH).read_bytes() == before
    assert session.saver.unsaved

    await Tab(session, "tab2").insert("n1", "3", after="c1")
    await until(session, lambda: saved(session))
    assert printed(world) == ["new\n"]


async def test_sv13_save_writes_it(world: World) -> None:
    session, fake = await with_kernel(world)
    await ran(session, fake)

    await Tab(session, "tab2").intend(SaveNow())
    await until(session, lambda: saved(session))

    assert printed(world) == ["new\n"]


async def test_sv13_the_save_of_who_ran_it_is_enough(world: World) -> None:
    session, fake = await with_kernel(world)
    await ran(session, fake)
    notebook = json.loads((world.notebooks / PATH).read_bytes())
    notebook["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["new\n"]}]
    notebook["cells"][0]["execution_count"] = 2
    theirs = json.dumps(notebook).encode()
    (world.notebooks / PATH).write_bytes(theirs)

    await session.saver.look_outside()

    assert saved(session)
    assert (world.notebooks / PATH).read_bytes() == theirs
    assert shown(session) == ["new\n"]
    last = session.state.cells[C1].last
    assert last is not None
    assert last.run_id == E1


async def test_sv13_a_run_of_ours_of_that_cell_is_saved(world: World) -> None:
    session, fake = await with_kernel(world)
    await ran(session, fake)

    await Tab(session, "tab2").run("c1")
    await until(session, lambda: len(fake.runs) > 1)
    fake.play(fake.runs[1], [("stream", {"name": "stdout", "text": "ours\n"})])
    await until(session, lambda: not session.state.runs and saved(session))

    assert printed(world) == ["ours\n"]


async def test_sv14_when_the_program_has_left_it_is_saved(world: World) -> None:
    session, fake = await with_kernel(world)
    await ran(session, fake)

    session.elsewhere.left("lab")
    await until(session, lambda: saved(session))

    assert printed(world) == ["new\n"]


async def test_sv14_also_what_its_run_says_after_that(world: World) -> None:
    session, fake = await with_kernel(world)
    assert asks(session)
    session.elsewhere.sent(E1)
    say(fake, "one\n", over=False)
    session.elsewhere.left("lab")
    await until(session, lambda: saved(session) and shown(session) == ["one\n"])

    fake.say("iopub", "stream", {"name": "stdout", "text": "two\n"}, parent_id="e1")
    end(fake)
    await until(session, lambda: not session.state.runs and saved(session))

    assert printed(world) == ["one\ntwo\n"]


async def test_sv14_one_that_comes_again_goes_on(world: World) -> None:
    session, fake = await with_kernel(world, grace_s=600)
    before = (world.notebooks / PATH).read_bytes()
    await ran(session, fake)

    session.elsewhere.left("lab")
    session.elsewhere.came("lab")
    session.elsewhere.left("somebody else")
    await session.saver.save_own()

    assert (world.notebooks / PATH).read_bytes() == before
    assert list(session.elsewhere.cells(session.state)) == [C1]


async def test_sv14_a_session_that_is_closed_is_saved_whole(world: World) -> None:
    session, fake = await with_kernel(world)
    await ran(session, fake)

    await session.close()

    assert printed(world) == ["new\n"]


async def test_lv23_a_killed_server_goes_on_with_it(world: World) -> None:
    session, fake = await with_kernel(world, grace_s=600)
    before = (world.notebooks / PATH).read_bytes()
    assert asks(session)
    session.elsewhere.sent(E1)
    fake.elsewhere.append(E1)
    say(fake, "one\n", over=False)
    await until(session, lambda: shown(session) == ["one\n"])

    await world.kill(world.registries[-1])
    fake.say("iopub", "stream", {"name": "stdout", "text": "two\n"}, parent_id="e1")
    again = await world.start().open(PATH)
    again.elsewhere.came("lab")
    await again.settle_runs()
    assert [run.id for run in again.state.runs] == [E1]
    end(fake)
    await until(again, lambda: not again.state.runs)
    await again.saver.save_own()

    assert shown(again) == ["one\ntwo\n"]
    assert not [call for call in world.host.calls if call[0] == "submit" and E1 in call[2]]  # type: ignore[operator]  # run ids
    assert (world.notebooks / PATH).read_bytes() == before, "its program came again, and will save it"


async def test_lv23_what_the_host_never_got_is_over_after_a_kill(world: World) -> None:
    session, _ = await with_kernel(world)
    assert asks(session)

    await world.kill(world.registries[-1])
    again = await world.start().open(PATH)
    await until(again, lambda: not again.state.runs)

    last = again.state.cells[C1].last
    assert last is not None
    assert last.outcome == "aborted"


async def test_lv23_what_is_not_sent_is_dropped_or_asked_for(world: World) -> None:
    session, fake = await with_kernel(world)
    assert asks(session)
    session.elsewhere.not_sent(E1, for_sure=True)
    assert not session.state.runs

    assert asks(session, run_id="e2")
    session.elsewhere.not_sent(RunId("e2"), for_sure=False)
    await until(session, lambda: not session.state.runs)

    # One that is on its way is not taken for lost by a look at the host.
    fake.elsewhere.append(RunId("e3"))
    assert asks(session, run_id="e3")
    session.elsewhere.not_sent(RunId("e3"), for_sure=False)
    assert asks(session, run_id="e4")
    await session.settle_runs()
    assert [run.id for run in session.state.runs] == ["e3", "e4"]


async def test_kw10_both_can_answer(world: World) -> None:
    session, fake = await with_kernel(world)
    assert asks(session)
    session.elsewhere.sent(E1)

    def is_asked() -> bool:
        return session.state.cells[C1].input is not None

    for _ in range(2):
        fake.say("stdin", "input_request", {"prompt": "? ", "password": False}, parent_id="e1")
        await until(session, is_asked)
        session.elsewhere.answered()
        assert not is_asked()
    fake.say("stdin", "input_request", {"prompt": "? ", "password": False}, parent_id="e1")
    await until(session, is_asked)
    await Tab(session, "tab2").intend(AnswerInput(E1, "yes"))
    assert not is_asked()
    session.elsewhere.answered()  # nothing to end


async def test_lv23_a_notebook_that_may_not_be_written_is_left_alone(world: World) -> None:
    session, _ = await with_kernel(world)
    session.writable = False
    assert not asks(session)
    session.writable = True
    assert not session.elsewhere.asks("e1", "nosuch", "1", client="lab", by="ann")
    assert not session.state.runs
