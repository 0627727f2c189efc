"""What a kernel says of comms."""

import msgspec
import pytest
from msgspec.structs import replace

from carnet.core.notebook.model import BlobRef, DisplayData, Json, Stream
from carnet.core.session import effects as fx
from carnet.core.session import intents, kernel_comms
from carnet.core.session import operations as ops
from carnet.core.session.interpret import COMMS_FULL, LEVELS, TOO_DEEP, externalise, interpret
from carnet.core.session.state import Comm, CommBuffer, CommSend, SessionState
from carnet.core.wire.host import JournalGap, KernelDied, KernelStarted, Obituary, Record
from carnet.ids import CommId, SendId
from tests.core.session.sessions import IDLE, K1, A, Client, Kernel, a_session, do, outputs, reading, running

M1, M2, OUT = CommId("m1"), CommId("m2"), CommId("out")
S1 = SendId("s1")
OUTPUT: dict[str, Json] = {
    "_model_name": "OutputModel",
    "_model_module": "@jupyter-widgets/output",
    "msg_id": "",
    "outputs": [],
}
BLOB = BlobRef("ab" * 32, 50_000, "application/octet-stream")


def opens(kernel: Kernel, comm_id: str, state: dict[str, Json], parent: str = "r1") -> Record:
    data = {"state": state, "buffer_paths": []}
    return kernel.says("comm_open", parent, comm_id=comm_id, target_name="jupyter.widget", data=data)


def updates(
    kernel: Kernel, comm_id: str, state: dict[str, Json], parent: str = "r1", method: str = "update"
) -> Record:
    data = {"method": method, "state": state, "buffer_paths": []}
    return kernel.says("comm_msg", parent, comm_id=comm_id, data=data)


def custom(kernel: Kernel, comm_id: str, content: Json) -> Record:
    return kernel.says("comm_msg", comm_id=comm_id, data={"method": "custom", "content": content})


def said(state: SessionState, *records: Record) -> tuple[ops.Operation, ...]:
    return interpret(state, records, now_ms=9_000).ops


def read(state: SessionState, *records: Record) -> SessionState:
    return reading(state, records)[0]


def with_slider(kernel: Kernel) -> SessionState:
    return read(running("a"), opens(kernel, "m1", {"value": 1, "max": 9}))


def with_output(kernel: Kernel, msg_id: str = "r1") -> SessionState:
    return read(running("a"), opens(kernel, "out", {**OUTPUT, "msg_id": msg_id}))


def sending(state: SessionState, **fields: object) -> SessionState:
    send = replace(CommSend(S1, M1, data={"method": "update", "state": {"value": 5}}), **fields)
    return do(state, ops.CommSent(send))


def test_km16_a_widget_is_opened_changed_and_closed() -> None:
    kernel = Kernel()
    state = with_slider(kernel)
    assert state.comms == {M1: Comm("jupyter.widget", data={"value": 1, "max": 9})}

    state = read(state, updates(kernel, "m1", {"value": 2}), updates(kernel, "gone", {"value": 2}))
    assert state.comms[M1].data == {"value": 2, "max": 9}

    state = read(state, kernel.says("comm_close", comm_id="m1", data={}), updates(kernel, "m1", {"value": 3}))
    assert state.comms == {}


def test_km16_buffers_come_to_their_paths() -> None:
    kernel = Kernel()
    record = opens(kernel, "m1", {"parts": [None]})
    data = {"state": {"parts": [None]}, "buffer_paths": [["image"], ["parts", 0], "odd", []]}
    content = {"comm_id": "m1", "target_name": "jupyter.widget", "data": data}
    record = replace(record, content=msgspec.json.encode(content), buffers=[b"one", b"two", b"3", b"4"])

    comm = read(running("a"), record).comms[M1]

    assert comm.buffers == (CommBuffer(("image",), b"one"), CommBuffer(("parts", 0), b"two"))


def test_km16_of_several_changes_the_last_one_stays_with_all_keys() -> None:
    kernel = Kernel()
    state = with_slider(kernel)

    told = said(
        state,
        updates(kernel, "m1", {"value": 2, "min": 0}),
        opens(kernel, "m2", {}),
        *(updates(kernel, "m1", {"value": n, "child": "IPY_MODEL_m2"}) for n in range(3, 1_000)),
    )

    assert told == (
        ops.OpenComm(M2, Comm("jupyter.widget")),
        ops.ChangeComm(M1, {"value": 999, "min": 0, "child": "IPY_MODEL_m2"}),
    )


def test_km16_what_is_told_stays_between_the_changes_around_it() -> None:
    kernel = Kernel()

    told = said(
        with_slider(kernel),
        updates(kernel, "m1", {"value": 2}),
        custom(kernel, "m1", "draw"),
        updates(kernel, "m1", {"value": 3}),
    )

    assert told == (
        ops.ChangeComm(M1, {"value": 2}),
        ops.TellComm(M1, {"method": "custom", "content": "draw"}),
        ops.ChangeComm(M1, {"value": 3}),
    )


def test_km16_other_targets_are_told_everything() -> None:
    kernel = Kernel()
    content = {"comm_id": "x", "target_name": "mine", "target_module": "my.module", "data": {"state": 1}}
    opened = replace(kernel.record("iopub", "comm_open", "r1", msgspec.json.encode(content)), buffers=[b"b"])
    state = read(running("a"), opened)
    buffer = CommBuffer((), b"b")
    assert state.comms == {CommId("x"): Comm("mine", "my.module", {"state": 1}, (buffer,))}

    message = replace(
        kernel.says("comm_msg", comm_id="x", data={"method": "update", "state": {}}), buffers=[b"b"]
    )
    assert said(state, message) == (ops.TellComm(CommId("x"), {"method": "update", "state": {}}, (buffer,)),)


def test_km14_what_is_no_comm_message_is_said() -> None:
    kernel = Kernel()
    state = read(
        with_slider(kernel),
        kernel.says("comm_open", comm_id="x"),
        kernel.says("comm_msg", comm_id=3),
        kernel.says("comm_msg", comm_id="m1", data=[]),
    )
    assert [notice.id for notice in state.notices] == ["kernel-malformed"]
    assert list(state.comms) == [M1]


def test_km15_what_is_nested_too_deep_is_left_out() -> None:
    deep: Json = []
    for _ in range(LEVELS + 5):
        deep = [deep]
    kernel = Kernel()

    state = read(
        with_slider(kernel),
        updates(kernel, "m1", {"value": 2, "deep": deep}),
        opens(kernel, "m2", {"deep": deep, "x": 1}),
        custom(kernel, "m1", deep),
    )

    assert (state.comms[M1].data, state.comms[M2].data) == ({"value": 2, "max": 9}, {"x": 1})
    assert [notice.id for notice in state.notices] == [TOO_DEEP]
    assert "content: lists" in state.notices[0].text


def test_km17_a_message_is_handled_when_the_kernel_is_idle_after_it() -> None:
    kernel = Kernel()
    state = sending(with_slider(kernel))

    told = said(
        state,
        kernel.busy("s1"),
        updates(kernel, "m1", {"value": 5}, "s1", "echo_update"),
        updates(kernel, "m1", {"value": 4}, "s1"),
        kernel.idle("s1"),
    )

    assert told == (ops.ChangeComm(M1, {"value": 4}), ops.CommHandled(S1))


def test_km17_what_the_kernel_does_not_echo_holds_as_it_was_sent() -> None:
    kernel = Kernel()
    image = CommBuffer(("image",), blob=BLOB)
    sent = {"method": "update", "state": {"value": 5, "other": 6}}
    state = sending(with_slider(kernel), data=sent, buffers=(image, CommBuffer(("seen",), b"x")))

    # In two batches: what was echoed in the first is not forgotten.
    state = read(
        state, kernel.busy("s1"), updates(kernel, "m1", {"value": 5, "seen": 1}, "s1", "echo_update")
    )
    assert state.sends[S1].answered == ("value", "seen")
    assert said(state, updates(kernel, "m1", {"value": 7})) == (ops.ChangeComm(M1, {"value": 7}),)
    state = read(state, updates(kernel, "m1", {"value": 7}), kernel.idle("s1"))

    assert state.comms[M1].data == {"value": 7, "max": 9, "seen": 1, "other": 6}
    assert state.comms[M1].buffers == (image,)
    assert state.sends == {}


def test_km17_a_custom_message_and_one_to_a_comm_that_was_closed_change_nothing() -> None:
    kernel = Kernel()
    state = sending(with_slider(kernel), data={"method": "custom", "content": {"state": 1}})
    assert said(state, kernel.idle("s1")) == (ops.CommHandled(S1),)

    state = sending(with_slider(kernel))
    told = said(state, kernel.says("comm_close", comm_id="m1", data={}), kernel.idle("s1"))
    assert told == (ops.CloseComms((M1,)), ops.CommHandled(S1))


def test_km17_after_a_gap_no_message_is_waited_for() -> None:
    kernel = Kernel()
    state = sending(with_slider(kernel))
    state = read(state, kernel.host(JournalGap(1, "the host was not there")))
    assert state.sends == {}
    assert state.comms[M1].data["value"] == 1


def test_km18_an_output_widget_takes_outputs_in_the_place_of_the_cell() -> None:
    kernel = Kernel()
    state = with_output(kernel)

    state = read(
        state,
        *(kernel.prints(f"{n}\n") for n in range(3)),
        kernel.says("display_data", data={"text/plain": "x"}, metadata={"m": 1}),
        kernel.says("execute_result", data={"text/plain": "y"}, execution_count=4),
        kernel.says("error", ename="E", evalue="no", traceback=["line"]),
        updates(kernel, "out", {"msg_id": ""}),
        kernel.prints("to the cell"),
    )

    assert state.comms[OUT].data["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "0\n1\n2\n"},
        {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {"m": 1}},
        {"output_type": "execute_result", "data": {"text/plain": "y"}, "metadata": {}, "execution_count": 4},
        {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["line"]},
    ]
    assert outputs(state) == (Stream("stdout", "to the cell"),)


def test_km18_clearing_inside_clears_the_widget() -> None:
    kernel = Kernel()
    state = read(with_output(kernel), kernel.prints("old"))

    state = read(state, kernel.says("clear_output", wait=True))
    assert state.comms[OUT].data["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "old"}]

    told = said(
        state,
        kernel.prints("left out"),
        kernel.says("clear_output", wait=True),
        kernel.prints("new"),
    )
    assert told == (ops.ClearComm(OUT, wait=False), ops.WriteComm(OUT, "stdout", "new"))


def test_km18_of_nested_widgets_the_inner_one_takes_it() -> None:
    kernel = Kernel()
    state = read(
        with_output(kernel),
        opens(kernel, "m2", {**OUTPUT, "msg_id": "r1"}),
        kernel.prints("inner"),
        updates(kernel, "m2", {"msg_id": ""}),
        kernel.prints("outer"),
    )
    texts = {comm_id: comm.data["outputs"] for comm_id, comm in state.comms.items()}
    assert texts == {
        OUT: [{"output_type": "stream", "name": "stdout", "text": "outer"}],
        M2: [{"output_type": "stream", "name": "stdout", "text": "inner"}],
    }


def test_km18_the_kernel_is_told_what_its_widget_shows_once_at_a_time() -> None:
    kernel = Kernel()
    state = with_output(kernel)
    first = CommSend(SendId("outputs-3"), OUT, outputs=True)

    told = said(state, kernel.prints("one"), updates(kernel, "out", {"msg_id": ""}))
    assert told[-1] == ops.CommSent(first)
    state = do(state, *told)

    # Another one while that is not handled: when it is.
    state = read(state, updates(kernel, "out", {"msg_id": "r1"}), kernel.prints("two"))
    state = read(state, updates(kernel, "out", {"msg_id": ""}))
    assert list(state.sends) == [first.id]
    state = read(state, kernel.busy("outputs-3"), kernel.idle("outputs-3"))
    assert list(state.sends) == [SendId(f"outputs-{kernel.number}")]
    state = read(state, kernel.idle(f"outputs-{kernel.number}"))
    assert state.sends == {}


def test_km18_an_echo_of_outputs_is_not_taken_but_what_the_kernel_sets_is() -> None:
    kernel = Kernel()
    state = read(with_output(kernel), kernel.prints("one"))
    older: list[Json] = [{"output_type": "stream", "name": "stdout", "text": "older"}]
    state = read(state, updates(kernel, "out", {"outputs": older}, method="echo_update"))
    assert state.comms[OUT].data["outputs"] != older

    set_here = read(
        state, kernel.prints("two"), updates(kernel, "out", {"outputs": older}), kernel.prints(" and more")
    )
    assert set_here.comms[OUT].data["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "older and more"}
    ]


def test_km18_the_middle_of_a_very_long_text_goes() -> None:
    kernel = Kernel()
    line = "x" * 99 + "\n"
    state = read(with_output(kernel), kernel.prints(line * 12_000), updates(kernel, "m9", {}))

    state = read(state, kernel.prints("the end\n"))

    text = msgspec.convert(state.comms[OUT].data["outputs"], list[dict[str, str]])[0]["text"]
    assert len(text) < 700_000
    assert text.startswith(line)
    assert text.endswith(line + "the end\n")
    assert "characters are left out]\n" in text


def test_km19_what_the_kernel_prints_because_of_a_message_is_shown_where_it_came_from() -> None:
    kernel = Kernel()
    state = sending(with_slider(kernel), cell_id=A)
    state = read(state, kernel.busy("s1"), kernel.prints("clicked", "s1"), kernel.idle("s1"))
    assert outputs(state) == (Stream("stdout", "clicked"),)

    state = sending(with_slider(Kernel()), cell_id=None)
    assert said(state, Kernel(9).prints("clicked", "s1")) == ()


def test_km20_what_is_too_much_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_comms, "COMMS_LIMIT_BYTES", 2_000)
    kernel = Kernel()
    view: dict[str, Json] = {"application/vnd.jupyter.widget-view+json": {"model_id": "m1"}}
    state = do(with_slider(kernel), ops.AddOutput(A, DisplayData(view)))
    state = read(state, updates(kernel, "m1", {"text": "x" * 1_800}))

    state = read(state, opens(kernel, "m2", {"text": "y" * 300}), updates(kernel, "m1", {"text": "z" * 400}))

    assert list(state.comms) == [M1]
    assert state.comms[M1].data["text"] == "x" * 1_800
    assert [notice.id for notice in state.notices] == [COMMS_FULL]


def test_km20_what_no_output_shows_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_comms, "COMMS_LIMIT", 8)
    kernel = Kernel()
    view: dict[str, Json] = {"application/vnd.jupyter.widget-view+json": {"model_id": "m1"}}
    state = do(with_slider(kernel), ops.AddOutput(A, DisplayData(view)))

    for n in range(20):
        state = read(state, opens(kernel, f"n{n}", {"n": n}))

    assert len(state.comms) <= 8
    assert next(iter(state.comms)) == M1
    assert "n19" in state.comms
    assert state.notices == ()


def test_se23_a_new_process_begins_with_what_is_shown() -> None:
    kernel = Kernel()
    view: dict[str, Json] = {"application/vnd.jupyter.widget-view+json": {"model_id": "m1"}}
    state = do(with_slider(kernel), ops.AddOutput(A, DisplayData(view)))
    state = read(state, opens(kernel, "m2", {}))
    state = do(state, ops.SetKernel(replace(state.kernel, status="restarting")))

    state = read(
        state,
        kernel.host(KernelDied(1, Obituary(asked=True))),
        kernel.host(KernelStarted(2, {})),
        opens(kernel, "m3", {"value": 3}),
        updates(kernel, "m3", {"value": 4}),
        updates(kernel, "m1", {"value": 4}),
    )

    assert {comm_id: (comm.live, comm.data.get("value")) for comm_id, comm in state.comms.items()} == {
        M1: (False, 1),
        CommId("m3"): (True, 4),
    }
    assert (state.kernel.lineage, state.kernel.status) == (2, "idle")


def test_lv25_large_values_stand_in_blobs() -> None:
    kept: list[bytes] = []

    def new_blob(data: bytes, media_type: str) -> BlobRef:
        kept.append(data)
        return BlobRef(str(len(kept)), len(data), media_type)

    large = "é" * 40
    state: dict[str, Json] = {"html": large, "small": "x", "list": [1, {"deep": large}]}
    operations = (
        ops.OpenComm(M1, Comm("jupyter.widget", data=state, buffers=(CommBuffer(("b",), bytes(33)),))),
        ops.ChangeComm(M1, {"html": large}, (CommBuffer(("b",), bytes(32)),)),
        ops.ShowInComm(OUT, {"data": {"image/png": large}}),
        ops.TellComm(M1, {"x": large}, (CommBuffer((), bytes(33)),)),
        ops.CloseComms((M1,)),
    )

    opened, changed, shown, told, closed = externalise(operations, limit_bytes=32, new_blob=new_blob)

    binary = "application/octet-stream"
    assert opened == ops.OpenComm(
        M1,
        Comm(
            "jupyter.widget",
            data={"html": None, "small": "x", "list": [1, {"deep": None}]},
            buffers=(
                CommBuffer(("b",), blob=BlobRef("3", 33, binary)),
                CommBuffer(("html",), blob=BlobRef("1", 80, "text/plain"), text=True),
                CommBuffer(("list", 1, "deep"), blob=BlobRef("2", 80, "text/plain"), text=True),
            ),
        ),
    )
    assert changed == ops.ChangeComm(
        M1,
        {"html": None},
        (
            CommBuffer(("b",), bytes(32)),
            CommBuffer(("html",), blob=BlobRef("4", 80, "text/plain"), text=True),
        ),
    )
    assert shown == ops.ShowInComm(
        OUT,
        {"data": {"image/png": None}},
        (CommBuffer(("data", "image/png"), blob=BlobRef("5", 80, "text/plain"), text=True),),
    )
    assert (told, closed) == operations[3:]


def test_a_page_moves_a_slider() -> None:
    kernel = Kernel()
    client = Client(with_slider(kernel))
    body = intents.SendComm(S1, M1, {"method": "update", "state": {"value": 5}}, cell_id=A)
    client.send(body)
    assert client.effects == (fx.SendComm(K1, CommSend(S1, M1, data=body.data, cell_id=A)),)
    assert client.state.comms[M1].data["value"] == 1

    state = read(
        client.state,
        kernel.busy("s1"),
        updates(kernel, "m1", {"value": 5}, "s1", "echo_update"),
        kernel.idle("s1"),
    )

    assert (state.comms[M1].data["value"], state.sends) == (5, {})


def test_comms_are_none_of_a_session_without_a_kernel() -> None:
    kernel = Kernel()
    assert said(a_session("a"), opens(kernel, "m1", {})) == ()
    assert IDLE.id == K1
