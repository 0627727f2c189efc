"""Interrupt the cell that is about to use up the memory, before the system's killer ends its kernel.

Off unless `memory_guard` is set. While a run goes on, the resident sizes of the
kernels are looked at often, since memory can go within a second. A run that
only works beside old, large variables, or frees them, is left alone.

Rules MG1 to MG6: docs/specs/live.md.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from carnet.core.session import effects as fx
from carnet.core.session.state import Run
from carnet.core.wire.host import KernelInfo
from carnet.errors import KernelError
from carnet.ids import RunId
from carnet.live.session import Session
from carnet.live.surroundings import Surroundings

log = logging.getLogger("carnet.live.memory")

LOOK_S = 0.05
"""Between two looks while something runs."""

NEAR_S = 0.01
"""Between two looks while a kernel that runs something is near its limit: a machine fills a gigabyte in 0.2 s."""

NEAR = 0.6
"""Fraction of the limit from which on it is near."""

REST_S = 0.5
"""Between two looks while nothing runs."""

AGAIN_S = 2.0
"""A run that goes on growing is interrupted again after this."""

GROWTH = 0.03
"""Fraction of the limit by which a run must have grown itself to be interrupted."""

MIB = 1 << 20


@dataclass(frozen=True)
class Memory:
    """What all processes together may use, and use now."""

    limit_bytes: int
    used_bytes: int


@dataclass
class _Watched:
    """A run that goes on."""

    least_bytes: int
    """The smallest size its kernel had during it."""
    interrupted_s: float = float("-inf")
    said: bool = False


class MemoryGuard:
    """Guards all sessions of one server."""

    def __init__(
        self,
        around: Surroundings,
        sessions: Callable[[], Sequence[Session]],
        memory: Callable[[], Memory | None] | None = None,
    ) -> None:
        self._around = around
        self._sessions = sessions
        self._memory = memory or memory_of_this_machine
        self._watched: dict[RunId, _Watched] = {}
        self._is_near = False
        """Whether the last look found somebody near the limit."""

    async def guard_forever(self) -> None:
        """Look again and again."""
        while True:
            try:
                busy = await self.look()
            except KernelError as error:
                log.debug("the kernels' sizes are not known now: %s", error)
                busy = False
            await asyncio.sleep(self.pause_s(busy=busy))

    def pause_s(self, *, busy: bool) -> float:
        """Return how long to wait until the next look."""
        if not busy:
            return REST_S
        return NEAR_S if self._is_near else LOOK_S

    async def look(self) -> bool:
        """Look once; return whether anything runs."""
        running = {
            run.id: (session, run)
            for session in self._sessions()
            for run in session.state.runs
            if run.started_ms is not None
        }
        self._watched = {run_id: one for run_id, one in self._watched.items() if run_id in running}
        self._is_near = False
        if not running:
            return False
        infos = await self._around.host.kernels()
        # Who holds most is looked at first: where all share one limit, interrupting one may be enough.
        for info in sorted(infos, key=lambda info: info.resident_bytes or 0, reverse=True):
            if info.running is not None and info.running in running:
                session, run = running[info.running]
                if self._look_at(session, run, info):
                    break
        return True

    def _look_at(self, session: Session, run: Run, info: KernelInfo) -> bool:
        """Interrupt this run if it is the one that must not go on; return whether it was."""
        size_bytes = info.resident_bytes
        if size_bytes is None:
            return False
        watched = self._watched.setdefault(run.id, _Watched(size_bytes))
        watched.least_bytes = min(watched.least_bytes, size_bytes)
        found = self._limit_reached(size_bytes)
        if found is None:
            return False
        limit_bytes, words = found
        now_s = self._around.clock.monotonic_s()
        if size_bytes - watched.least_bytes < GROWTH * limit_bytes or now_s - watched.interrupted_s < AGAIN_S:
            return False
        watched.interrupted_s = now_s
        if info.kernel_id == session.state.kernel.id:
            session.perform([fx.InterruptKernel(info.kernel_id)])
        if not watched.said:
            watched.said = True
            log.warning("notebook %s: the memory guard interrupts a run: %s", session.state.journal_id, words)
            session.notice(
                "memory-guard",
                "warning",
                f"The memory guard interrupted a cell: its kernel had grown to {size_bytes // MIB} MiB, and {words}. "
                "Variables are kept. Delete large ones (del) before you run it again.",
            )
        return True

    def _limit_reached(self, size_bytes: int) -> tuple[int, str] | None:
        """Return the limit and the words for it, if it is reached."""
        guard = self._around.settings.memory_guard
        if guard > 1:
            limit_bytes = int(guard)
            self._is_near = self._is_near or size_bytes >= NEAR * limit_bytes
            return (
                (limit_bytes, f"a kernel may have {limit_bytes // MIB} MiB (memory_guard)")
                if size_bytes >= limit_bytes
                else None
            )
        memory = self._memory()
        if memory is not None:
            self._is_near = self._is_near or memory.used_bytes >= NEAR * guard * memory.limit_bytes
        if memory is None or memory.used_bytes < guard * memory.limit_bytes:
            return None
        return memory.limit_bytes, (
            f"{memory.used_bytes // MIB} MiB of the {memory.limit_bytes // MIB} MiB that there are were in use "
            f"(memory_guard: {guard:.0%})"
        )


def memory_of_this_machine(
    proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")
) -> Memory | None:
    """Return the memory of the container we live in, or of the machine; None where the system does not tell."""
    found = [one for one in (_of_cgroup(proc, cgroups), _of_machine(proc)) if one is not None]
    return max(found, key=lambda one: one.used_bytes / one.limit_bytes, default=None)


def _of_cgroup(proc: Path, cgroups: Path) -> Memory | None:
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return None
    folders: list[tuple[Path, str, str, str]] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names = ("memory.max", "memory.current", "inactive_file")
            folders += [(folder, *names) for folder in (cgroups / path.lstrip("/"), cgroups)]
        elif "memory" in controllers.split(","):
            # In a container the path may be the one outside: then the root is ours.
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            root = cgroups / "memory"
            folders += [(folder, *names) for folder in (root / path.lstrip("/"), root)]
    for folder, limit_name, used_name, cache_name in folders:
        try:
            limit_bytes = int((folder / limit_name).read_text())
            used_bytes = int((folder / used_name).read_text())
            statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # `max` is no number: no limit here
            continue
        if 0 < limit_bytes < 1 << 60:
            # What files left in memory goes when it is needed.
            return Memory(limit_bytes, used_bytes - int(statistics.get(cache_name, "0")))
    return None


def _of_machine(proc: Path) -> Memory | None:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        sizes = {
            name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)
        }
        return Memory(sizes["MemTotal"], sizes["MemTotal"] - sizes["MemAvailable"])
    except (OSError, KeyError, ValueError, IndexError):
        return None
