"""Link frames: what goes over the wire comes back, and nothing more goes than should."""

import msgspec
import pytest

from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.notebook_of import view_of
from carnet.core.session.operations import Entry
from carnet.core.session.state import SessionState
from carnet.core.wire import link
from carnet.ids import CellId, ClientId, JournalId, NotebookPath, RunId
from tests.core.session.sessions import IDLE, TAB, a_cell, a_session, running

EDIT = intents.Edit(
    (
        ops.InsertCells(None, (a_cell("x"),)),
        intents.ChangeSourceFrom(CellId("a"), 0, [1, [0, "é", ""], [2]]),
    )
)

TO_SERVER: tuple[link.ToServer, ...] = (
    link.Hello(1, TAB),
    link.Follow(1, NotebookPath("a.ipynb"), JournalId("j"), 4),
    link.Unfollow(1),
    link.Intend(1, ClientId("dead"), 7, EDIT),
    link.Intend(
        1, TAB, 8, intents.RestartKernel(clear=True, runs=(intents.RunRequest(RunId("r"), CellId("a")),))
    ),
    link.Seen(1, 9),
    link.Ask(1, 2, link.Complete("x.", 2)),
    link.Ask(1, 3, link.Inspect("x", 1, 1)),
    link.Ask(1, 4, link.IsComplete("x")),
    link.Ping(5),
)

TO_BROWSER: tuple[link.ToBrowser, ...] = (
    link.Welcome(1, "1.0", 5, "ada"),
    link.Snapshot(1, view_of(running("a", "b"), 1), True, 3, (2,), True),
    link.MoreCells(1, running("a", "b").cells, False),
    link.Entries(
        1, (Entry(1, 5, (ops.ClearOutputs((CellId("a"),)),), TAB, 3), Entry(2, 6, refusal="too-old"))
    ),
    link.Refused(1, TAB, 3, "read-only", "no"),
    link.Stalled(1, "Disk full.", disk_full=True),
    link.Problem(1, 404, "not found"),
    link.Pong(5),
    link.Bye("upgrade", 500),
)


@pytest.mark.parametrize("frame", TO_SERVER, ids=repr)
def test_frames_to_the_server_come_back(frame: link.ToServer) -> None:
    data = msgspec.msgpack.encode(frame)

    assert msgspec.msgpack.decode(data, type=link.ToServer) == frame
    assert msgspec.msgpack.decode(data)["frame"] == frame.__struct_config__.tag


@pytest.mark.parametrize("frame", TO_BROWSER, ids=lambda frame: type(frame).__name__)
def test_frames_to_the_browser_come_back(frame: link.ToBrowser) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(frame), type=link.ToBrowser) == frame


def test_lk19_an_answer_carries_the_reply_as_it_is() -> None:
    reply = {"status": "ok", "matches": ["a"]}
    frame = link.Answer(2, msgspec.Raw(msgspec.msgpack.encode(reply)))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(frame)) == {
        "frame": "answer",
        "ask": 2,
        "value": reply,
        "error": "",
    }
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(link.Answer(2, error="busy"))) == {
        "frame": "answer",
        "ask": 2,
        "value": None,
        "error": "busy",
    }


def test_frames_of_the_other_direction_and_of_no_protocol_are_refused() -> None:
    for data in (
        msgspec.msgpack.encode(link.Pong(1)),
        b"",
        b"\xc0",
        msgspec.msgpack.encode({"frame": "odd"}),
    ):
        with pytest.raises(msgspec.MsgspecError):
            msgspec.msgpack.decode(data, type=link.ToServer)


def test_browsers_do_not_get_what_is_the_servers() -> None:
    server_only = set(SessionState.__struct_fields__) - set(link.SessionView.__struct_fields__)

    assert server_only == {
        "extra",
        "clients",
        "refused",
        "changes",
        "displays",
        "spilling",
        "sends",
        "capturing",
        "comm_bytes",
        "comm_seq",
    }


def test_an_entry_leaves_out_what_it_does_not_say() -> None:
    assert msgspec.to_builtins(Entry(4, 5)) == {"seq": 4, "at_ms": 5}


def test_a_whole_state_comes_back() -> None:
    for state in (a_session("a", kernel=IDLE), running("a", "b")):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=SessionState) == state
        assert msgspec.json.decode(msgspec.json.encode(state), type=SessionState) == state
