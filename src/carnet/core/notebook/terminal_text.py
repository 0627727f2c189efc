"""What a stream looks like after more was written to it: a terminal of one line.

Progress bars go back to the start of their line and write over it. A stream
keeps what a terminal would show, and so stays small. Only the last line is ever
rewritten; escape sequences have no width and are kept.

Writing a text in any pieces gives the same as writing it at once, wherever it
is cut, even inside an escape sequence: an unfinished one waits in the text,
just before the cursor, for its rest.

Rules NB10 to NB12: docs/specs/notebook.md.
"""

import re
from collections.abc import Sequence
from typing import Final

AT_END: Final = -1
"""The column of a cursor at the end of the last line."""

_TITLE = r"\][^\x07\x1b\n\r\b]{0,2048}"  # OSC: links, window titles
_CONTROL = r"\[[0-?]{0,64}[ -/]{0,4}"  # CSI: colours, cursor moves
#: A whole escape sequence. Lengths are bounded, so that a stray one cannot swallow a stream.
_AFTER_ESCAPE = rf"(?:{_CONTROL}[@-~]|{_TITLE}(?:\x07|\x1b\\)|[ -/]{{1,3}}[0-~]|[0-Z\\^-~])"
_LONGEST: Final = 2060

#: The start of a sequence, at the end of a text.
_UNFINISHED = re.compile(rf"\x1b(?:{_CONTROL}|{_TITLE}\x1b?|[ -/]{{0,3}})\Z")
_ERASE = re.compile(r"\x1b\[([012]?)K")
#: What does more than add to the end of a line.
_ACTIVE = re.compile(rf"[\r\b]|{_ERASE.pattern}|\x1b(?!{_AFTER_ESCAPE})")
_ACTIVE_OR_ESCAPE = re.compile(r"[\r\b\x1b]")
_STEP = re.compile(rf"\x1b{_AFTER_ESCAPE}|[\r\b\x1b]|[^\r\b\x1b]+")
_UNIT = re.compile(rf"\x1b{_AFTER_ESCAPE}|.", re.DOTALL)
_STYLE = re.compile(r"\x1b\[[0-9;:]*m")
_RESETS = frozenset({"\x1b[m", "\x1b[0m"})

#: Stands for an escape character that starts no sequence: in the text, each escape belongs to one.
_STRAY = "\u241b"


def write(text: str, column: int, new: str) -> tuple[str, int]:
    """Return the text with `new` written at `column` of its last line, and the new column.

    Columns count characters of the last line, escape sequences included;
    `AT_END` (-1) is its end. Takes time in the lengths of `new` and of the last
    line, and one copy of the text.
    """
    if column < 0 and "\x1b" not in text[-_LONGEST:] and not _ACTIVE_OR_ESCAPE.search(new):
        return text + new, AT_END
    start = text.rfind("\n") + 1
    end = len(text) if column < 0 else start + column
    before, after = text[start:end], text[end:]
    unfinished = _UNFINISHED.search(before[-_LONGEST:])
    if unfinished:
        new = unfinished[0] + new
        before = before.removesuffix(unfinished[0])
    pieces = [text[:start]]
    # A line feed keeps the whole line, wherever the cursor is; so a carriage return just before it changes nothing.
    *lines, last = new.replace("\r\n", "\n").split("\n")
    for line in lines:
        pieces += (*_write_line(before, after, line, is_last=False), "\n")
        before = after = ""
    before, after = _write_line(before, after, last, is_last=True)
    pieces += (before, after)
    return "".join(pieces), len(before) if after else AT_END


def shortened(new: str) -> str:
    """Return a text that does to any stream what `new` does: without what `new` itself writes over again.

    Of ten thousand steps of a progress bar that come at once, the first and the last are left.
    """
    if "\r" not in new:
        return new
    return "\n".join(map(_shortened_line, new.replace("\r\n", "\n").split("\n")))


def _shortened_line(line: str) -> str:
    # The first piece is written wherever the cursor is; each later one from the start of the line.
    first, *pieces = line.split("\r")
    kept: list[str] = []
    covered = -1
    for piece in reversed(pieces):
        if "\x1b" in piece or "\b" in piece:
            # Sequences stay where they are written, among the characters that stand there.
            covered = -1
        elif len(piece) <= covered:
            continue
        else:
            covered = len(piece)
        kept.append(piece)
    return "\r".join((first, *reversed(kept)))


def _write_line(before: str, after: str, new: str, *, is_last: bool) -> tuple[str, str]:
    """Write `new`, which has no line feed, between the two parts of a line; return the parts again."""
    if not after and not _ACTIVE.search(new):
        return before + new, ""
    line = _Line(before, after)
    for step in _STEP.finditer(new):
        found = step[0]
        if found == "\r":
            line.go_to_start()
        elif found == "\b":
            line.go_back()
        elif found == "\x1b":
            if is_last and _UNFINISHED.match(new, step.start()):
                line.insert(new[step.start() :])
                break
            line.overwrite(_STRAY)
        elif found[0] != "\x1b":
            line.overwrite(found)
        elif erase := _ERASE.fullmatch(found):
            line.erase(left=erase[1] in {"1", "2"}, right=erase[1] != "1")
        else:
            line.insert(found)
    return line.parts()


class _Line:
    """A line and a cursor in it. Units are single characters, and whole escape sequences, which have no width."""

    def __init__(self, before: str, after: str) -> None:
        self._left: list[str] = _UNIT.findall(before)
        #: Reversed: the unit at the cursor is the last. Empty, or with a character in it (`_settle`).
        self._right: list[str] = _UNIT.findall(after)[::-1]
        self._right_width = sum(len(unit) == 1 for unit in self._right)

    def parts(self) -> tuple[str, str]:
        return "".join(self._left), "".join(reversed(self._right))

    def insert(self, sequence: str) -> None:
        self._left.append(sequence)

    def overwrite(self, text: str) -> None:
        """Write characters over those at the cursor; styles that stood among these now come after."""
        count = min(len(text), self._right_width)
        styles: list[str] = []
        for _ in range(count):
            while len(unit := self._right.pop()) > 1:
                if _STYLE.fullmatch(unit):
                    styles.append(unit)
        self._left.extend(text[:count])
        self._right.extend(reversed(_collapsed(styles)))
        self._right_width -= count
        self._settle()
        self._left.extend(text[count:])

    def go_to_start(self) -> None:
        self._right_width += sum(len(unit) == 1 for unit in self._left)
        self._right.extend(reversed(self._left))
        self._left.clear()
        self._settle()

    def go_back(self) -> None:
        while self._left:
            unit = self._left.pop()
            self._right.append(unit)
            if len(unit) == 1:
                self._right_width += 1
                break
        self._settle()

    def erase(self, *, left: bool, right: bool) -> None:
        """Blank what is left of the cursor and drop what is right of it. Styles stay: the pen does not change."""
        if left:
            self._left = [" " if len(unit) == 1 else unit for unit in self._left]
        if right:
            self._right = _collapsed([unit for unit in reversed(self._right) if _STYLE.fullmatch(unit)])[::-1]
            self._right_width = 0
            self._settle()
        elif self._right:
            at = next(n for n in range(len(self._right) - 1, -1, -1) if len(self._right[n]) == 1)
            self._right[at] = " "

    def _settle(self) -> None:
        """With no character to its right, the cursor is at the end of the line."""
        if not self._right_width:
            self._left.extend(reversed(self._right))
            self._right.clear()


def _collapsed(styles: Sequence[str]) -> list[str]:
    """Return fewer styles of the same effect: nothing before the last reset, and of equal ones the last."""
    start = next((n for n in range(len(styles) - 1, -1, -1) if styles[n] in _RESETS), 0)
    return list(dict.fromkeys(reversed(styles[start:])))[::-1]
