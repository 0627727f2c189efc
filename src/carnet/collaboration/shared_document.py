"""What all shared documents have: updates in and out, and what they have of whom. Knows pycrdt, and no shape.

Rules: docs/specs/collaboration.md.
"""

from typing import Any

from pycrdt import Doc

from carnet.collaboration.updates import clocks
from carnet.errors import PeerError


class Spoilt(PeerError):
    """An update broke off in the middle, or made what no notebook can hold: the document is to be made anew from what is kept."""


class SharedDocument:
    """One room's document. Sub-classes know what is in it."""

    def __init__(self) -> None:
        self._doc: Doc[Any] = Doc(allow_multithreading=True)
        self._updates: list[bytes] = []
        self._subscription = self._doc.observe(lambda event: self._updates.append(event.update))

    def whole(self) -> bytes:
        """Return the update that makes all of it."""
        return self._doc.get_update()

    def vector(self) -> bytes:
        """Return the state vector: what it has of whom."""
        return self._doc.get_state()

    def missing(self, vector: bytes) -> bytes:
        """Return the update for somebody who has this vector.

        Raises:
            PeerError: it is none.
        """
        try:
            return self._doc.get_update(vector)
        except Exception as error:
            raise PeerError("not a Yjs message: not a state vector") from error

    def has(self) -> dict[int, int]:
        """Return how much it has of each client."""
        return clocks(self.vector())

    def _taken(self) -> bytes:
        updates, self._updates = self._updates, []
        assert len(updates) <= 1, "one transaction makes one update"
        return updates[0] if updates else b""

    def _apply(self, update: bytes) -> None:
        try:
            self._doc.apply_update(update)
        except ValueError as error:
            raise PeerError("not a Yjs message: not an update") from error
        except Exception as error:
            raise Spoilt("not a Yjs message: an update that does not fit together") from error
