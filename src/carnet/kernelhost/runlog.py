"""The run queue on disk: which runs were ever known, which wait, which was sent.

It is written before what it says is done, so that a host that is killed and
started again neither forgets a queued run nor sends one twice (HO21, HO22).
It decides nothing: `queue.py` does.
"""

import logging
import os
from pathlib import Path
from typing import assert_never

import msgspec
from msgspec import Struct

from carnet.ids import BatchId, RunId
from carnet.kernelhost.entries import entry, scan
from carnet.kernelhost.queue import Run, RunQueue

log = logging.getLogger("carnet.kernelhost")

COMPACT_BYTES = 4 << 20
"""A longer file is written anew, without the code of runs that are over, when the host has time."""


class Known(Struct, frozen=True, tag="known"):
    """Ids of runs that are over, from before the file was written anew."""

    run_ids: list[RunId]
    failed_batches: list[BatchId]


class Submitted(Struct, frozen=True, tag="submitted"):
    """The run is in the queue."""

    run: Run


class Sent(Struct, frozen=True, tag="sent"):
    """The run is about to be sent; it will not be sent again by another host."""

    run_id: RunId


class Over(Struct, frozen=True, tag="over"):
    """The run ended or was dropped."""

    run_id: RunId


class Reordered(Struct, frozen=True, tag="reordered"):
    """The queued runs have this order."""

    run_ids: list[RunId]


class BatchFailed(Struct, frozen=True, tag="batch-failed"):
    """No further run of this batch will be sent."""

    batch_id: BatchId


Line = Known | Submitted | Sent | Over | Reordered | BatchFailed

_decoder = msgspec.msgpack.Decoder(Line)
_encode = msgspec.msgpack.Encoder().encode


class RunLog:
    """The file of one kernel's queue. Blocking, and quick: a line is some hundred bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size_bytes = path.stat().st_size if path.exists() else 0
        self._file = self._open()

    def write(self, *lines: Line) -> None:
        """Append; when this returns, the lines survive the end of this process.

        On a full disk they do not, and the log says so: runs go on all the same.
        """
        data = b"".join(entry(_encode(line)) for line in lines)
        try:
            written = os.write(self._file, data)
        except OSError as error:
            log.error("run queue %s: cannot write (%s)", self.path, error)
            return
        if written < len(data):
            os.ftruncate(self._file, self._size_bytes)
            log.error("run queue %s: cannot write all of %d bytes", self.path, len(data))
            return
        self._size_bytes += len(data)

    @property
    def is_long(self) -> bool:
        """True: `rewrite` is worth its time."""
        return self._size_bytes > COMPACT_BYTES

    def rewrite(self, queue: RunQueue) -> None:
        """Write the file anew: the same queue, without what is over."""
        waiting = {run.run_id for run in queue.queued}
        lines: list[Line] = [Known(sorted(queue.known - waiting), sorted(queue.failed_batches))]
        if queue.running is not None:
            lines += [Submitted(queue.running), Sent(queue.running.run_id)]
        lines += [Submitted(run) for run in queue.queued]
        data = b"".join(entry(_encode(line)) for line in lines)
        fresh = self.path.with_suffix(".new")
        with open(fresh, "wb", opener=_private) as file:
            file.write(data)
        os.replace(fresh, self.path)
        os.close(self._file)
        self._file = self._open()
        self._size_bytes = len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
        self._file = -1

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def restore(path: Path) -> RunQueue:
    """Return the queue as the file has it; a torn last line is as if it had not been written."""
    queue = RunQueue()
    runs: dict[RunId, Run] = {}
    data = path.read_bytes() if path.exists() else b""
    for payload in scan(data).payloads:
        line: Line = _decoder.decode(payload)
        match line:
            case Known(run_ids=run_ids, failed_batches=failed):
                queue.known.update(run_ids)
                queue.failed_batches.update(failed)
            case Submitted(run=run):
                queue.known.add(run.run_id)
                runs[run.run_id] = run
            case Sent(run_id=run_id):
                queue.running = runs.pop(run_id, queue.running)
            case Over(run_id=run_id):
                runs.pop(run_id, None)
                if queue.running is not None and queue.running.run_id == run_id:
                    queue.running = None
            case Reordered(run_ids=run_ids):
                queue.queued = list(runs.values())
                queue.reorder(run_ids)
                runs = {run.run_id: run for run in queue.queued}
            case BatchFailed(batch_id=batch_id):
                queue.failed_batches.add(batch_id)
            case _:
                assert_never(line)
    queue.queued = list(runs.values())
    return queue


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
