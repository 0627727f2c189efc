"""The host as a process: one per folder, private, adopting, ending. Real processes."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from carnet.core.wire.host import HostRecord, JournalGap, KernelDied, KernelStarted, RunEnded, RunSent
from carnet.errors import HostUnavailable, NoSuchKernel, NoSuchKernelspec
from carnet.ids import KernelId, RunId
from carnet.kernelhost.main import OTHER_HOST_EXIT_CODE
from carnet.kernels.client import HostClient
from tests.support.kernel_host import HostProcess, Watch, a_run, exists, text_of

pytestmark = pytest.mark.slow

StartHost = Callable[..., HostProcess]

K = KernelId("k")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def connected(folder: Path) -> HostClient:
    client = HostClient(folder, spawn=False)
    await client.connect()
    return client


async def test_ho1_all_that_a_host_makes_is_private(host: HostProcess, shared: Watch) -> None:
    assert shared.records == []
    for path in [host.folder, *host.folder.rglob("*")]:
        if path.name in {"host.lock", "host.json", "host.sock", "kernel.json", "runs.log"}:
            assert mode(path) == 0o600, path
        if path.suffix in {".journal", ".json", ".out"}:
            assert mode(path) == 0o600, path
        if path.is_dir():
            assert mode(path) == 0o700, path
    record = msgspec.json.decode((host.folder / "host.json").read_bytes(), type=HostRecord)
    assert record.pid == host.process.pid


async def test_ho3_one_host_per_folder(host: HostProcess, start_host: StartHost) -> None:
    second = start_host(host.folder)
    assert not second.said_ready
    assert second.process.wait() == OTHER_HOST_EXIT_CODE


async def test_ho4_a_long_path_is_no_obstacle(tmp_path: Path, start_host: StartHost) -> None:
    folder = tmp_path / ("long " * 12) / ("längere " * 8)
    folder.mkdir(parents=True)
    host = start_host(folder)
    client = await connected(folder)
    assert client.info is not None
    assert client.info.pid == host.process.pid
    await client.start(K, cwd=str(tmp_path))
    watch = await Watch(client, K).begin()
    assert text_of(await watch.run("print('here')")) == "here\n"
    record = msgspec.json.decode((folder / "host.json").read_bytes(), type=HostRecord)
    run_folder = Path(record.socket).parent
    assert run_folder.parent != folder
    assert mode(run_folder) == 0o700
    await client.end()
    assert host.process.wait() == 0
    assert not run_folder.exists()


async def test_ho5_a_folder_of_others_is_refused(tmp_path: Path, start_host: StartHost) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    host = start_host(tmp_path / "link")
    assert not host.said_ready
    assert host.process.wait() == 1


async def test_ho36_an_unknown_kernelspec_is_answered_with_those_there_are(client: HostClient) -> None:
    with pytest.raises(NoSuchKernelspec, match=r"no kernelspec is named nonsense. Installed: .*python3"):
        await client.start(KernelId("nonsense"), kernelspec="nonsense", cwd="/")
    with pytest.raises(NoSuchKernel, match="kernel nonsense is not known here"):
        await client.submit(KernelId("nonsense"), [a_run("1", "1")])
    specs = await client.kernelspecs()
    assert specs.default == "python3"
    assert specs.kernelspecs["python3"].language == "python"


async def test_ho8_a_host_without_use_ends_itself(tmp_path: Path, start_host: StartHost) -> None:
    host = start_host(tmp_path / "host", "--idle-exit-s", "0.2")
    assert host.process.wait(20) == 0
    assert not (tmp_path / "host" / "host.json").exists()


async def test_ho9_sigterm_ends_kernels_and_sigint_nothing(tmp_path: Path, start_host: StartHost) -> None:
    host = start_host(tmp_path / "host")
    client = await connected(host.folder)
    await client.start(K, cwd=str(tmp_path))
    watch = await Watch(client, K).begin()
    pid = int(text_of(await watch.run("import os; print(os.getpid())")))
    sockets = Path(
        msgspec.json.decode((host.folder / "host.json").read_bytes(), type=HostRecord).socket
    ).parent
    os.kill(host.process.pid, signal.SIGINT)
    assert text_of(await watch.run("print('still')")) == "still\n"
    await client.close()
    assert host.end() == 0
    assert not exists(pid)
    assert list((host.folder / "kernels").iterdir()) == []
    # Where the path was too long for sockets, they had a folder elsewhere, and it is gone (HO4).
    assert [path.name for path in sockets.glob("*")] == []


async def test_ho31_ho60_a_new_host_adopts_what_the_killed_one_left(
    tmp_path: Path, start_host: StartHost
) -> None:
    host = start_host(tmp_path / "host")
    client = await connected(host.folder)
    await client.start(K, cwd=str(tmp_path), env={"GREETING": "kept"})
    watch = await Watch(client, K).begin()
    pid = int(text_of(await watch.run("import os; kept = 'variable'; print(os.getpid())")))
    code = "print('on', flush=True)\nfor line in open('go'): print(line)\nprint('and off')"
    os.mkfifo(tmp_path / "go")
    await client.submit(K, [a_run("across", code), a_run("queued", "print(kept)"), a_run("also", "print(2)")])
    await watch.until(lambda record: record.parent_id == "across" and record.msg_type == "stream")
    before = watch.records[-1].number
    await client.close()
    host.kill()
    assert exists(pid)

    again = start_host(tmp_path / "host")
    client = await connected(again.folder)
    (kernel,) = await client.kernels()
    assert (kernel.pid, kernel.running, kernel.queued) == (pid, "across", ("queued", "also"))
    # A known run is still known.
    await client.submit(K, [a_run("across", "1/0"), a_run("queued", "1/0")])
    watch = await Watch(client, K).begin(before)
    await watch.event(JournalGap)
    (tmp_path / "go").write_text("went on\n", encoding="utf-8")
    assert text_of(await watch.over("also")) == "2\n"
    assert text_of(watch.records) == "went on\n\nand off\nvariable\n2\n"
    assert [event for event in watch.events() if not isinstance(event, JournalGap)] == [
        RunSent(RunId("queued")),
        RunSent(RunId("also")),
    ]
    assert [record.number for record in watch.records] == list(
        range(before + 1, before + 1 + len(watch.records))
    )
    # It can still be interrupted and restarted, with the environment it was started with.
    await client.submit(K, [a_run("long", "print('x', flush=True)\nimport time\ntime.sleep(60)")])
    await watch.until(lambda record: record.parent_id == "long" and record.msg_type == "stream")
    await client.interrupt(K)
    await watch.over("long")
    await client.restart(K)
    assert text_of(await watch.run("import os; print(os.environ['GREETING'])")) == "kept\n"
    assert [event.lineage for event in watch.events() if isinstance(event, KernelStarted)] == [2]
    await client.end()
    assert again.process.wait() == 0


async def test_ho61_a_run_that_ended_while_no_host_lived_is_told_so(
    tmp_path: Path, start_host: StartHost
) -> None:
    host = start_host(tmp_path / "host")
    client = await connected(host.folder)
    await client.start(K, cwd=str(tmp_path))
    watch = await Watch(client, K).begin()
    os.mkfifo(tmp_path / "go")
    os.mkfifo(tmp_path / "over")
    # The hook opens the second pipe when the run is over, so that the test knows it.
    hook = """
import threading
def tell(result):
    get_ipython().events.unregister("post_run_cell", tell)
    threading.Timer(0.5, lambda: open("over", "w").close()).start()
"""
    await watch.run(hook)
    code = "get_ipython().events.register('post_run_cell', tell)\nprint('on', flush=True)\nopen('go').read()"
    await client.submit(K, [a_run("unseen", code), a_run("next", "print('next')")])
    await watch.until(lambda record: record.parent_id == "unseen" and record.msg_type == "stream")
    await client.close()
    host.kill()
    (tmp_path / "go").write_text("", encoding="utf-8")
    assert (tmp_path / "over").read_text(encoding="utf-8") == ""

    again = HostProcess(tmp_path / "host")
    client = await connected(again.folder)
    watch = await Watch(client, K).begin()
    assert await watch.event(RunEnded) == RunEnded(RunId("unseen"), ("reply", "idle"))
    assert text_of(await watch.over("next")) == "next\n"
    await client.end()
    assert again.process.wait() == 0


async def test_ho62_a_kernel_that_died_meanwhile_is_told_so(tmp_path: Path, start_host: StartHost) -> None:
    host = start_host(tmp_path / "host")
    client = await connected(host.folder)
    await client.start(K, cwd=str(tmp_path))
    watch = await Watch(client, K).begin()
    pid = int(text_of(await watch.run("import os; print(os.getpid())")))
    await client.close()
    host.kill()
    os.kill(pid, signal.SIGKILL)
    again = start_host(tmp_path / "host")
    client = await connected(again.folder)
    watch = await Watch(client, K).begin()
    died = await watch.event(KernelDied)
    assert isinstance(died, KernelDied)
    assert (died.obituary.exit_code, died.obituary.signal, died.obituary.asked) == (None, None, False)
    (kernel,) = await client.kernels()
    assert (kernel.status, kernel.pid) == ("dead", None)
    await client.restart(K)
    assert text_of(await watch.run("print('again')")) == "again\n"
    await client.end()
    assert again.process.wait() == 0


async def test_ho7_no_host_and_none_to_be_started(tmp_path: Path) -> None:
    with pytest.raises(HostUnavailable, match="no kernel host runs in"):
        await HostClient(tmp_path / "host", spawn=False).connect()
