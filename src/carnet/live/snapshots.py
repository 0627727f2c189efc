"""A session's whole state as pieces of bytes, and back: no call is over all of it, however large a notebook is.

The first piece is the state without what may be many: cells, deleted ones, changes, comms.
The others hold these, some at a time. A snapshot of one piece, as earlier versions
wrote it, is read alike. Pure. Rule LV28: docs/specs/live.md.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from carnet.core.session.state import Binned, CellState, Comm, SessionState
from carnet.core.text.changes import ChangeJson
from carnet.ids import CellId, CommId

PIECE_BYTES: Final = 256 << 10
"""A piece is about so long; one cell is never cut."""

K = TypeVar("K")
V = TypeVar("V")


class _Piece(Struct, frozen=True, omit_defaults=True):
    cells: dict[CellId, CellState] = {}
    bin: tuple[Binned, ...] = ()
    changes: dict[CellId, tuple[ChangeJson, ...]] = {}
    comms: dict[CommId, Comm] = {}


class _RawPiece(Struct, frozen=True, omit_defaults=True):
    """The same, with each value encoded already."""

    cells: dict[CellId, Raw] = {}
    bin: tuple[Raw, ...] = ()
    changes: dict[CellId, Raw] = {}
    comms: dict[CommId, Raw] = {}


_encoder = msgspec.msgpack.Encoder()
_state_decoder = msgspec.msgpack.Decoder(SessionState)
_piece_decoder = msgspec.msgpack.Decoder(_Piece)


def pieces_of(state: SessionState) -> Iterator[bytes]:
    """Yield the pieces of a state, each when it is asked for. The state is immutable: they are of one number."""
    yield _encoder.encode(replace(state, cells={}, bin=(), changes={}, comms={}))
    for cells in _runs(state.cells.items()):
        yield _encoder.encode(_RawPiece(cells=dict(cells)))
    for binned in _runs(enumerate(state.bin)):
        yield _encoder.encode(_RawPiece(bin=tuple(raw for _, raw in binned)))
    for changes in _runs(state.changes.items()):
        yield _encoder.encode(_RawPiece(changes=dict(changes)))
    for comms in _runs(state.comms.items()):
        yield _encoder.encode(_RawPiece(comms=dict(comms)))


def state_of(pieces: list[bytes]) -> SessionState:
    """Return the state of these pieces. The list is used up.

    Raises:
        msgspec.MsgspecError: they are none.
    """
    pieces.reverse()
    state = _state_decoder.decode(pieces.pop())
    cells, binned = dict(state.cells), [state.bin]
    changes, comms = dict(state.changes), dict(state.comms)
    while pieces:
        piece = _piece_decoder.decode(pieces.pop())
        cells.update(piece.cells)
        binned.append(piece.bin)
        changes.update(piece.changes)
        comms.update(piece.comms)
    return replace(state, cells=cells, bin=tuple(chain(*binned)), changes=changes, comms=comms)


def _runs(items: Iterable[tuple[K, V]]) -> Iterator[list[tuple[K, Raw]]]:
    """Yield what belongs to one piece, encoded."""
    run: list[tuple[K, Raw]] = []
    size_bytes = 0
    for key, value in items:
        data = _encoder.encode(value)
        if run and size_bytes + len(data) > PIECE_BYTES:
            yield run
            run, size_bytes = [], 0
        run.append((key, Raw(data)))
        size_bytes += len(data)
    if run:
        yield run
