"""A text file's bytes, and the text that editors share: one line separator, no byte order mark. Purely.

Nobody's bytes change but those of lines that somebody changed: a file keeps its
mark and its line ends, also where they are mixed. Rule CB25: docs/specs/collaboration.md.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from carnet.core.text.changes import changed_blocks, lines_of
from carnet.errors import InvalidPath
from carnet.ids import NotebookPath

TEXT_LIMIT_BYTES: Final = 10 << 20
"""Of a file that is shared. Editors in a browser are no pleasure long before that."""

_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class NoText(InvalidPath):
    """A file cannot be shared as text: it is none, or too large."""


@dataclass(frozen=True)
class TextFile:
    """What is in a file."""

    text: str
    """As editors have it: lines end with a line feed."""
    raw: str
    """As it stands there, without its byte order mark."""
    has_mark: bool = False

    def bytes_of(self, text: str) -> bytes:
        """Return the bytes of the file with another text: lines that are as they were end as they did."""
        if "\r" in self.raw:
            text = self._with_ends(text)
        return ((_MARK if self.has_mark else "") + text).encode()

    def _with_ends(self, text: str) -> str:
        ends = [_end(line) for line in _LINES.findall(self.raw)]
        usual = Counter(end for end in ends if end).most_common(1)[0][0]
        old, new = lines_of(self.text), lines_of(text)
        found: list[str] = []
        position = 0
        # An editor's new lines are what the file usually has; the others are found where they were.
        for start, end, new_start, new_end in [
            *changed_blocks(old, new),
            (len(old), len(old), len(new), len(new)),
        ]:
            kept = start - position
            found += [_ended(old[position + n], ends[position + n]) for n in range(kept)]
            found += [_ended(line, usual) for line in new[new_start:new_end]]
            position = end
        return "".join(found)


def text_file(path: NotebookPath, data: bytes) -> TextFile:
    """Return what is in a file.

    Raises:
        NoText: it is no text, or too large.
    """
    if len(data) > TEXT_LIMIT_BYTES:
        raise NoText(
            f"{path}: {len(data)} bytes are too large to be shared as text; {TEXT_LIMIT_BYTES} are the most. "
            "Download it, or open it in a terminal."
        )
    try:
        raw = data.decode()
    except UnicodeDecodeError as error:
        raise NoText(f"{path}: it is not UTF-8 text (byte {error.start}), so it cannot be shared.") from None
    if "\0" in raw:
        raise NoText(f"{path}: it has NUL bytes, so it is no text and cannot be shared.")
    has_mark = raw.startswith(_MARK)
    raw = raw.removeprefix(_MARK)
    return TextFile(plain(raw), raw, has_mark)


def plain(text: str) -> str:
    """Return the text with one line separator, the line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _end(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else line[-1:] if line[-1:] in {"\r", "\n"} else ""


def _ended(line: str, end: str) -> str:
    """Return a line that ends so, if it ends at all."""
    return line[:-1] + (end or "\n") if line.endswith("\n") else line
