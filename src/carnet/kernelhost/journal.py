"""The kernel journal: what one kernel said, numbered, in files that only grow.

Segments are named by the number of their first record and hold entries
(`entries.py`) of MessagePack `Record`s. One writer; readers ask by number. It
knows nothing of sockets, kernels or readers' windows. Rules HO10 to HO15:
docs/specs/host.md.
"""

import bisect
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from carnet.core.wire.host import JournalGap, Record
from carnet.kernelhost.entries import HEAD, head, scan

log = logging.getLogger("carnet.kernelhost")

SEGMENT_BYTES = 16 << 20
MARK_BYTES = 64 << 10
"""A mark (number, offset) at least this far apart: where reading may begin."""

LARGE_BYTES = 1 << 20
"""A record of this size is written by itself."""

UNWRITTEN_BYTES = 64 << 20
"""Kept in memory while the disk is full; beyond it the oldest become gaps (HO15)."""

TRY_AGAIN_S = 0.5
"""Between two tries to write while the disk is full."""


class Segment:
    """One file: its first number, how many records it has, and marks to begin reading at."""

    def __init__(self, path: Path, first: int) -> None:
        self.path = path
        self.first = first
        self.count = 0
        self.size_bytes = 0
        self.marks: list[tuple[int, int]] = [(first, 0)]

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    def grew(self, lengths: Sequence[int]) -> None:
        """Note entries of these lengths (head included) at the end."""
        marked_at = self.marks[-1][1]
        for length in lengths:
            if self.size_bytes - marked_at >= MARK_BYTES:
                marked_at = self.size_bytes
                self.marks.append((self.first + self.count, marked_at))
            self.count += 1
            self.size_bytes += length

    def mark_before(self, number: int) -> tuple[int, int]:
        """Return the last mark at or before this number."""
        return self.marks[bisect.bisect_right(self.marks, (number, 1 << 62)) - 1]


class KernelJournal:
    """Append-only; blocking, and quick: a batch is one write."""

    def __init__(
        self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, unwritten_bytes: int = UNWRITTEN_BYTES
    ) -> None:
        """Open, or go on with what is there. A torn end is cut off and told in the log."""
        self.folder = folder
        self.segment_bytes = segment_bytes
        self.unwritten_bytes = unwritten_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.segments: list[Segment] = []
        self._unwritten: list[bytes] = []
        self._unwritten_bytes = 0
        self._given_up = 0
        """So many of the unwritten, the oldest, are gaps by now."""
        self._lost_bytes = self._lost_since_ms = 0
        self._next_try_s = 0.0
        self._file = -1
        for path in sorted(folder.glob("*.journal")):
            self._take_up(path)
        if self.segments:
            self._file = os.open(self.segments[-1].path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        else:
            self._rotate(1)

    @property
    def first_number(self) -> int:
        """The oldest number that can still be read."""
        return self.segments[0].first

    @property
    def last_number(self) -> int:
        """The newest number; 0 when nothing was said yet."""
        return self._written_to + len(self._unwritten)

    def append(self, payloads: Sequence[bytes]) -> None:
        """Add records; the first has number `last_number + 1`.

        When the disk is full they stay in memory and are written with a later
        batch, so that kernels and connected readers go on (HO15).
        """
        if not self._unwritten:
            if payloads and not self._write(payloads):
                self._keep(payloads)
            return
        # Tried now and then: each try begins with all that is kept.
        self._keep(payloads)
        if time.monotonic() >= self._next_try_s and self._write(self._unwritten):
            log.info("kernel journal %s: writing again", self.folder)
            self._unwritten = []
            self._unwritten_bytes = self._given_up = self._lost_bytes = self._lost_since_ms = 0

    def _write(self, payloads: Sequence[bytes]) -> bool:
        """Write records; False: the disk is full, and nothing was written."""
        segment = self.segments[-1]
        try:
            if segment.size_bytes >= self.segment_bytes:
                self._rotate(self._written_to + 1)
                segment = self.segments[-1]
            for data in _joined(payloads):
                _write_all(self._file, data)
        except OSError as error:
            self._next_try_s = time.monotonic() + TRY_AGAIN_S
            if not self._unwritten:
                log.error("kernel journal %s: cannot write (%s); kept in memory", self.folder, error)
            os.ftruncate(self._file, segment.size_bytes)
            return False
        segment.grew([HEAD.size + len(payload) for payload in payloads])
        return True

    def read(self, after: int, *, limit_bytes: int) -> list[bytes]:
        """Return payloads from `after + 1` on: at least one where there is one, else about `limit_bytes`.

        Where older records are gone, reading begins with the first there is.
        """
        number = max(after + 1, self.first_number)
        if number > self._written_to:
            return self._unwritten[number - self._written_to - 1 :]
        segment = self.segments[bisect.bisect_right(self.segments, number, key=lambda item: item.first) - 1]
        at_number, at = segment.mark_before(number)
        with open(segment.path, "rb") as file:
            file.seek(at)
            data = file.read(min(limit_bytes + MARK_BYTES, segment.size_bytes - at))
            found = scan(data)
            if len(found.payloads) <= number - at_number:
                # One entry is larger than what was asked for: read this one alone, whole.
                return self._read_one(segment, number)
        return found.payloads[number - at_number :]

    def drop_through(self, number: int) -> None:
        """Forget whole segments up to this number; the newest always stays."""
        while len(self.segments) > 1 and self.segments[0].last <= number:
            gone = self.segments.pop(0)
            gone.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # ---- inside

    @property
    def _written_to(self) -> int:
        return self.segments[-1].last

    def _take_up(self, path: Path) -> None:
        segment = Segment(path, int(path.stem))
        data = path.read_bytes()
        found = scan(data)
        if found.end < len(data):
            log.warning("kernel journal %s: cut %d torn bytes off its end", path, len(data) - found.end)
            os.truncate(path, found.end)
        segment.grew([len(payload) + HEAD.size for payload in found.payloads])
        if self.segments and segment.first != self.segments[-1].last + 1:
            # What lies behind a hole cannot be numbered rightly; what comes next gets a number above both.
            log.warning("kernel journal %s: does not follow the file before it", path)
        self.segments.append(segment)

    def _rotate(self, first: int) -> None:
        path = self.folder / f"{first:016d}.journal"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file = file
        self.segments.append(Segment(path, first))

    def _keep(self, payloads: Sequence[bytes]) -> None:
        kept = self._unwritten
        kept += payloads
        self._unwritten_bytes += sum(map(len, payloads))
        while self._unwritten_bytes > self.unwritten_bytes and self._given_up < len(kept):
            # Readers that keep up have it already. The number stays, so that order stays.
            lost = kept[self._given_up]
            self._lost_bytes += len(lost)
            record = msgspec.msgpack.decode(lost, type=Record)
            self._lost_since_ms = self._lost_since_ms or record.at_ms
            gap = _gap_instead(record, self._lost_since_ms, self._given_up + 1, self._lost_bytes)
            kept[self._given_up] = gap
            self._unwritten_bytes += len(gap) - len(lost)
            self._given_up += 1

    def _read_one(self, segment: Segment, number: int) -> list[bytes]:
        at_number, at = segment.mark_before(number)
        with open(segment.path, "rb") as file:
            while True:
                file.seek(at)
                length, _ = HEAD.unpack(file.read(HEAD.size))
                if at_number == number:
                    file.seek(at)
                    return scan(file.read(HEAD.size + length)).payloads
                at += HEAD.size + length
                at_number += 1


def _gap_instead(lost: Record, since_ms: int, count: int, lost_bytes: int) -> bytes:
    """Return a JournalGap with the number of a record that is lost to readers who are behind.

    It says how much is lost so far: whoever shows only the newest shows the sum.
    """
    size = f"{lost_bytes / 1e6:.1f} MB" if lost_bytes >= 100_000 else f"{lost_bytes} bytes"
    gap = JournalGap(since_ms, f"the disk was full: {count} messages of the kernel ({size}) were not stored")
    return msgspec.msgpack.encode(
        Record(
            lost.number, lost.at_ms, "host", "journal-gap", "", b"{}", b"{}", b"{}", msgspec.json.encode(gap)
        )
    )


def _joined(payloads: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the entries of these payloads, small ones together; a large one is not copied for it."""
    small: list[bytes] = []
    for payload in payloads:
        small.append(head(payload))
        if len(payload) < LARGE_BYTES:
            small.append(payload)
            continue
        yield b"".join(small)
        yield payload
        small = []
    yield b"".join(small)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
