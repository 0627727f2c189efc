"""Bring two changes of one text together, line by line. Purely.

What only one side changed is taken from it; what both changed alike is taken
once. Where they changed the same lines differently both versions stay, between
the marks that every tool of a programmer knows. Rules TX11, TX12: docs/specs/text.md.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from carnet.core.text.changes import changed_blocks, lines_of

OURS: Final = "<<<<<<< in the editor\n"
BETWEEN: Final = "=======\n"
THEIRS: Final = ">>>>>>> on disk\n"


class Merged(NamedTuple):
    """A text with what both sides changed."""

    text: str
    conflicts: int
    """Places where both versions stand."""


Block: TypeAlias = tuple[int, int, int, int]


class _Group(NamedTuple):
    """Lines of the base that were changed, with all changes of either side that meet there."""

    start: int
    end: int
    ours: list[Block]
    theirs: list[Block]


def merge(base: str, ours: str, theirs: str) -> Merged:
    """Return what `base` became on both sides."""
    if theirs in {ours, base}:
        return Merged(ours, 0)
    if base == ours:
        return Merged(theirs, 0)
    base_lines, our_lines, their_lines = lines_of(base), lines_of(ours), lines_of(theirs)
    our_blocks = list(changed_blocks(base_lines, our_lines))
    their_blocks = list(changed_blocks(base_lines, their_lines))
    merged: list[str] = []
    position = conflicts = 0
    for group in _groups(our_blocks, their_blocks):
        merged += base_lines[position : group.start]
        position = group.end
        mine = _version(base_lines, our_lines, group, group.ours)
        other = _version(base_lines, their_lines, group, group.theirs)
        if not group.theirs or mine == other:
            merged += mine
        elif not group.ours:
            merged += other
        else:
            conflicts += 1
            merged += [*_before_mark(merged), OURS, *_ended(mine), BETWEEN, *_ended(other), THEIRS]
    return Merged("".join(merged + base_lines[position:]), conflicts)


def _groups(ours: Sequence[Block], theirs: Sequence[Block]) -> Iterator[_Group]:
    """Yield the changes of both sides in order, those that meet together."""
    todo = sorted([(block, True) for block in ours] + [(block, False) for block in theirs])
    group: _Group | None = None
    for block, is_ours in todo:
        if group is None or not _meets(group, block):
            if group is not None:
                yield group
            group = _Group(block[0], block[1], [], [])
        (group.ours if is_ours else group.theirs).append(block)
        group = group._replace(end=max(group.end, block[1]))
    if group is not None:
        yield group


def _meets(group: _Group, block: Block) -> bool:
    """Whether they share a line of the base, or both put lines at one place. To be neighbours is not to meet."""
    return block[0] < group.end or (block[:2] == (group.start, group.end) and block[0] == block[1])


def _version(base: list[str], side: list[str], group: _Group, blocks: list[Block]) -> list[str]:
    """Return the lines of a group as one side has them."""
    found: list[str] = []
    position = group.start
    for start, end, new_start, new_end in blocks:
        found += base[position:start] + side[new_start:new_end]
        position = end
    return found + base[position : group.end]


def _ended(lines: list[str]) -> list[str]:
    """Return the lines, the last one ended too: a mark follows."""
    return [*lines[:-1], lines[-1] + "\n"] if lines and not lines[-1].endswith("\n") else lines


def _before_mark(merged: list[str]) -> list[str]:
    return ["\n"] if merged and not merged[-1].endswith("\n") else []
