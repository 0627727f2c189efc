"""Saves under the worst: killed in the middle, no room, no permission, a file that changes or goes away."""

import asyncio
import json
import os
import random
import resource
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from carnet.core.notebook.model import Stream
from carnet.core.session.intents import SaveNow
from carnet.storage.paths import RESERVED_PREFIX
from tests.support.disks import can_mount, small_disk
from tests.support.files import FileNotebook, code_notebook, read_file, write_file
from tests.support.link_client import LinkClient
from tests.support.seeds import figure, rounds
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(1800)]

BULK = "x" * 79 + "\n"


async def all_saved(tab: LinkClient) -> None:
    await tab.wait(lambda: tab.now.saved.seq >= tab.now.changed_seq and not tab.now.saved.problem)


def litter(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(RESERVED_PREFIX)]


def wait_for_save_in_progress(folder: Path, file: Path, size_bytes: int) -> bool:
    """Return as soon as a save has written so many bytes (True), or is over (False). Looks without a pause."""
    before = file.stat().st_ino
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        for name in litter(folder):
            try:
                if (folder / name).stat().st_size >= size_bytes:
                    return True
            except FileNotFoundError:
                pass  # it has been renamed meanwhile
        if file.stat().st_ino != before:
            return False
    raise AssertionError("no save began")


async def test_sv2_a_save_that_is_killed_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, seed: int
) -> None:
    random_ = random.Random(seed)
    kills = rounds(8)
    in_the_middle = 0
    with CarnetServer(tmp_path, settings={"autosave_delay_s": "1000"}) as server:
        file = server.write("large.ipynb", ["word0", *[BULK * 650] * 100])  # 5 MB
        size_bytes = file.stat().st_size
        async with server.tab("large.ipynb") as tab:
            for number in range(1, kills + 1):
                old = file.read_bytes()
                await tab.acknowledged(await tab.write(0, f"word{number}"))
                await tab.intend(SaveNow())
                # From the first byte to the moment between the last one and the rename.
                target = random_.choice([0, random_.randrange(size_bytes), size_bytes - 8192])
                in_the_middle += await asyncio.to_thread(
                    wait_for_save_in_progress, server.notebooks, file, target
                )
                await asyncio.to_thread(server.kill)
                found = file.read_bytes()
                if found != old:
                    assert json.loads(found)["cells"][0]["source"] == [f"word{number}"]
                await asyncio.to_thread(server.start)
                await tab.wait(lambda: tab.pending == 0)
                await tab.acknowledged(await tab.intend(SaveNow()))
                await all_saved(tab)
                notebook = read_file(file)
                assert [notebook.cells[0].source, len(notebook.cells)] == [f"word{number}", 101]
                assert litter(server.notebooks) == []
    figure(
        f"{kills} SIGKILLs around a save of {size_bytes >> 20} MiB, {in_the_middle} in the middle: 0 torn files"
    )


async def test_sv6_a_full_disk_is_said_the_journal_holds_the_work_and_saving_resumes(tmp_path: Path) -> None:
    with ExitStack() as stack:
        notebooks = tmp_path / "notebooks"
        disk = stack.enter_context(small_disk(notebooks, 1 << 20)) if can_mount() else None
        server = stack.enter_context(CarnetServer(tmp_path))
        # So large an output lives in a blob, so that the file is the longest of all that the server writes.
        file = server.write("a.ipynb", ["first", "print('ran', flush=True)"])
        write_file(file, with_large_output(read_file(file), 300_000))
        before = file.read_bytes()
        async with server.tab("a.ipynb") as tab:
            if disk is not None:
                disk.fill()
            else:
                server.limit_files(len(before) - 1)
            await tab.acknowledged(await tab.write(0, "typed while there was no room"))
            await tab.run(tab.now.order[1])
            await tab.wait_done(1)
            await tab.wait(lambda: tab.now.saved.problem != "")
            problem = tab.now.saved.problem
            assert "Not saved" in problem
            assert ("disk is full" if disk is not None else "larger than the disk") in problem
            assert file.read_bytes() == before
            assert litter(notebooks) == []
            # The journal holds the work, also over the server's death.
            if disk is not None:
                await asyncio.to_thread(server.restart)
            async with server.tab("a.ipynb") as other:
                assert other.cell(0).cell.source == "typed while there was no room"
            if disk is not None:
                disk.free()
            else:
                server.limit_files(resource.RLIM_INFINITY)
            await all_saved(tab)
            written = read_file(file)
            assert written.cells[0].source == "typed while there was no room"
            assert written.cells[1].outputs[0].text == "ran\n"
    figure(f"disk full: {problem!r}; saved by itself when there was room")


def with_large_output(notebook: FileNotebook, size_bytes: int) -> FileNotebook:
    """Put one large value into the first cell's outputs."""
    large = {"output_type": "display_data", "data": {"text/plain": "y" * size_bytes}, "metadata": {}}
    tree = code_notebook([cell.source for cell in notebook.cells])
    tree.cells[0].outputs = [type(tree)(large)]
    return tree


async def test_sv6_a_read_only_folder_is_said_and_saving_resumes(tmp_path: Path) -> None:
    with ExitStack() as stack:
        notebooks = tmp_path / "notebooks"
        disk = stack.enter_context(small_disk(notebooks, 1 << 20)) if can_mount() else None
        server = stack.enter_context(CarnetServer(tmp_path))
        file = server.write("a.ipynb", ["first"])
        before = file.read_bytes()
        async with server.tab("a.ipynb") as tab:
            if disk is not None:
                disk.protect(readonly=True)
            else:
                notebooks.chmod(0o500)
            await tab.acknowledged(await tab.write(0, "typed meanwhile"))
            await tab.wait(lambda: tab.now.saved.problem != "")
            problem = tab.now.saved.problem
            assert "Not saved" in problem
            assert file.read_bytes() == before
            if disk is not None:
                disk.protect(readonly=False)
            else:
                notebooks.chmod(0o700)
            await all_saved(tab)
            assert read_file(file).cells[0].source == "typed meanwhile"
    figure(f"read-only: {problem!r}; saved by itself when it could")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_lv13_what_was_typed_and_not_saved_is_in_the_file_after_the_next_start(
    server: CarnetServer, path: str, number: signal.Signals
) -> None:
    path = f"{number.name}-{path}"
    file = server.write(path, ["first"])
    async with server.tab(path) as tab:
        await tab.acknowledged(await tab.write(0, "typed just before the end"))
    server.restart(number=number)
    async with server.tab(path) as tab:
        assert tab.cell(0).cell.source == "typed just before the end"
        await all_saved(tab)
    assert read_file(file).cells[0].source == "typed just before the end"


async def test_sv3_what_changed_outside_while_the_server_was_away_is_merged(
    server: CarnetServer, path: str
) -> None:
    file = server.write(path, ["one", "two", "three"])
    async with server.tab(path) as tab:
        await tab.acknowledged(await tab.write(0, "one, typed here"))
        await asyncio.to_thread(server.kill)
        notebook = read_file(file)
        notebook.cells[2].source = "three, written outside"
        write_file(file, notebook)
        await asyncio.to_thread(server.start)
        await tab.wait(lambda: tab.cell(2).cell.source == "three, written outside")
        assert [tab.cell(index).cell.source for index in (0, 1)] == ["one, typed here", "two"]
        await all_saved(tab)
    assert [cell.source for cell in read_file(file).cells] == [
        "one, typed here",
        "two",
        "three, written outside",
    ]


async def test_sv3_sv5_a_file_that_is_changed_deleted_and_renamed_outside_while_open(
    server: CarnetServer, path: str
) -> None:
    file = server.write(path, ["one", "two"])
    async with server.tab(path) as tab:
        # Changed: merged, without a dialog; a true conflict in one cell keeps both texts.
        await tab.acknowledged(await tab.write(0, "one from the page"))
        notebook = read_file(file)
        if notebook.cells[0].source == "one":
            notebook.cells[0].source = "one from outside"
            notebook.cells[1].source = "two from outside"
            write_file(file, notebook)
        await tab.wait(
            lambda: any(state.cell.source == "two from outside" for state in tab.now.cells.values())
        )
        everything = "\n".join(state.cell.source for state in tab.now.cells.values())
        assert "one from the page" in everything
        assert "one from outside" in everything
        await all_saved(tab)

        # Deleted: said, and not made again by itself.
        file.unlink()
        await tab.wait(lambda: "gone" in tab.now.saved.problem)
        await tab.acknowledged(await tab.write(1, "typed without a file"))
        assert not file.exists()
        await tab.intend(SaveNow())
        await all_saved(tab)
        assert "typed without a file" in [cell.source for cell in read_file(file).cells]

        # Renamed outside: said; here the notebook stays as it is.
        file.rename(file.with_name("elsewhere.ipynb"))
        await tab.wait(lambda: "gone" in tab.now.saved.problem)
        assert "typed without a file" in [state.cell.source for state in tab.now.cells.values()]
        file.with_name("elsewhere.ipynb").rename(file)
        await all_saved(tab)


async def test_lv8_lk29_a_full_journal_disk_stalls_is_said_and_goes_on(tmp_path: Path) -> None:
    if not can_mount():
        await _stall_by_limit(tmp_path)
        return
    with small_disk(tmp_path / "state", 24 << 20) as disk, CarnetServer(tmp_path) as server:
        file = server.write("a.ipynb", ["first", "for n in range(2000): print('line', n)", "print('after')"])
        async with server.tab("a.ipynb") as tab:
            await tab.run(tab.now.order[2])
            await tab.wait_done(2)
            await all_saved(tab)
            seq = tab.now.seq
            disk.fill()
            numbers = [await tab.write(0, "typed while nothing could be recorded")]
            numbers.append(await tab.press_run(*tab.now.order[1:]))
            await tab.wait(lambda: tab.stalled is not None)
            assert tab.stalled is not None
            assert tab.stalled.disk_full
            assert tab.stalled.reason.startswith("Disk full")
            assert tab.pending == 2
            assert tab.now.seq == seq
            # The line is alive meanwhile, and a tab that comes now is told too.
            async with server.tab("a.ipynb") as late:
                await late.wait(lambda: late.stalled is not None)
            assert tab.reconnects == 1
            disk.free()
            for number in numbers:
                await tab.acknowledged(number)
            await tab.wait(lambda: not tab.now.runs and tab.stalled is None)
            assert tab.text(1).count("\n") == 2000
            assert tab.text(2) == "after\n"
            assert tab.cell(2).cell.execution_count == 3
            await all_saved(tab)
        assert read_file(file).cells[0].source == "typed while nothing could be recorded"


async def _stall_by_limit(tmp_path: Path) -> None:
    with CarnetServer(tmp_path) as server:
        file = server.write("a.ipynb", ["first"])
        async with server.tab("a.ipynb") as tab:
            server.limit_files(4096)
            number = await tab.write(0, "typed while nothing could be recorded")
            await tab.wait(lambda: tab.stalled is not None)
            assert tab.pending == 1
            server.limit_files(resource.RLIM_INFINITY)
            await tab.acknowledged(number)
            await tab.wait(lambda: tab.stalled is None)
            await all_saved(tab)
        assert read_file(file).cells[0].source == "typed while nothing could be recorded"


async def test_ho15_a_full_disk_of_the_kernel_host_loses_no_line(tmp_path: Path) -> None:
    lines = 20_000
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "state" / "host", 24 << 20)) if can_mount() else None
        server = stack.enter_context(CarnetServer(tmp_path))
        server.write("a.ipynb", ["'warm'", f"for n in range({lines}): print('line', n)", "print('after')"])
        async with server.tab("a.ipynb") as tab:
            await tab.run(tab.now.order[0])
            await tab.wait_done(0)
            host = server.host()
            assert host is not None
            if disk is not None:
                disk.fill()
            else:
                resource.prlimit(host.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            await tab.run(tab.now.order[1])
            await tab.wait(lambda: "line 100\n" in tab.text(1))
            # The next server reads what only the host's memory has.
            await asyncio.to_thread(server.restart)
            await tab.wait_done(1)
            if disk is not None:
                disk.free()
            else:
                resource.prlimit(host.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            await tab.run(tab.now.order[2])
            await tab.wait_done(2)
            assert tab.text(2) == "after\n"
            assert await asyncio.to_thread(printed, server, tab, 1) == "".join(
                f"line {n}\n" for n in range(lines)
            )
            assert not any(notice.id == "kernel-gap" for notice in tab.now.notices)


def printed(server: CarnetServer, tab: LinkClient, index: int) -> str:
    """Return all that a cell has printed, with what stands in blobs."""
    [output] = tab.cell(index).cell.outputs
    assert isinstance(output, Stream)
    parts = [server.request("GET", f"/blobs/{part.blob.sha256}")[1].decode() for part in output.spilled]
    return "".join([output.head, *parts, output.text])
