"""Bring one browser's copy of one notebook up to date, and keep it so, at its own speed.

It sends what is after the number the browser has: entries, or a snapshot when
that is shorter. It never sends more than a bounded amount that the browser has
not said it has seen (back-pressure), and puts entries that come quickly into
one frame. Rules LK5 to LK9: docs/specs/link.md.
"""

import asyncio
from collections.abc import Iterator
from typing import Protocol

import msgspec
from msgspec import Raw, Struct

from carnet.core.session.notebook_of import comm_pieces, view_of
from carnet.core.session.state import SessionState
from carnet.core.wire.link import FIRST_CELLS, MORE_CELLS, MORE_COMMS_BYTES, MoreCells, Snapshot, Stalled
from carnet.errors import JournalError, JournalFull
from carnet.ids import ClientId, JournalId
from carnet.live.rate import RateGate
from carnet.live.session import Session

_encoder = msgspec.msgpack.Encoder()

FRAME_LIMIT_BYTES = 256 << 10
"""Entries put into one frame, about."""

BUFFER_LIMIT_BYTES = 2 << 20
"""Frames waiting in the transport; above that the follower waits for the line."""

BUFFER_WAIT_S = 0.02

TURN_BYTES = 512 << 10
"""Sent in one go; then others have their turn."""


class _RawEntries(Struct, frozen=True, tag_field="frame", tag="entries"):
    """`link.Entries` with each entry as the bytes the journal holds: encoded once for all browsers."""

    follow: int
    entries: list[Raw]


class Line(Protocol):
    """A transport, as a follower sees it."""

    def send(self, data: bytes) -> None:
        """Take one frame; it is sent when the line allows."""

    def buffered_bytes(self) -> int:
        """Return how much was taken and not yet sent."""


class Follower:
    """One `Follow` of one link."""

    def __init__(
        self,
        session: Session,
        *,
        follow: int,
        client_id: ClientId,
        journal_id: JournalId | None,
        have: int,
        line: "Line",
    ) -> None:
        self.session = session
        self._follow = follow
        self._client_id = client_id
        self._line = line
        self._pieces: Iterator[MoreCells] = iter(())
        """What is still to be sent of the snapshot; nothing newer goes before it."""
        self._gate = RateGate(burst=40, interval_s=0.016)
        self._due: asyncio.Handle | None = None
        self._due_later = False
        """What is due waits for the gate, and may be hurried."""
        same = journal_id == session.state.journal_id and have <= session.state.seq
        self._sent = have if same else -1
        """Number of the last entry sent; -1: a snapshot is needed."""
        self._unseen: list[tuple[int, int]] = []
        """(number, bytes) of what was sent and not yet seen."""
        self._unseen_bytes = 0
        self._given_bytes = 0
        """To the transport, ever."""
        self._told_stalled: JournalError | None = None
        """What the page was told of the journal (LK29)."""
        session.follow(self.notify)
        self._pump()

    def notify(self) -> None:
        """Something new is in the journal: send it now, or soon in a flood."""
        # Where no run is left, somebody waits for this very entry.
        delay_s = (
            self._gate.delay_s(self.session.around.clock.monotonic_s()) if self.session.state.runs else 0.0
        )
        if self._due is not None:
            if delay_s or not self._due_later:
                return
            self._due.cancel()
        loop = asyncio.get_running_loop()
        self._due_later = bool(delay_s)
        self._due = loop.call_later(delay_s, self._pump) if delay_s else loop.call_soon(self._pump)

    def seen(self, seq: int) -> None:
        """The browser has applied everything up to this number."""
        while self._unseen and self._unseen[0][0] <= seq:
            self._unseen_bytes -= self._unseen.pop(0)[1]
        if self._sent != self.session.state.seq:
            self.notify()

    def leave(self) -> None:
        """Stop."""
        self.session.leave(self.notify)
        if self._due is not None:
            self._due.cancel()

    # ---- inside

    def _pump(self) -> None:
        self._due = None
        limit = self.session.around.settings.unseen_limit_bytes
        before = self._given_bytes
        while True:
            if self._given_bytes - before > TURN_BYTES:
                self._due_later = False
                self._due = asyncio.get_running_loop().call_soon(self._pump)
                return
            if self._line.buffered_bytes() > BUFFER_LIMIT_BYTES:
                self._due_later = False  # not to be hurried: the line is slow
                self._due = asyncio.get_running_loop().call_later(BUFFER_WAIT_S, self._pump)
                return
            piece = next(self._pieces, None)
            if piece is not None:
                self._send(_encoder.encode(piece))
            elif self._sent == self.session.state.seq or self._unseen_bytes >= limit:
                break
            else:
                self._send_more()
        if self._told_stalled is not self.session.stalled:
            self._send_stalled()
        self._gate.acted(self.session.around.clock.monotonic_s())

    def _send_stalled(self) -> None:
        error = self._told_stalled = self.session.stalled
        reason = "" if error is None else str(error)
        frame = Stalled(follow=self._follow, reason=reason, disk_full=isinstance(error, JournalFull))
        self._line.send(_encoder.encode(frame))

    def _send_more(self) -> None:
        stored = self.session.entries_after(self._sent, FRAME_LIMIT_BYTES) if self._sent >= 0 else None
        if stored is None:
            self._send_snapshot()
            return
        self._sent = stored[-1].entry.seq
        self._send(_encoder.encode(_RawEntries(self._follow, [Raw(one.data) for one in stored])))

    def _send_snapshot(self) -> None:
        state = self.session.state  # immutable: its pieces can be sent at the line's own pace
        self._sent = state.seq
        self._pieces = self._more_cells(state)
        self._send(
            _encoder.encode(
                Snapshot(
                    follow=self._follow,
                    session=view_of(state, first_cells=FIRST_CELLS),
                    more=len(state.order) > FIRST_CELLS or bool(state.comms),
                    numbered=state.clients.get(self._client_id, 0),
                    refused=state.refused.get(self._client_id, ()),
                    writable=self.session.writable,
                )
            )
        )

    def _more_cells(self, state: SessionState) -> Iterator[MoreCells]:
        for start in range(FIRST_CELLS, len(state.order), MORE_CELLS):
            ids = state.order[start : start + MORE_CELLS]
            yield MoreCells(
                follow=self._follow,
                cells={cell_id: state.cells[cell_id] for cell_id in ids},
                more=start + MORE_CELLS < len(state.order) or bool(state.comms),
            )
        comms = comm_pieces(state, MORE_COMMS_BYTES)
        for number, piece in enumerate(comms, 1):
            yield MoreCells(follow=self._follow, cells={}, comms=piece, more=number < len(comms))

    def _send(self, data: bytes) -> None:
        self._unseen.append((self._sent, len(data)))
        self._unseen_bytes += len(data)
        self._given_bytes += len(data)
        self._line.send(data)
