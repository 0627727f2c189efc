"""A server that watches itself: whose steps hold up everybody else, counted in CPU time, so that a busy machine counts for little.

Two things keep others waiting: a step of the event loop, and a call on a worker
thread that does not let go of the interpreter's lock. Both are noted here with
where they came from. A step's time is its thread's CPU time. For the lock, a
thread asks for it again and again: how much CPU time the process used until it was
given, but no more than it waited for that alone (the system says how long it waited
for a processor), is the longest that somebody held it: an upper bound, for threads that
work without the lock count too. Nothing of this is in the product. Run as a script, in the
place of `carnet`: inside.py SOCKET ARGUMENT...; who connects to the socket is sent,
as JSON, what was noted since it was asked last.
"""

import asyncio
import gc
import heapq
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from carnet.cli.main import main as carnet

KEPT = 40
"""Of the longest, so many are told."""

ASK_EACH_S = 0.0005
LEAST_MS = 2.0
SAMPLED_MS = 4.0
"""Of CPU time: after so long in one step, it is looked where the loop is."""
FRAMES = 14
SAMPLES = 5


class Noted(NamedTuple):
    """One thing that took long."""

    cpu_ms: float
    wall_ms: float
    at_s: float
    what: str
    where: list[str]


class Longest:
    """The longest of one kind since it was asked last."""

    def __init__(self) -> None:
        self._heap: list[Noted] = []

    def note(self, one: Noted) -> None:
        """Keep it, if it is among them."""
        if len(self._heap) < KEPT:
            heapq.heappush(self._heap, one)
        elif one > self._heap[0]:
            heapq.heapreplace(self._heap, one)

    def take(self) -> list[dict[str, Any]]:
        """Return them, the longest first, and begin anew."""
        found, self._heap = self._heap, []
        return [one._asdict() for one in sorted(found, reverse=True)]


steps, holds, collections = Longest(), Longest(), Longest()


class Step:
    """The step of the loop that is being taken."""

    begun_s: float | None = None
    """CPU time of its thread when it began."""
    seen: list[str]


now = Step()


def watch_steps() -> None:
    """Time each callback of the loop."""
    run: Callable[[asyncio.Handle], None] = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        now.seen = []
        now.begun_s = cpu
        run(handle)
        now.begun_s = None
        cpu_ms = (time.thread_time() - cpu) * 1e3
        if cpu_ms > LEAST_MS:
            wall_ms = (time.perf_counter() - wall) * 1e3
            where = now.seen[:: max(1, len(now.seen) // SAMPLES)]
            steps.note(Noted(cpu_ms, wall_ms, time.monotonic(), _called(handle), where))

    setattr(asyncio.Handle, "_run", timed)  # noqa: B010  its type is none that anybody may assign to


def watch_lock() -> None:
    """Ask for the interpreter's lock again and again, and note who did not give it."""
    loop_thread, own = threading.main_thread().ident, threading.get_ident()
    assert loop_thread is not None
    loop_clock = time.pthread_getcpuclockid(loop_thread)
    scheduled = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
    while True:
        cpu, wall, mine = time.process_time(), time.perf_counter(), time.thread_time()
        queued_s = _queued_s(scheduled)
        time.sleep(ASK_EACH_S)
        used_ms = (time.process_time() - cpu - time.thread_time() + mine) * 1e3
        wall_ms = (time.perf_counter() - wall) * 1e3
        used_ms = min(used_ms, wall_ms - (_queued_s(scheduled) - queued_s) * 1e3)
        if used_ms > LEAST_MS:
            where = [
                f"{'loop' if ident == loop_thread else 'worker'}: {_stack(frame)}"
                for ident, frame in sys._current_frames().items()
                if ident != own and not _waits(frame)
            ]
            holds.note(Noted(used_ms, wall_ms, time.monotonic(), "", where))
        begun_s = now.begun_s
        if begun_s is not None and (time.clock_gettime(loop_clock) - begun_s) * 1e3 > SAMPLED_MS:
            now.seen.append(_stack(sys._current_frames().get(loop_thread)))


def _queued_s(scheduled: int) -> float:
    """Return how long a thread has waited for a processor so far."""
    return int(os.pread(scheduled, 100, 0).split()[1]) / 1e9


def watch_collections() -> None:
    """Time the collector's runs."""
    begun = 0.0

    def noted(phase: str, info: dict[str, int]) -> None:
        nonlocal begun
        if phase == "start":
            begun = time.thread_time()
            return
        cpu_ms = (time.thread_time() - begun) * 1e3
        if cpu_ms > LEAST_MS:
            what = f"generation {info['generation']} on {threading.current_thread().name}"
            collections.note(Noted(cpu_ms, cpu_ms, time.monotonic(), what, []))

    gc.callbacks.append(noted)


def tell(address: str) -> None:
    """Send what was noted to who connects, for ever."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        while True:
            asking, _ = server.accept()
            told = {"steps": steps.take(), "holds": holds.take(), "collections": collections.take()}
            with asking:
                asking.sendall(json.dumps(told).encode())


def _called(handle: asyncio.Handle) -> str:
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        coro = task.get_coro()
        inner: Any = getattr(coro, "cr_await", None)
        while getattr(inner, "cr_await", None) is not None:
            inner = inner.cr_await
        return f"{task.get_name()} {getattr(coro, '__qualname__', coro)} {getattr(inner, '__qualname__', '')}"
    return repr(callback)[:200]


def _waits(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    caller = frame.f_back
    if caller is not None and caller.f_code.co_filename == __file__ and caller.f_code.co_name == "tell":
        return True
    return name.endswith(("threading.py", "concurrent/futures/thread.py", "selectors.py")) or name == __file__


def _stack(frame: FrameType | None) -> str:
    found: list[str] = []
    while frame is not None and len(found) < FRAMES:
        code = frame.f_code
        found.append(f"{os.path.basename(code.co_filename)}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " < ".join(found)


if __name__ == "__main__":
    path, *arguments = sys.argv[1:]
    watch_steps()
    watch_collections()
    threading.Thread(target=watch_lock, daemon=True, name="watch-lock").start()
    threading.Thread(target=tell, args=(path,), daemon=True, name="tell").start()
    sys.exit(carnet(arguments))
