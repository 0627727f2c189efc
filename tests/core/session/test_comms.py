"""Comms: widgets' states, Output widgets, what is sent to the kernel, and the end of the process that had them."""

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.model import BlobRef, DisplayData, Json
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.apply import effects_after_restart
from carnet.core.session.comms import comm_size, shown_comms, shows_comms
from carnet.core.session.notebook_of import comm_pieces, view_of
from carnet.core.session.state import Comm, CommBuffer, CommSend, KernelState, SessionState
from carnet.ids import CommId, SendId
from tests.core.session.sessions import IDLE, K1, K2, A, a_session, did, do, unchanged

SLIDER, OUT, OTHER, GONE = CommId("slider"), CommId("out"), CommId("other"), CommId("gone")
BLOB = BlobRef("ab" * 32, 50_000, "application/octet-stream")
OUTPUT: dict[str, Json] = {
    "_model_name": "OutputModel",
    "_model_module": "@jupyter-widgets/output",
    "outputs": [],
    "msg_id": "",
}


def with_comms(**states: dict[str, Json]) -> SessionState:
    state = do(a_session("a"), ops.SetKernel(IDLE))
    for name, data in states.items():
        state = do(state, ops.OpenComm(CommId(name), Comm("jupyter.widget", data=data)))
    return state


def stream(text: str, name: str = "stdout") -> Json:
    return {"output_type": "stream", "name": name, "text": text}


def test_se20_a_state_is_merged_key_by_key_and_nothing_of_it_makes_the_file_unsaved() -> None:
    state = with_comms(slider={"value": 1, "max": 9})

    changed, effects = did(state, ops.ChangeComm(SLIDER, {"value": 2, "min": 0}))

    assert changed.comms[SLIDER].data == {"value": 2, "max": 9, "min": 0}
    assert effects == ()
    assert changed.changed_seq == state.changed_seq
    assert (state.comm_seq, changed.comm_seq) == (state.seq, changed.seq)
    assert unchanged(state, ops.ChangeComm(GONE, {"value": 2}))


def test_se20_buffers_below_a_replaced_key_go() -> None:
    image, part = CommBuffer(("image",), b"png"), CommBuffer(("parts", 0, "x"), blob=BLOB)
    state = do(with_comms(slider={}), ops.ChangeComm(SLIDER, {"parts": [{}]}, (image, part)))
    assert state.comms[SLIDER].buffers == (image, part)

    newer = CommBuffer(("image",), b"newer")
    assert do(state, ops.ChangeComm(SLIDER, {}, (newer,))).comms[SLIDER].buffers == (part, newer)
    assert do(state, ops.ChangeComm(SLIDER, {"parts": []})).comms[SLIDER].buffers == (image,)


def test_se20_a_comm_of_the_same_id_takes_the_place_at_the_end() -> None:
    state = with_comms(slider={"value": 1}, out=OUTPUT)

    state = do(state, ops.OpenComm(SLIDER, Comm("jupyter.widget", data={"value": 2})))

    assert list(state.comms) == [OUT, SLIDER]
    assert state.comms[SLIDER].data == {"value": 2}


def test_se20_closing_removes_those_that_there_are() -> None:
    state = with_comms(slider={}, out={**OUTPUT, "msg_id": "r1"})

    state = do(state, ops.CloseComms((OUT, OUT, GONE)))

    assert list(state.comms) == [SLIDER]
    assert state.capturing == {}
    assert unchanged(state, ops.CloseComms((GONE,)))


def test_se21_what_is_told_changes_nothing() -> None:
    assert unchanged(with_comms(slider={}), ops.TellComm(SLIDER, {"event": "click"}))


def test_se22_the_output_widget_that_began_last_takes_the_outputs() -> None:
    state = with_comms(out=OUTPUT, other=OUTPUT, slider={"msg_id": "r1"})
    assert state.capturing == {}

    state = do(state, ops.ChangeComm(OTHER, {"msg_id": "r1"}), ops.ChangeComm(OUT, {"msg_id": "r1"}))
    assert list(state.capturing.items()) == [(OTHER, "r1"), (OUT, "r1")]

    state = do(state, ops.ChangeComm(OUT, {"msg_id": ""}))
    assert state.capturing == {OTHER: "r1"}


def test_se22_text_is_written_as_a_terminal_would_and_outputs_follow_it() -> None:
    state = with_comms(out=OUTPUT)
    state = do(state, ops.WriteComm(OUT, "stdout", "50%"), ops.WriteComm(OUT, "stdout", "\r100"))
    state = do(state, ops.WriteComm(OUT, "stdout", "%"), ops.WriteComm(OUT, "stderr", "no"))
    shown: dict[str, Json] = {"output_type": "display_data", "data": {"image/png": None}, "metadata": {}}
    picture = CommBuffer(("data", "image/png"), blob=BLOB, text=True)

    state = do(state, ops.ShowInComm(OUT, shown, (picture,)))

    comm = state.comms[OUT]
    assert comm.data["outputs"] == [stream("100%"), stream("no", "stderr"), shown]
    assert comm.buffers == (replace(picture, path=("outputs", 2, "data", "image/png")),)
    assert unchanged(state, ops.WriteComm(OUT, "stdout", ""), ops.WriteComm(GONE, "stdout", "x"))
    assert unchanged(state, ops.ShowInComm(GONE, shown), ops.ClearComm(GONE, wait=False))


def test_se22_clearing_waits_for_the_next_output_when_it_is_told_to() -> None:
    state = do(with_comms(out=OUTPUT), ops.ShowInComm(OUT, {"a": 1}, (CommBuffer(("b",), b"b"),)))

    waiting = do(state, ops.ClearComm(OUT, wait=True))
    assert waiting.comms[OUT].data["outputs"] == [{"a": 1}]

    cleared = do(waiting, ops.WriteComm(OUT, "stdout", "new"))
    assert cleared.comms[OUT].data["outputs"] == [stream("new")]
    assert (cleared.comms[OUT].buffers, cleared.comms[OUT].clear_pending) == ((), False)
    assert do(state, ops.ClearComm(OUT, wait=False)).comms[OUT].data["outputs"] == []


def test_se22_what_the_kernel_sets_stands_at_once() -> None:
    state = do(with_comms(out=OUTPUT), ops.WriteComm(OUT, "stdout", "50%\r"), ops.ClearComm(OUT, wait=True))

    state = do(state, ops.ChangeComm(OUT, {"outputs": [stream("o")]}), ops.WriteComm(OUT, "stdout", "k"))

    assert state.comms[OUT].data["outputs"] == [stream("ok")]


def test_se23_no_comm_outlives_its_process_but_what_it_was_stays() -> None:
    send = CommSend(SendId("s1"), SLIDER)
    state = do(with_comms(slider={"value": 1}, out={**OUTPUT, "msg_id": "r1"}), ops.CommSent(send))
    assert unchanged(state, ops.SetKernel(IDLE))
    ends = (
        replace(IDLE, status="dead"),
        replace(IDLE, status="restarting"),
        replace(IDLE, lineage=IDLE.lineage + 1),
        KernelState(K2, status="starting"),
        KernelState(),
    )
    for kernel in ends:
        ended = do(state, ops.SetKernel(kernel))
        assert ended.comms == {
            SLIDER: replace(state.comms[SLIDER], live=False),
            OUT: replace(state.comms[OUT], live=False),
        }
        assert (ended.sends, ended.capturing) == ({}, {})
        assert unchanged(ended, ops.ChangeComm(SLIDER, {"value": 2}), ops.WriteComm(OUT, "stdout", "x"))
        assert unchanged(ended, ops.ShowInComm(OUT, {}), ops.ClearComm(OUT, wait=False))
    assert do(ended, ops.OpenComm(SLIDER, Comm("x"))).comms[SLIDER].live


def test_se24_a_message_is_on_its_way_until_it_is_handled() -> None:
    send = CommSend(SendId("s1"), SLIDER, data={"method": "custom", "content": 1}, cell_id=A)
    state, effects = did(with_comms(slider={}), ops.CommSent(send))
    assert effects == (fx.SendComm(K1, send),)
    assert unchanged(state, ops.CommSent(send))
    assert fx.SendComm(K1, send) in effects_after_restart(state)

    state = do(state, ops.MarkSend(send.id, ("a", "b")), ops.MarkSend(send.id, ("b",)))
    assert state.sends[send.id].answered == ("a", "b")

    state = do(state, ops.CommHandled(send.id))
    assert state.sends == {}
    assert unchanged(state, ops.CommHandled(send.id), ops.MarkSend(send.id, ("a",)))


def test_se24_nothing_is_sent_without_a_kernel() -> None:
    assert unchanged(a_session("a"), ops.CommSent(CommSend(SendId("s1"), SLIDER)))


def test_the_size_of_all_comms_is_known() -> None:
    state = with_comms(slider={"value": 1, "text": "x" * 100}, out=OUTPUT)
    changes: tuple[ops.Operation, ...] = (
        ops.ChangeComm(SLIDER, {"value": 2, "text": "y" * 900}, (CommBuffer(("image",), b"png"),)),
        ops.ChangeComm(SLIDER, {}, (CommBuffer(("image",), b"another"),)),
        ops.WriteComm(OUT, "stdout", "one\n"),
        ops.WriteComm(OUT, "stdout", "two\n"),
        ops.ShowInComm(OUT, {"x": "y" * 50}, (CommBuffer(("z",), b"zzz"),)),
        ops.ClearComm(OUT, wait=True),
        ops.WriteComm(OUT, "stdout", "three"),
        ops.OpenComm(SLIDER, Comm("jupyter.widget", data={"value": 3})),
        ops.ClearComm(OUT, wait=False),
        ops.CloseComms((SLIDER,)),
        ops.CloseComms((OUT,)),
    )
    for change in changes:
        state = do(state, change)
        # Each list says how long it is, and an Output widget's grows one by one.
        assert abs(state.comm_bytes - sum(map(comm_size, state.comms.values()))) < 16, change


def test_models_are_shown_by_outputs_and_by_one_another() -> None:
    view: dict[str, Json] = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "slider", "version_major": 2}
    }
    inner: Json = {"output_type": "display_data", "data": {**view, "x": 1}}
    state = with_comms(
        slider={"layout": "IPY_MODEL_layout", "children": ["IPY_MODEL_out", {"deep": "IPY_MODEL_gone"}]},
        layout={"back": "IPY_MODEL_slider"},
        out={**OUTPUT, "outputs": [inner]},
        other={"text": "slider"},
    )
    assert (shown_comms(state), shows_comms(state)) == (set(), False)

    state = do(state, ops.AddOutput(A, DisplayData({**view})))

    assert shown_comms(state) == {SLIDER, CommId("layout"), OUT, GONE}
    assert shows_comms(state)


def test_lk6_comms_come_in_pieces_behind_the_cells() -> None:
    state = with_comms(a={"x": "1" * 90}, b={"x": "2" * 90}, c={"x": "3" * 90})

    assert view_of(state).comms == state.comms
    assert view_of(state, first_cells=1).comms == {}
    assert [list(piece) for piece in comm_pieces(state, 150)] == [["a", "b"], ["c"]]
    assert comm_pieces(a_session(), 150) == []


def test_a_snapshot_from_before_comms_is_read() -> None:
    old = msgspec.to_builtins(with_comms())
    for name in ("comms", "sends", "capturing", "comm_bytes", "comm_seq"):
        del old[name]

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=SessionState) == with_comms()


def test_a_snapshot_keeps_bytes() -> None:
    state = do(with_comms(slider={}), ops.ChangeComm(SLIDER, {}, (CommBuffer(("image", 0), b"\x00\xff"),)))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=SessionState) == state
