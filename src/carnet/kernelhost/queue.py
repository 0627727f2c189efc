"""The run queue of one kernel: order, one at a time, stop on error. Pure.

It holds no socket, file, clock or task. Each method says what must be done,
in order, as `Action`s; `kernel.py` does it. Rules HO20 to HO27: docs/specs/host.md.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from carnet.ids import BatchId, RunId

DropReason = Literal["batch-failed", "cancelled", "kernel-died", "restarted"]

AGAIN_LIMIT = 5
"""How often one run is sent again after `aborted`; then the abort stands, as an error would."""


class Run(Struct, frozen=True):
    """One run as it was submitted."""

    run_id: RunId
    batch_id: BatchId
    code: str
    cell_id: str
    stop_on_error: bool = True
    allow_stdin: bool = True


class Send(Struct, frozen=True):
    """Send the execute_request of this run now."""

    run: Run


class Drop(Struct, frozen=True):
    """This run will never be sent."""

    run_id: RunId
    reason: DropReason


class Finish(Struct, frozen=True):
    """This run is over; `missing` is what the kernel never sent of it (HO27)."""

    run_id: RunId
    missing: tuple[Literal["reply", "idle"], ...] = ()


Action = Send | Drop | Finish


class RunQueue:
    """What runs, what waits, and which runs were ever known."""

    def __init__(self) -> None:
        self.running: Run | None = None
        self.queued: list[Run] = []
        self.known: set[RunId] = set()
        self.failed_batches: set[BatchId] = set()
        self.open = False
        """True while the kernel takes runs: from ready until it ends."""
        self._replied = False
        self._idle = False
        self._again = False
        self._times_again = 0

    # ---- from the server

    def submit(self, run: Run) -> list[Action]:
        """Put a run at the end; a known id is ignored for ever (HO20)."""
        if run.run_id in self.known:
            return []
        self.known.add(run.run_id)
        if run.batch_id in self.failed_batches:
            return [Drop(run.run_id, "batch-failed")]
        self.queued.append(run)
        return self._advance()

    def cancel(self, run_ids: Iterable[RunId]) -> list[Action]:
        """Drop these where they still wait; the running one is not touched."""
        wanted = set(run_ids)
        return self._drop([run for run in self.queued if run.run_id in wanted], "cancelled")

    def cancel_all(self) -> list[Action]:
        """Drop all that wait (interrupt, HO26)."""
        return self._drop(list(self.queued), "cancelled")

    def reorder(self, run_ids: Sequence[RunId]) -> None:
        """Put these first, in this order; unknown ids are ignored, the others keep their order behind."""
        place = {run_id: index for index, run_id in reversed(list(enumerate(run_ids)))}
        self.queued.sort(key=lambda run: place.get(run.run_id, len(run_ids)))

    # ---- from the kernel

    def opened(self) -> list[Action]:
        """The kernel takes runs from now on."""
        self.open = True
        return self._advance()

    def replied(self, run_id: RunId, status: str) -> list[Action]:
        """The execute_reply of this run is in."""
        run = self.running
        if run is None or run.run_id != run_id or self._replied:
            return []
        self._replied = True
        actions: list[Action] = []
        if status.startswith("abort"):
            self._again = run.batch_id not in self.failed_batches and self._times_again < AGAIN_LIMIT
        if status != "ok" and not self._again and run.stop_on_error:
            actions += self._fail_batch(run.batch_id)
        return actions + self._settle()

    def idle(self, run_id: RunId) -> list[Action]:
        """The idle status whose parent is this run is in."""
        if self.running is None or self.running.run_id != run_id or self._idle:
            return []
        self._idle = True
        return self._settle()

    def busy(self, run_id: RunId) -> None:
        """The kernel works on this run: what it said of idle before is no longer so."""
        if self.running is not None and self.running.run_id == run_id and not self._replied:
            self._idle = False

    @property
    def half_done(self) -> bool:
        """True: of reply and idle, one is in and the other not."""
        return self.running is not None and self._replied is not self._idle

    def give_up(self) -> list[Action]:
        """The kernel has shown that it is past the running run: stop waiting for the rest (HO27)."""
        run = self.running
        if run is None:
            return []
        missing: tuple[Literal["reply", "idle"], ...] = ()
        if not self._replied:
            missing += ("reply",)
        if not self._idle:
            missing += ("idle",)
        self.running = None
        return [Finish(run.run_id, missing), *self._advance()]

    def closing(self, reason: DropReason) -> list[Action]:
        """The kernel is being ended: what waits is dropped; runs submitted from now on wait for the next one."""
        self.open = False
        return self._drop(list(self.queued), reason)

    def ended(self) -> None:
        """The kernel is gone: nothing runs."""
        self.open = False
        self.running = None

    def closed(self, reason: DropReason) -> list[Action]:
        """The kernel ended by itself: nothing runs, what waits is dropped."""
        self.open = False
        self.running = None
        return self._drop(list(self.queued), reason)

    # ---- inside

    def _advance(self) -> list[Action]:
        if not self.open or self.running is not None or not self.queued:
            return []
        self.running = self.queued.pop(0)
        self._replied = self._idle = self._again = False
        self._times_again = 0
        return [Send(self.running)]

    def _settle(self) -> list[Action]:
        # Reply and idle travel on different sockets, so either can come first.
        run = self.running
        if run is None or not (self._replied and self._idle):
            return []
        if self._again:
            self._replied = self._idle = self._again = False
            self._times_again += 1
            return [Send(run)]
        self.running = None
        return [Finish(run.run_id), *self._advance()]

    def _fail_batch(self, batch_id: BatchId) -> list[Action]:
        self.failed_batches.add(batch_id)
        return self._drop([run for run in self.queued if run.batch_id == batch_id], "batch-failed")

    def _drop(self, runs: list[Run], reason: DropReason) -> list[Action]:
        gone = {run.run_id for run in runs}
        self.queued = [run for run in self.queued if run.run_id not in gone]
        return [Drop(run.run_id, reason) for run in runs]
