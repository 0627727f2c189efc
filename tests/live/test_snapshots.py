"""Rule LV28: docs/specs/live.md."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from carnet.core.notebook.model import Cell, Notebook, Stream
from carnet.core.session.notebook_of import new_session
from carnet.core.session.state import Binned, Comm, Notice, SessionState
from carnet.ids import CellId, CommId, JournalId, NotebookPath, Revision
from carnet.live.snapshots import PIECE_BYTES, pieces_of, state_of

LONG = "x" * (PIECE_BYTES // 3)
TEXTS = st.sampled_from(("", "é", LONG))


def a_state(texts: list[str], binned: list[str], changed: list[str]) -> SessionState:
    cells = tuple(
        Cell(CellId(f"c{number}"), "code", text, {"n": number}, (Stream("stdout", text),) if text else ())
        for number, text in enumerate(texts)
    )
    notebook = Notebook(cells, {"kernelspec": {"name": "python3"}}, extra={"odd": [1]})
    state = new_session(JournalId("j"), NotebookPath("a.ipynb"), notebook, Revision("r"), at_ms=1)
    old = state.cells.get(CellId("c0"))
    return replace(
        state,
        notices=(Notice("n", "info", "text", 1),),
        bin=tuple(
            Binned(replace(old, cell=Cell(CellId(f"b{number}"), "raw", text)), CellId("c0"))
            for number, text in enumerate(binned)
            if old is not None
        ),
        changes={CellId(f"c{number}"): ([0, [0, text]],) for number, text in enumerate(changed)},
        comms={
            CommId(f"m{number}"): Comm("jupyter.widget", data={"value": text})
            for number, text in enumerate(changed)
        },
    )


STATES = st.builds(a_state, *[st.lists(TEXTS, max_size=12)] * 3)


@given(STATES)
def test_lv28_a_state_comes_back_from_its_pieces(state: SessionState) -> None:
    assert state_of([*pieces_of(state)]) == state


@given(STATES)
def test_lv28_no_piece_is_much_longer_than_it_may_be(state: SessionState) -> None:
    assert all(len(piece) < 2 * PIECE_BYTES for piece in pieces_of(state))


@given(STATES)
def test_lv28_a_snapshot_of_one_piece_is_read_as_earlier_versions_wrote_it(state: SessionState) -> None:
    assert state_of([msgspec.msgpack.encode(state)]) == state


def test_lv28_what_is_no_snapshot_is_told() -> None:
    for pieces in ([b""], [next(pieces_of(a_state(["a"], [], []))), b"\xc1"]):
        with pytest.raises(msgspec.MsgspecError):
            state_of(pieces)
