"""The states of widgets in the file."""

import msgspec

from carnet.core.notebook.model import BlobRef, DisplayData, Json, Notebook
from carnet.core.session import operations as ops
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.outside import outside_change
from carnet.core.session.saved_widgets import FILE_BUFFERS_BYTES, KEY, STATES, with_widgets
from carnet.core.session.state import Comm, CommBuffer, SessionState
from carnet.ids import CommId
from tests.core.session.sessions import IDLE, A, a_session, do

M1, M2 = CommId("m1"), CommId("m2")
VIEW: dict[str, Json] = {"application/vnd.jupyter.widget-view+json": {"model_id": "m1"}}
MODEL: dict[str, Json] = {
    "_model_name": "BoxModel",
    "_model_module": "@jupyter-widgets/controls",
    "_model_module_version": "2.0.0",
    "children": ["IPY_MODEL_m2"],
}


def blob(ref: BlobRef) -> bytes:
    return {"t": b"long text", "b": b"\x00\xff"}[ref.sha256]


def shown(*comms: tuple[CommId, Comm]) -> SessionState:
    state = do(a_session("a"), ops.SetKernel(IDLE), ops.AddOutput(A, DisplayData(VIEW)))
    return do(state, *(ops.OpenComm(comm_id, comm) for comm_id, comm in comms))


def a_widget(data: dict[str, Json], *buffers: CommBuffer) -> Comm:
    return Comm("jupyter.widget", data=data, buffers=buffers)


def saved(name: str, **state: Json) -> Json:
    return {
        "model_name": name,
        "model_module": None,
        "model_module_version": None,
        "state": {"_model_name": name, **state},
    }


def in_file(states: dict[str, Json]) -> dict[str, Json]:
    return {KEY: {STATES: {"version_major": 2, "version_minor": 0, "state": states}}}


def test_se25_what_is_shown_is_written_with_values_and_buffers_in_their_places() -> None:
    text = CommBuffer(("list", 0, "html"), blob=BlobRef("t", 9, "text/plain"), text=True)
    nowhere = CommBuffer(("list", 7), b"x", text=True)
    child = a_widget(
        {"_model_name": "C", "list": [{"html": None}]},
        text,
        nowhere,
        CommBuffer(("image",), blob=BlobRef("b", 2, "application/octet-stream")),
    )
    state = shown((M1, a_widget(MODEL)), (M2, child), (CommId("m3"), a_widget({"_model_name": "D"})))

    metadata = with_widgets({"x": 1}, state, blob)

    assert metadata == {
        "x": 1,
        **in_file(
            {
                "m1": {
                    "model_name": "BoxModel",
                    "model_module": "@jupyter-widgets/controls",
                    "model_module_version": "2.0.0",
                    "state": MODEL,
                },
                "m2": {
                    **saved("C", list=[{"html": "long text"}]),  # type: ignore[dict-item]  # it is an object
                    "buffers": [{"data": "AP8=", "encoding": "base64", "path": ["image"]}],
                },
            }
        ),
    }
    assert state.comms[M2].data["list"] == [{"html": None}]


def test_se25_those_of_an_ended_kernel_are_written_too() -> None:
    state = do(shown((M1, a_widget({"_model_name": "C"}))), ops.SetKernel(a_session().kernel))
    assert with_widgets({}, state, blob) == in_file({"m1": saved("C")})


def test_se25_what_the_file_had_of_others_that_are_shown_is_kept() -> None:
    known = in_file(
        {"m1": saved("Old"), "m2": saved("C", layout="IPY_MODEL_m4"), "m4": saved("L"), "m5": saved("D")}
    )
    known = {KEY: {**known[KEY], "other": 1}}  # type: ignore[dict-item]  # it is an object
    state = shown((M1, a_widget(MODEL)))

    metadata = with_widgets(known, state, blob)

    widgets = metadata[KEY]
    assert isinstance(widgets, dict)
    assert widgets["other"] == 1
    states = msgspec.convert(widgets[STATES], _States).state
    assert {name: state["state"] for name, state in states.items()} == {
        "m1": MODEL,
        "m2": {"_model_name": "C", "layout": "IPY_MODEL_m4"},
        "m4": {"_model_name": "L"},
    }


class _States(msgspec.Struct):
    state: dict[str, dict[str, Json]]


def test_se25_without_comms_or_views_the_metadata_is_as_it_came() -> None:
    different: tuple[dict[str, Json], ...] = ({}, {KEY: "odd"}, in_file({"m9": saved("C")}))
    for metadata in different:
        assert with_widgets(metadata, a_session("a"), blob) is metadata
        assert with_widgets(metadata, shown(), blob) is metadata
        unseen = do(shown((M1, a_widget({}))), ops.ClearOutputs((A,)))
        assert with_widgets(metadata, unseen, blob) is metadata
        assert with_widgets(metadata, shown((M2, a_widget({}))), blob) is metadata


def test_se25_very_large_buffers_are_left_out() -> None:
    large = CommBuffer(("value",), blob=BlobRef("b", FILE_BUFFERS_BYTES + 1, "application/octet-stream"))
    state = shown((M1, a_widget({"_model_name": "C"}, large)))
    assert with_widgets({}, state, blob) == in_file({"m1": saved("C")})


def test_se25_what_a_changed_file_says_of_widgets_is_not_taken_while_there_are_some() -> None:
    state = shown((M1, a_widget(MODEL)))
    ours = notebook_of(state)

    def change(state: SessionState, base: Notebook) -> tuple[ops.Operation, ...]:
        theirs = Notebook(ours.cells, {**in_file({"m1": saved("C")}), "title": "T"})
        return outside_change(state, base, theirs, new_ids=iter([]), at_ms=1)

    assert change(state, ours) == (ops.SetMetadata({"title": "T"}),)
    before = Notebook(ours.cells, in_file({"m0": saved("B")}))
    assert change(state, before) == (ops.SetMetadata({"title": "T"}),)
    without = do(state, ops.CloseComms((M1,)))
    assert change(without, ours) == (ops.SetMetadata({**in_file({"m1": saved("C")}), "title": "T"}),)
