"""A text file's shared document, as clients have it: jupyter_ydoc's YFile. Knows pycrdt, and no file.

Rules CB24, CB26: docs/specs/collaboration.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pycrdt import Map, Text

from carnet.collaboration.document import change_text, sound
from carnet.collaboration.shared_document import SharedDocument
from carnet.collaboration.updates import SOURCE
from carnet.core.text.changes import diff


class TextDocument(SharedDocument):
    """One room's document."""

    def __init__(self) -> None:
        super().__init__()
        self._source: Text = self._doc.get(SOURCE, type=Text)
        self._state: Map[Any] = self._doc.get("state", type=Map)

    @property
    def text(self) -> str:
        """What is written."""
        return str(self._source)

    def load(self, updates: Sequence[bytes]) -> None:
        """Take updates that were kept.

        Raises:
            PeerError: one cannot be read.
        """
        for update in updates:
            self._apply(update)
        self._updates.clear()

    def begin(self, text: str) -> bytes:
        """Write the first text; return the update.

        Something is always there, if only deleted: so what a client writes has a neighbour. What
        has none was written in another document, and does not belong here (CB26).
        """
        with self._doc.transaction():
            self._source += sound(text) or " "
            if not text:
                del self._source[0:1]
        return self._taken()

    def take(self, update: bytes) -> bytes:
        """Take a client's update; return what was new of it, empty: nothing.

        Raises:
            PeerError: it cannot be read; nothing changed.
            Spoilt: it broke off in the middle.
        """
        self._apply(update)
        return self._taken()

    def become(self, text: str, state: Mapping[str, Any]) -> bytes:
        """Make it say this, by the least that is needed; return the update, empty when nothing changed."""
        old = self.text
        with self._doc.transaction():
            if text != old:
                change_text(self._source, diff(old, text))
            for key, value in state.items():
                if self._state.get(key) != value:
                    self._state[key] = value
        return self._taken()


def text_at(updates: Sequence[bytes]) -> str:
    """Return the text that these updates make.

    Raises:
        PeerError: one cannot be read.
    """
    document = TextDocument()
    document.load(updates)
    return document.text
