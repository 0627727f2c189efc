"""Runs that another program sends to the kernel by itself (SE17, KM13), and how they are recognised (KW8)."""

import msgspec
import pytest
from msgspec.structs import replace

from carnet.core.notebook.model import Cell, Stream
from carnet.core.session import effects as fx
from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.apply import effects_after_restart
from carnet.core.session.interpret import settle
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.outside import outside_change
from carnet.core.session.runs import run_elsewhere
from carnet.core.session.state import LastRun, SessionState, freshness
from carnet.core.text.changes import diff
from carnet.core.wire.kernel_socket import CellRequest, FromClient, cell_request
from carnet.ids import CellId, RunId
from tests.core.session.sessions import (
    IDLE,
    A,
    B,
    Client,
    Kernel,
    a_cell,
    a_session,
    did,
    do,
    numbered,
    outputs,
    read,
    the_cell,
)

E1 = RunId("e1")


def asked(
    state: SessionState, source: str = "a", run_id: str = "e1", cell_id: str = "a"
) -> tuple[ops.QueueRuns, ...]:
    return run_elsewhere(state, run_id=run_id, cell_id=cell_id, source=source, by="ada", now_ms=100)


def elsewhere(source: str = "a") -> SessionState:
    """A session with an old output and a run of another program on its first cell."""
    state = do(a_session("a", "b", kernel=IDLE), ops.AppendStream(A, "stdout", "old"))
    return do(state, *asked(state, source))


def test_se17_it_is_a_run_of_the_cell_and_nothing_is_submitted() -> None:
    state = a_session("a", "b", kernel=IDLE)

    state, effects = did(state, *asked(state))

    [run] = state.runs
    assert (run.id, run.cell_id, run.version, run.by, run.elsewhere) == (E1, A, 0, "ada", True)
    assert effects == ()
    assert state.changed_seq == 0


def test_se17_what_the_kernel_says_of_it_becomes_the_cells() -> None:
    kernel = Kernel()
    state, _ = read(elsewhere(), kernel.busy("e1"), kernel.says("execute_input", "e1", execution_count=3))
    assert outputs(state) == (Stream("stdout", "old"),)
    state, _ = read(state, kernel.prints("new", "e1"), kernel.replies("e1", execution_count=3))
    state, _ = read(state, kernel.idle("e1"))

    assert outputs(state) == (Stream("stdout", "new"),)
    assert the_cell(state).cell.execution_count == 3
    assert the_cell(state).last == LastRun(E1, "done", 0, 1_001, 1_005)
    assert freshness(the_cell(state)) == "fresh"
    assert state.runs == ()


def test_se17_another_source_is_stale_until_the_cell_has_it() -> None:
    kernel = Kernel()
    state, _ = read(elsewhere("a2"), kernel.busy("e1"), kernel.replies("e1"), kernel.idle("e1"))
    assert the_cell(state).last == LastRun(E1, "done", -1, 1_001, 1_003, "a2")
    assert freshness(the_cell(state)) == "stale"

    state = do(state, ops.ChangeSource(A, 1, diff("a", "ab").to_json()))
    assert freshness(the_cell(state)) == "stale"
    state = do(state, ops.ChangeSource(A, 2, diff("ab", "a2").to_json()))
    assert freshness(the_cell(state)) == "fresh"


@pytest.mark.parametrize(
    ("run_id", "cell_id", "source"),
    [
        ("e1", "nosuch", "a"),
        ("e1", "m", "a"),
        ("e1", "a", " \n"),
        ("known", "a", "a"),
        ("has/slash", "a", "a"),
        ("x" * 65, "a", "a"),
        ("", "a", "a"),
    ],
)
def test_se17_what_is_no_run_of_a_cell(run_id: str, cell_id: str, source: str) -> None:
    state = a_session("a", a_cell("m", "text", "markdown"), kernel=IDLE)
    state = do(state, *asked(state, run_id="known"))

    assert asked(state, source, run_id, cell_id) == ()


def test_se17_one_that_is_over_is_known_and_without_a_kernel_there_is_none() -> None:
    kernel = Kernel()
    state, _ = read(elsewhere(), kernel.busy("e1"), kernel.replies("e1"), kernel.idle("e1"))

    assert asked(state) == ()
    assert asked(a_session("a")) == ()
    assert asked(a_session("a", kernel=replace(IDLE, status="dead"))) == ()


def test_se17_it_is_not_submitted_again_cancelled_or_ordered_here() -> None:
    state = elsewhere()
    client = Client(state)

    client.send(intents.CancelRuns((E1,)))
    assert client.state.runs == state.runs
    assert not [one for one in effects_after_restart(state) if not isinstance(one, fx.ScheduleSave)]
    _, effects = did(state, ops.DeleteCells((A,)))
    assert effects == (fx.ScheduleSave(),)


def test_se17_our_own_run_of_the_cell_is_not_left_out_for_it() -> None:
    client = Client(elsewhere())

    client.run(("r1", "a"))

    assert [run.id for run in client.state.runs] == ["e1", "r1"]
    assert [effect for effect in client.effects if isinstance(effect, fx.SubmitRuns)]


def test_se17_what_its_reply_asks_for_is_for_the_program_that_ran_it() -> None:
    kernel = Kernel()
    payload = [
        {"source": "set_next_input", "text": "next", "replace": False},
        {"source": "page", "data": {"text/plain": "help"}},
    ]

    state, made = read(
        elsewhere(), kernel.busy("e1"), kernel.replies("e1", payload=payload), kernel.idle("e1")
    )

    assert state.order == (A, B)
    assert not [one for one in made if isinstance(one, ops.ShowPage)]


@pytest.mark.parametrize("is_started", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
def test_km13_one_that_the_host_does_not_have_is_over(is_started: bool, is_known: bool) -> None:
    state = elsewhere()
    if is_started:
        state, _ = read(state, Kernel().busy("e1"))

    made = settle(state, running=None, queued=(), elsewhere=(E1,) if is_known else (), at_ms=7)
    state = do(state, *made)

    last = the_cell(state).last
    assert [run.id for run in state.runs] == ([E1] if is_known else [])
    assert (last and last.outcome) == (None if is_known else "lost" if is_started else "aborted")


def test_se17_outputs_of_a_file_do_not_come_twice_while_it_runs() -> None:
    """Who ran the cell saves before we have heard all that the kernel said."""
    state = elsewhere()
    base = notebook_of(state)
    cells = (replace(base.cells[0], outputs=(Stream("stdout", "new"),), execution_count=1), base.cells[1])
    theirs = replace(base, cells=cells)

    made = outside_change(state, base, theirs, new_ids=iter(numbered("x"), CellId("")), at_ms=7)
    kernel = Kernel()
    state, _ = read(
        do(state, *made),
        kernel.busy("e1"),
        kernel.prints("new", "e1"),
        kernel.replies("e1"),
        kernel.idle("e1"),
    )

    assert outputs(state) == (Stream("stdout", "new"),)
    other: tuple[Cell, ...] = (base.cells[0], replace(base.cells[1], outputs=(Stream("stdout", "b"),)))
    made = outside_change(
        elsewhere(), base, replace(base, cells=other), new_ids=iter(numbered("x"), CellId("")), at_ms=7
    )
    assert made == (ops.ReplaceOutputs(B, (Stream("stdout", "b"),), None),)


def message(
    metadata: bytes = b'{"cellId": "a"}',
    *,
    channel: str = "shell",
    kind: str = "execute_request",
    **content: object,
) -> FromClient:
    whole = {"code": "1", "silent": False, "store_history": True, **content}
    return FromClient(
        channel=channel,  # type: ignore[arg-type]  # one of its words
        msg_id="e1",
        msg_type=kind,
        session="s",
        header=b"{}",
        parent_header=b"{}",
        metadata=metadata,
        content=msgspec.json.encode(whole),
    )


def test_kw8_a_request_that_names_its_cell() -> None:
    assert cell_request(message(b'{"trusted": true, "deletedCells": [], "cellId": "a"}')) == CellRequest(
        "a", "1"
    )


@pytest.mark.parametrize(
    "other",
    [
        message(b"{}"),
        message(b'{"cellId": 7}'),
        message(b'{"cellId": null}'),
        message(b"[]"),
        message(b"no json"),
        message(b'{"cellId": ""}'),
        message(silent=True),
        message(store_history=False),
        message(code=7),
        message(channel="control"),
        message(kind="inspect_request"),
    ],
)
def test_kw8_requests_that_do_not(other: FromClient) -> None:
    assert cell_request(other) is None
