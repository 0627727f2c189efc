"""Which modes of its screen a terminal's output has set: for a screen that comes when that output is no longer kept.

A full-screen program says once that it draws on the other screen, how its keys
are to be sent, and that it wants the mouse. A screen that sees only what came
later must be told. Rule HO97: docs/specs/host.md.
"""

import re
from typing import Final

#: DEC's private modes that say how to draw and how to type: those that are off at first, and those that are on.
_OFF_AT_FIRST: Final = frozenset(
    {1, 5, 6, 9, 45, 47, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016, 1047, 1049, 2004}
)
_ON_AT_FIRST: Final = frozenset({7, 25})

_OTHER_SCREEN: Final = (1049, 1047, 47)
"""Before the rest: some programs set modes for that screen."""

_SEQUENCE: Final = re.compile(rb"\x1b(?:\[\?([0-9;]{1,64})([hl])|(c)|(\[!p)|([=>]))")

_UNFINISHED: Final = re.compile(rb"\x1b(?:\[(?:\?[0-9;]{0,64}|!)?)?\Z")


class ScreenModes:
    """Modes after all that was fed."""

    def __init__(self) -> None:
        self._changed: set[int] = set()
        """Those that are not as they are at first."""
        self._keypad = False
        self._unfinished = b""

    def feed(self, data: bytes) -> None:
        """Take in more output; sequences may be cut anywhere."""
        data = self._unfinished + data
        for numbers, on, full_reset, soft_reset, keypad in _SEQUENCE.findall(data):
            if full_reset or soft_reset:
                self._changed.clear()
                self._keypad = False
            elif keypad:
                self._keypad = keypad == b"="
            else:
                for number in numbers.split(b";"):
                    if number:
                        self._set(int(number), on=on == b"h")
        found = _UNFINISHED.search(data)
        self._unfinished = found[0] if found else b""

    def sequences(self) -> bytes:
        """Return what brings a fresh screen into these modes."""
        order = sorted(self._changed, key=lambda mode: (mode not in _OTHER_SCREEN, mode))
        parts = [b"\x1b[?%d%s" % (mode, b"l" if mode in _ON_AT_FIRST else b"h") for mode in order]
        return b"".join([*parts, b"\x1b="] if self._keypad else parts)

    def _set(self, mode: int, *, on: bool) -> None:
        if mode in _OFF_AT_FIRST if on else mode in _ON_AT_FIRST:
            self._changed.add(mode)
        else:
            self._changed.discard(mode)
