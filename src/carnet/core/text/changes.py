"""Changes to a cell's source: apply, map over others, compose, invert, find.

A change has CodeMirror's ChangeSet form, so that the page and the server
speak of edits alike; `map`, `compose`, `invert` and `map_position` give what
`@codemirror/state` gives, section for section, and one file of vectors tests
both. Offsets and lengths are UTF-16 units. A text here is a Python `str` whose
only line separator is a line feed.

Nothing here waits, reads a clock, or keeps state between calls.

Rules TX1 to TX10: docs/specs/text.md.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Final, TypeAlias

from msgspec import Struct

from carnet.errors import InvalidChange

ChangeJson: TypeAlias = list[int | list[int | str]]
"""`ChangeSet.toJSON()`: `n` keeps n units; `[n, line, ...]` replaces n units by the lines joined with line feeds."""

KEEP: Final = -1

#: `difflib` takes at worst the product of both lengths (times a little); above this, only unique tokens are matched.
_EXACT_LIMIT: Final = 40_000
#: Times a block is cut at its unique tokens before it is replaced whole: a bound on time for odd text.
_CUTS: Final = 8

_WORD = re.compile(r"\w+|\s+|[^\w\s]+")


class Section(Struct, frozen=True):
    """A stretch of the old text: kept (`inserted == KEEP`), or replaced by `text`."""

    length: int
    """Of the old text, UTF-16 units."""
    inserted: int = KEEP
    """Length of `text` in UTF-16 units, or `KEEP`."""
    text: str = ""


class ChangeSet(Struct, frozen=True):
    """A change to a whole text of a known length. Make one with `from_json` or `diff`."""

    sections: tuple[Section, ...] = ()

    @classmethod
    def from_json(cls, json: ChangeJson) -> "ChangeSet":
        """Return the change that CodeMirror wrote as `json`; sections that do nothing are left out.

        Raises:
            InvalidChange: not that form (TX2); says which section.
        """
        if not isinstance(json, list):
            raise InvalidChange(f"a change must be a list of sections, not {type(json).__name__}")
        builder = _Builder()
        for index, part in enumerate(json):
            if isinstance(part, list) and part:
                deleted = _length(part[0], index)
                text = _joined(part[1:], index)
                if deleted or text:
                    # Adjacent replacements stay apart, as CodeMirror keeps them apart for mapping positions.
                    builder.sections.append((deleted, _units(text, index), text))
            else:
                builder.add(_length(part, index), KEEP, "")
        return builder.change()

    def to_json(self) -> ChangeJson:
        """Return what CodeMirror's `toJSON` gives for this change."""
        json: ChangeJson = []
        for section in self.sections:
            if section.inserted == KEEP:
                json.append(section.length)
            elif section.inserted == 0:
                json.append([section.length])
            else:
                json.append([section.length, *section.text.split("\n")])
        return json

    @property
    def old_length(self) -> int:
        """Length of the text this applies to, UTF-16 units."""
        return sum(section.length for section in self.sections)

    @property
    def new_length(self) -> int:
        """Length of the text this gives, UTF-16 units."""
        return sum(_length_after(section) for section in self.sections)

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return all(section.inserted == KEEP for section in self.sections)

    def apply(self, text: str) -> str:
        """Return `text` with the change made.

        Raises:
            InvalidChange: `text` has another length, or an offset lies inside a surrogate pair (TX4).
        """
        units = _Units(text)
        if units.length != self.old_length:
            raise InvalidChange(
                f"the change is for a text of {self.old_length} units, this one has {units.length}"
            )
        pieces: list[str] = []
        position = 0
        for section in self.sections:
            if section.inserted == KEEP:
                pieces.append(units.slice(position, position + section.length))
            else:
                pieces.append(section.text)
            position += section.length
        return "".join(pieces)

    def map(self, other: "ChangeSet", *, before: bool = False) -> "ChangeSet":
        """Return this change as it applies after `other`; both start from the same text.

        Of two insertions at one place, the one of `other` comes first, or with
        `before` this one's. `a.compose(b.map(a))` and
        `b.compose(a.map(b, before=True))` give the same text (TX6).

        Raises:
            InvalidChange: they start from texts of different lengths.
        """
        if self.old_length != other.old_length:
            raise InvalidChange(
                f"cannot map a change for {self.old_length} units over one for {other.old_length}: "
                "they must start from the same text"
            )
        if other.is_empty:
            return self
        return _map(self, other, before)

    def compose(self, other: "ChangeSet") -> "ChangeSet":
        """Return one change that does this one, then `other`.

        Raises:
            InvalidChange: `other` does not start from the length this one ends with, or cuts an
                inserted surrogate pair.
        """
        if self.new_length != other.old_length:
            raise InvalidChange(
                f"cannot compose: the first change ends with {self.new_length} units, "
                f"the second starts with {other.old_length}"
            )
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        return _compose(self, other)

    def invert(self, text: str) -> "ChangeSet":
        """Return the change that undoes this one; `text` is the text before it.

        Raises:
            InvalidChange: `text` has another length, or an offset lies inside a surrogate pair.
        """
        units = _Units(text)
        if units.length != self.old_length:
            raise InvalidChange(
                f"the change is for a text of {self.old_length} units, this one has {units.length}"
            )
        sections: list[Section] = []
        position = 0
        for section in self.sections:
            end = position + section.length
            if section.inserted == KEEP:
                sections.append(section)
            else:
                sections.append(Section(section.inserted, section.length, units.slice(position, end)))
            position = end
        return ChangeSet(tuple(sections))

    def map_position(self, position: int, assoc: int = -1) -> int:
        """Return where `position` of the old text stands in the new one.

        With text inserted just there, `assoc` < 0 stays before it, > 0 goes after it.

        Raises:
            InvalidChange: the position is outside the old text.
        """
        start = moved = 0
        if position >= 0:
            for section in self.sections:
                end = start + section.length
                if section.inserted == KEEP:
                    if end > position:
                        return moved + (position - start)
                elif end > position or (end == position and assoc < 0 and not section.length):
                    return moved if position == start or assoc < 0 else moved + section.inserted
                moved += _length_after(section)
                start = end
        if not 0 <= position <= start:
            raise InvalidChange(f"position {position} is outside a text of {self.old_length} units")
        return moved

    def replaced(self) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, text) of each replacement, in offsets of the old text."""
        start = 0
        for section in self.sections:
            end = start + section.length
            if section.inserted != KEEP:
                yield start, end, section.text
            start = end


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units.

    Raises:
        InvalidChange: it holds half a surrogate pair, which no file and no wire can carry.
    """
    return _Units(text).length


def diff(old: str, new: str) -> ChangeSet:
    """Return a small change that turns `old` into `new`, in bounded time (TX9).

    Lines are matched first, then words inside changed lines; so a cursor
    outside of what changed stays where it was.

    Raises:
        InvalidChange: a text holds half a surrogate pair.
    """
    builder = _Builder()
    position = 0
    for start, end, text in _replacements(old, new):
        builder.add(utf16_length(old[position:start]), KEEP, "")
        builder.add(utf16_length(old[start:end]), utf16_length(text), text)
        position = end
    builder.add(utf16_length(old[position:]), KEEP, "")
    return builder.change()


class _Units:
    """A text addressed in UTF-16 units; free when it is ASCII."""

    __slots__ = ("_encoded", "_text", "length")

    def __init__(self, text: str) -> None:
        self._text = text
        self._encoded: bytes | None = None
        self.length = len(text)
        if text.isascii():
            return
        try:
            encoded = text.encode("utf-16-le")
        except UnicodeEncodeError as error:
            raise InvalidChange(f"the text holds half a surrogate pair at character {error.start}") from None
        if len(encoded) != 2 * self.length:  # else every character is one unit, and str can be sliced
            self._encoded = encoded
            self.length = len(encoded) // 2

    def slice(self, start: int, end: int) -> str:
        if self._encoded is None:
            return self._text[start:end]
        try:
            return self._encoded[2 * start : 2 * end].decode("utf-16-le")
        except UnicodeDecodeError:
            raise InvalidChange(f"the change cuts a surrogate pair between unit {start} and {end}") from None


def _length(value: int | str | list[int | str], index: int) -> int:
    if type(value) is not int or value < 0:
        raise InvalidChange(f"section {index} of the change: {value!r} is not a length")
    return value


def _joined(lines: list[int | str], index: int) -> str:
    checked: list[str] = []
    for line in lines:
        if not isinstance(line, str) or "\n" in line:
            raise InvalidChange(f"section {index} of the change: {line!r} is not one line of text")
        checked.append(line)
    return "\n".join(checked)


def _units(text: str, index: int) -> int:
    try:
        return utf16_length(text)
    except InvalidChange as error:
        raise InvalidChange(f"section {index} of the change: {error}") from None


def _length_after(section: Section) -> int:
    return section.length if section.inserted == KEEP else section.inserted


class _Builder:
    """Sections in the making, joined as CodeMirror's `addSection` joins them."""

    __slots__ = ("sections",)

    def __init__(self) -> None:
        self.sections: list[tuple[int, int, str]] = []

    def add(self, length: int, inserted: int, text: str, join: bool = False) -> None:
        if length == 0 and inserted <= 0:
            return
        if self.sections:
            last_length, last_inserted, last_text = self.sections[-1]
            if inserted <= 0 and inserted == last_inserted:
                self.sections[-1] = (last_length + length, inserted, "")
                return
            if join or (length == 0 and last_length == 0):
                self.sections[-1] = (last_length + length, last_inserted + inserted, last_text + text)
                return
        self.sections.append((length, inserted, text))

    def change(self) -> ChangeSet:
        return ChangeSet(tuple(Section(*section) for section in self.sections))


class _Cursor:
    """Walks the sections of a change, whole or in pieces. `inserted` is `DONE` at the end."""

    __slots__ = ("_sections", "_text", "index", "inserted", "length", "offset")

    DONE: Final = -2

    def __init__(self, change: ChangeSet) -> None:
        self._sections = change.sections
        self.index = 0
        self.next()

    def next(self) -> None:
        self.offset = 0
        if self.index < len(self._sections):
            section = self._sections[self.index]
            self.length, self.inserted, self._text = section.length, section.inserted, section.text
        else:
            self.length, self.inserted, self._text = 0, self.DONE, ""
        self.index += 1

    @property
    def done(self) -> bool:
        return self.inserted == self.DONE

    @property
    def text(self) -> str:
        return self._text

    @property
    def new_length(self) -> int:
        return self.length if self.inserted < 0 else self.inserted

    def text_piece(self, length: int) -> str:
        if self.offset == 0 and length == self.inserted:
            return self._text
        return _Units(self._text).slice(self.offset, self.offset + length)

    def forward_old(self, length: int) -> None:
        """Go `length` units of the old text on."""
        if length == self.length:
            self.next()
        else:
            self.length -= length
            self.offset += length

    def forward_new(self, length: int) -> None:
        """Go `length` units of the new text on."""
        if self.inserted == KEEP:
            self.forward_old(length)
        elif length == self.inserted:
            self.next()
        else:
            self.inserted -= length
            self.offset += length


def _map(change: ChangeSet, other: ChangeSet, before: bool) -> ChangeSet:
    """CodeMirror's `mapSet`, line by line: its order of cases decides ties."""
    out = _Builder()
    a, b = _Cursor(change), _Cursor(other)
    # For a change in A that is met piece by piece: the index of the last one whose text is already out.
    inserted = 0
    while not (a.done and b.done):
        if a.inserted == KEEP and b.inserted == KEEP:
            length = min(a.length, b.length)
            out.add(length, KEEP, "")
            a.forward_old(length)
            b.forward_old(length)
        elif b.inserted >= 0 and (
            a.inserted < 0
            or inserted == a.index
            or (a.offset == 0 and (b.length < a.length or (b.length == a.length and not before)))
        ):
            # A change in B comes first (by start, then length, then `before`): it becomes kept text.
            length = b.length
            out.add(b.inserted, KEEP, "")
            while length:
                piece = min(a.length, length)
                if a.inserted >= 0 and inserted < a.index and a.length <= piece:
                    out.add(0, a.inserted, a.text)
                    inserted = a.index
                a.forward_old(piece)
                length -= piece
            b.next()
        else:
            # The part of a change in A up to the next change in B that is not a deletion inside it.
            length, left = 0, a.length
            while left:
                if b.inserted == KEEP:
                    piece = min(left, b.length)
                    length += piece
                    left -= piece
                    b.forward_old(piece)
                elif b.inserted == 0 and b.length < left:
                    left -= b.length
                    b.next()
                else:
                    break
            if inserted < a.index:
                out.add(length, a.inserted, a.text)
            else:
                out.add(length, 0, "")
            inserted = a.index
            a.forward_old(a.length - left)
    return out.change()


def _compose(first: ChangeSet, second: ChangeSet) -> ChangeSet:
    """CodeMirror's `composeSets`, line by line."""
    out = _Builder()
    a, b = _Cursor(first), _Cursor(second)
    is_open = False
    while not (a.done and b.done):
        if a.inserted == 0:  # a deletion in A
            out.add(a.length, 0, "", is_open)
            a.next()
        elif b.length == 0 and not b.done:  # an insertion in B
            out.add(0, b.inserted, b.text, is_open)
            b.next()
        else:
            length, sections = min(a.new_length, b.length), len(out.sections)
            if a.inserted == KEEP:
                if b.inserted >= 0 and b.offset:
                    out.add(length, 0, "", is_open)
                else:
                    out.add(length, b.inserted, b.text, is_open)
            elif b.inserted == KEEP:
                out.add(0 if a.offset else a.length, length, a.text_piece(length), is_open)
            elif b.offset:
                out.add(0 if a.offset else a.length, 0, "", is_open)
            else:
                out.add(0 if a.offset else a.length, b.inserted, b.text, is_open)
            is_open = (a.inserted > length or (b.inserted >= 0 and b.length > length)) and (
                is_open or len(out.sections) > sections
            )
            a.forward_new(length)
            b.forward_old(length)
    return out.change()


Block: TypeAlias = tuple[int, int, int, int]
"""What differs: old start, old end, new start, new end."""


def _replacements(old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, text) in characters of `old`: lines matched first, then words in what differs."""
    for old_start, old_end, new_start, new_end in _text_blocks(old, new, lines_of):
        old_part, new_part = old[old_start:old_end], new[new_start:new_end]
        for i1, i2, j1, j2 in _text_blocks(old_part, new_part, _WORD.findall):
            head, tail = _common_ends(old_part[i1:i2], new_part[j1:j2])
            yield old_start + i1 + head, old_start + i2 - tail, new_part[j1 + head : j2 - tail]


def lines_of(text: str) -> list[str]:
    """Split after each line feed and nowhere else (`str.splitlines` knows eleven separators)."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _text_blocks(old: str, new: str, split: Callable[[str], list[str]]) -> Iterator[Block]:
    """Yield what differs, in characters, in order, cut at the tokens of `split`."""
    old_tokens, new_tokens = split(old), split(new)
    old_offsets = [0, *accumulate(map(len, old_tokens))]
    new_offsets = [0, *accumulate(map(len, new_tokens))]
    for i1, i2, j1, j2 in changed_blocks(old_tokens, new_tokens):
        yield old_offsets[i1], old_offsets[i2], new_offsets[j1], new_offsets[j2]


def changed_blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[Block]:
    """Yield the blocks of tokens (lines, words, cells) that differ, in order, in bounded time (TX10).

    Small blocks go to `difflib`. Large ones are cut at the tokens that each
    side has once (as in a patience diff), again and again, `_CUTS` times.
    """
    todo: list[tuple[Block, int]] = [((0, len(old), 0, len(new)), 0)]
    while todo:
        (i1, i2, j1, j2), cuts = todo.pop()
        head, tail = _common_ends(old[i1:i2], new[j1:j2])
        i1, i2, j1, j2 = i1 + head, i2 - tail, j1 + head, j2 - tail
        if i1 == i2 or j1 == j2:
            if i1 < i2 or j1 < j2:
                yield i1, i2, j1, j2
        elif (i2 - i1) * (j2 - j1) <= _EXACT_LIMIT:
            matcher = SequenceMatcher(None, old[i1:i2], new[j1:j2], autojunk=False)
            for tag, a1, a2, b1, b2 in matcher.get_opcodes():
                if tag != "equal":
                    yield i1 + a1, i1 + a2, j1 + b1, j1 + b2
        else:
            anchors = _anchors(old[i1:i2], new[j1:j2]) if cuts < _CUTS else []
            if not anchors:
                yield i1, i2, j1, j2
                continue
            pieces: list[Block] = []
            i, j = i1, j1
            for a, b in anchors:
                pieces.append((i, i1 + a, j, j1 + b))
                i, j = i1 + a + 1, j1 + b + 1
            pieces.append((i, i2, j, j2))
            todo.extend((piece, cuts + 1) for piece in reversed(pieces))


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the longest rising chain of tokens that stand once in `old` and once in `new`."""
    once_old = {token for token, count in Counter(old).items() if count == 1}
    where_new = {token: j for j, token in enumerate(new) if token in once_old}
    for token, count in Counter(new).items():
        if count > 1:
            where_new.pop(token, None)
    pairs = [(i, where_new[token]) for i, token in enumerate(old) if token in where_new]
    return [pairs[index] for index in longest_rising([j for _, j in pairs])]


def longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return the indices of a longest rising subsequence of different numbers, in order."""
    ends: list[int] = []  # the smallest end of a rising chain of n + 1 numbers
    chain: list[int] = []  # its index
    previous: list[int] = []
    for index, number in enumerate(numbers):
        rank = bisect_left(ends, number)
        previous.append(chain[rank - 1] if rank else -1)
        ends[rank : rank + 1] = [number]
        chain[rank : rank + 1] = [index]
    result: list[int] = []
    index = chain[-1] if chain else -1
    while index >= 0:
        result.append(index)
        index = previous[index]
    return result[::-1]


def _common_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Return how many items both start with, and how many of the rest both end with."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    return head, tail
