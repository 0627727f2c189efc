"""Rules MG1 to MG6. Sizes are told by a host that says what the test says."""

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from carnet.core.session import effects as fx
from carnet.core.wire.host import KernelInfo, RunSent
from carnet.ids import KernelId, RunId
from carnet.live.memory_guard import (
    LOOK_S,
    NEAR_S,
    REST_S,
    Memory,
    MemoryGuard,
    memory_of_this_machine,
)
from carnet.live.session import Session
from carnet.testing.fake_clock import FakeClock
from carnet.testing.kernel_host import FakeKernelHost
from tests.conftest import ExpectLog
from tests.live.conftest import PATH, Tab, World, until, write_notebook

MIB = 1 << 20


class SizedHost(FakeKernelHost):
    """A host whose kernels have the sizes that a test gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.size_bytes = 100 * MIB
        self.running: RunId | None = None

    async def kernels(self) -> list[KernelInfo]:
        return [
            msgspec.structs.replace(info, resident_bytes=self.size_bytes, running=self.running)
            for info in await super().kernels()
        ]

    @property
    def interrupts(self) -> int:
        return sum(call[0] == "interrupt" for call in self.calls)


async def running(world: World, memory_guard: float) -> tuple[SizedHost, Session]:
    """Return a session whose only cell runs."""
    host = world.host = SizedHost()
    world.settings = replace(world.settings, memory_guard=memory_guard)
    write_notebook(world.notebooks, "fill()")
    session = await world.start().open(PATH)
    await Tab(session).run("c1")
    await until(session, lambda: session.state.kernel.status == "idle")
    [run] = session.state.runs
    kernel_id = session.state.kernel.id
    assert kernel_id is not None
    host.running = run.id
    host.fakes[KernelId(kernel_id)].event(RunSent(run.id))
    await until(session, lambda: session.state.runs[0].started_ms is not None)
    return host, session


def said(session: Session) -> list[str]:
    return [notice.text for notice in session.state.notices if notice.id == "memory-guard"]


async def test_mg1_a_run_that_grows_over_the_limit_is_interrupted_once_and_told(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("memory guard", logger="carnet.live.memory")
    host, session = await running(world, 500 * MIB)
    guard = MemoryGuard(session.around, lambda: [session])

    assert await guard.look()
    host.size_bytes = 499 * MIB
    await guard.look()
    assert said(session) == []
    host.size_bytes = 500 * MIB
    await guard.look()
    await guard.look()

    [text] = said(session)
    assert "500 MiB" in text
    assert "Variables are kept" in text
    async with asyncio.timeout(10):
        while not host.interrupts:
            await host.changed.wait()
            host.changed.clear()
    assert host.interrupts == 1


async def test_mg6_a_run_that_goes_on_growing_is_interrupted_again_and_told_once(
    world: World, expect_log: ExpectLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_log("memory guard", logger="carnet.live.memory")
    host, session = await running(world, 500 * MIB)
    interrupts: list[fx.Effect] = []
    monkeypatch.setattr(session, "perform", interrupts.extend)
    clock = FakeClock()
    guard = MemoryGuard(replace(session.around, clock=clock), lambda: [session])

    await guard.look()
    host.size_bytes = 600 * MIB
    for later_s, wanted in ((0.0, 1), (1.9, 1), (0.2, 2), (2.0, 3)):
        clock.advance(later_s)
        await guard.look()
        assert len(interrupts) == wanted
    assert len(said(session)) == 1


async def test_mg2_a_run_that_did_not_grow_itself_is_left_alone(world: World) -> None:
    host, session = await running(world, 500 * MIB)
    guard = MemoryGuard(session.around, lambda: [session])

    host.size_bytes = 900 * MIB
    await guard.look()
    host.size_bytes = 910 * MIB
    await guard.look()

    assert said(session) == []


async def test_mg3_a_part_of_all_memory_counts_what_all_use(world: World, expect_log: ExpectLog) -> None:
    expect_log("memory guard", logger="carnet.live.memory")
    host, session = await running(world, 0.8)
    used = [700]
    guard = MemoryGuard(session.around, lambda: [session], lambda: Memory(1000 * MIB, used[0] * MIB))

    await guard.look()
    host.size_bytes = 400 * MIB
    await guard.look()
    assert said(session) == []
    used[0] = 800
    await guard.look()

    [text] = said(session)
    assert "800 MiB of the 1000 MiB" in text
    assert "80%" in text


async def test_mg4_where_nothing_runs_no_kernel_is_looked_at(world: World) -> None:
    write_notebook(world.notebooks, "1")
    world.settings = replace(world.settings, memory_guard=0.5)
    session = await world.start().open(PATH)

    assert not await MemoryGuard(session.around, lambda: [session]).look()


def _write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_mg5_the_nearest_limit_counts_and_what_files_left_in_memory_does_not(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    _write(proc, meminfo="MemTotal: 8000 kB\nMemFree: 1 kB\nMemAvailable: 6000 kB\n")
    machine = Memory(8000 * 1024, 2000 * 1024)
    assert memory_of_this_machine(proc, groups) == machine

    _write(proc / "self", cgroup="0::/box\n")
    _write(groups / "box", memory__max="max\n", memory__current="1\n", memory__stat="inactive_file 0\n")
    assert memory_of_this_machine(proc, groups) == machine

    _write(
        groups / "box",
        memory__max="1000\n",
        memory__current="900\n",
        memory__stat="anon 1\ninactive_file 100\n",
    )
    assert memory_of_this_machine(proc, groups) == Memory(1000, 800)


def test_mg5_cgroups_of_version_1_are_understood(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    _write(proc / "self", cgroup="9:cpu:/x\n4:cpuset,memory:/outside\n")
    _write(
        groups / "memory",
        memory__limit_in_bytes="1000\n",
        memory__usage_in_bytes="700\n",
        memory__stat="total_inactive_file 100\n",
    )
    assert memory_of_this_machine(proc, groups) == Memory(1000, 600)


def test_mg5_a_system_that_does_not_tell_gives_nothing(tmp_path: Path) -> None:
    assert memory_of_this_machine(tmp_path, tmp_path) is None


async def test_mg4_near_the_limit_it_looks_more_often(world: World) -> None:
    host, session = await running(world, 500 * MIB)
    guard = MemoryGuard(session.around, lambda: [session])

    await guard.look()
    assert guard.pause_s(busy=True) == LOOK_S
    host.size_bytes = 300 * MIB
    await guard.look()
    assert guard.pause_s(busy=True) == NEAR_S
    assert guard.pause_s(busy=False) == REST_S
    host.size_bytes = 100 * MIB
    await guard.look()
    assert guard.pause_s(busy=True) == LOOK_S
