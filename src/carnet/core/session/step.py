"""What one operation did to the state: the shape that all of `apply` hands on. No rules of its own."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from carnet.core.session.effects import Effect
from carnet.core.session.state import CellState, SessionState
from carnet.ids import CellId

K = TypeVar("K")
V = TypeVar("V")


class Step(NamedTuple):
    """The next state; whether what the file holds changed; what is to be done."""

    state: SessionState
    changed: bool = False
    effects: tuple[Effect, ...] = ()


def with_cells(state: SessionState, changed: Mapping[CellId, CellState]) -> SessionState:
    """Return the state with these cells in the place of those of the same id."""
    return replace(state, cells={**state.cells, **changed})


def without(mapping: dict[K, V], *keys: K) -> dict[K, V]:
    """Return the mapping without these keys; itself when it has none of them."""
    if not any(key in mapping for key in keys):
        return mapping
    gone = set(keys)
    return {key: value for key, value in mapping.items() if key not in gone}
