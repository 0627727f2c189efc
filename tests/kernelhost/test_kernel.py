"""A kernel as the server knows it: queue, journal, lives. Real ipykernels."""

import os
import signal
from pathlib import Path

import msgspec
import pytest

from carnet.core.wire.host import (
    KernelDied,
    KernelRestarting,
    KernelStarted,
    RunDropped,
    RunSent,
)
from carnet.errors import KernelError, PeerError
from carnet.ids import RunId
from carnet.kernelhost.kernel import check_kernel_id, existing_folder
from carnet.kernels.client import HostClient
from tests.support.kernel_host import HostProcess, Watch, a_run, exists, text_of

pytestmark = pytest.mark.slow


async def test_ho30_a_kernel_says_that_it_started_before_anything_runs(fresh: Watch, tmp_path: Path) -> None:
    await fresh.client.submit(
        fresh.kernel_id, [a_run("1", "print('first word')"), a_run("2", "import os; os.getcwd()")]
    )
    assert text_of(await fresh.over("1")) == "first word\n"
    assert text_of(await fresh.over("2")) == repr(str(tmp_path))
    started, *rest = fresh.events()
    assert isinstance(started, KernelStarted)
    assert started.lineage == 1
    assert started.info["implementation"] == "ipython"
    assert rest == [RunSent(RunId("1")), RunSent(RunId("2"))]
    assert [record.number for record in fresh.records] == list(range(1, len(fresh.records) + 1))
    (kernel,) = [kernel for kernel in await fresh.client.kernels() if kernel.kernel_id == fresh.kernel_id]
    assert (kernel.status, kernel.language, kernel.running, kernel.queued) == ("idle", "python", None, ())
    assert kernel.resident_bytes is not None
    assert kernel.resident_bytes > 10_000_000
    assert kernel.display_name.startswith("Python 3")


async def test_ho23_an_error_drops_its_batch_and_no_other(shared: Watch) -> None:
    await shared.client.submit(
        shared.kernel_id,
        [
            a_run("e1", "import time; time.sleep(0.2); 1/0", "failing"),
            a_run("e2", "print('never')", "failing"),
            a_run("e3", "print('other batch')", "other"),
        ],
    )
    assert text_of(await shared.over("e3")) == "other batch\n"
    assert shared.events() == [
        RunSent(RunId("e1")),
        RunDropped(RunId("e2"), "batch-failed"),
        RunSent(RunId("e3")),
    ]


async def test_ho23_expected_errors_and_bursts_abort_nothing(shared: Watch) -> None:
    names = [f"x{number}" for number in range(10)]
    await shared.client.submit(
        shared.kernel_id,
        [a_run(name, f"print({name!r}); 1/0", "all", stop_on_error=False) for name in names],
    )
    await shared.over(names[-1])
    replies = [
        msgspec.json.decode(r.content)["status"] for r in shared.records if r.msg_type == "execute_reply"
    ]
    assert replies == ["error"] * 10
    assert text_of(shared.records).split() == names


async def test_ho20_a_run_is_executed_once_however_often_it_is_submitted(shared: Watch) -> None:
    await shared.run("counter = 0")
    twice = a_run("once", "counter += 1; print(counter)")
    await shared.client.submit(shared.kernel_id, [twice, twice])
    await shared.over("once")
    await shared.client.submit(shared.kernel_id, [twice])
    assert text_of(await shared.run("counter")) == "1"
    assert shared.events().count(RunSent(RunId("once"))) == 1


async def test_ho29_input_is_asked_and_answered(shared: Watch) -> None:
    await shared.client.submit(shared.kernel_id, [a_run("ask", "print('hello ' + input('name? '))")])
    asked = await shared.until(lambda record: record.msg_type == "input_request")
    assert asked.channel == "stdin"
    assert msgspec.json.decode(asked.content) == {"prompt": "name? ", "password": False}
    answer = msgspec.json.encode({"status": "ok", "value": "Ada"})
    await shared.client.send(
        shared.kernel_id, "stdin", "input_reply", "answer", answer, parent_header=asked.header
    )
    assert text_of(await shared.over("ask")) == "hello Ada\n"


async def test_ho29_a_message_outside_the_queue_comes_back_with_its_id(shared: Watch) -> None:
    question = msgspec.json.encode({"code": "import o", "cursor_pos": 8})
    await shared.client.send(shared.kernel_id, "shell", "complete_request", "c0mplete", question)
    reply = await shared.until(lambda r: r.msg_type == "complete_reply" and r.parent_id == "c0mplete")
    assert "os" in " ".join(msgspec.json.decode(reply.content)["matches"])


async def test_ho84_a_message_to_a_comm_is_sent_once_however_often_it_is_asked_for(shared: Watch) -> None:
    await shared.run(
        "get_ipython().kernel.comm_manager.register_target('t', lambda comm, message: print('opened', flush=True))"
    )
    for number in (1, 1, 2, 1):
        content = {"comm_id": f"c{number}", "target_name": "t", "data": {}}
        await shared.client.send(
            shared.kernel_id, "shell", "comm_open", f"open{number}", msgspec.json.encode(content)
        )
    await shared.run("1")

    said = [record for record in shared.records if record.msg_type == "stream"]
    assert [(record.parent_id, text_of([record])) for record in said] == [
        ("open1", "opened\n"),
        ("open2", "opened\n"),
    ]


async def test_ho26_an_interrupt_stops_what_runs_and_drops_what_waits(shared: Watch) -> None:
    await shared.client.submit(
        shared.kernel_id,
        [
            a_run("long", "print('on', flush=True)\nimport time\ntime.sleep(60)"),
            a_run("after", "print('never')", "b"),
        ],
    )
    await shared.line("long")
    await shared.client.interrupt(shared.kernel_id)
    over = await shared.over("long")
    (error,) = [msgspec.json.decode(record.content) for record in over if record.msg_type == "error"]
    assert error["ename"] == "KeyboardInterrupt"
    assert shared.events() == [RunSent(RunId("long")), RunDropped(RunId("after"), "cancelled")]
    assert text_of(await shared.run("print('alive')")) == "alive\n"


async def test_ho25_waiting_runs_are_reordered_and_cancelled(shared: Watch) -> None:
    await shared.client.submit(
        shared.kernel_id,
        [a_run("r0", "input();"), *(a_run(name, f"print({name!r})") for name in ("r1", "r2", "r3"))],
    )
    asked = await shared.until(lambda record: record.msg_type == "input_request")
    await shared.client.reorder(shared.kernel_id, [RunId("r3"), RunId("r2")])
    await shared.client.cancel(shared.kernel_id, [RunId("r2")])
    (kernel,) = [one for one in await shared.client.kernels() if one.kernel_id == shared.kernel_id]
    assert (kernel.running, kernel.queued, kernel.status) == ("r0", ("r3", "r1"), "busy")
    await shared.client.send(
        shared.kernel_id, "stdin", "input_reply", "a", b'{"value":""}', parent_header=asked.header
    )
    await shared.over("r1")
    assert text_of(shared.records).split() == ["r3", "r1"]


async def test_ho32_a_restart_keeps_the_id_and_goes_on_counting(fresh: Watch) -> None:
    await fresh.run("kept = 1")
    await fresh.client.submit(fresh.kernel_id, [a_run("busy", "input()"), a_run("waiting", "1", "w")])
    await fresh.until(lambda record: record.msg_type == "input_request")
    await fresh.client.restart(fresh.kernel_id, lineage=1)
    await fresh.client.restart(fresh.kernel_id, lineage=1)
    assert text_of(await fresh.run("'kept' in dir()")) == "False"
    died = await fresh.event(KernelDied)
    assert isinstance(died, KernelDied)
    assert died.obituary.asked
    assert died.obituary.run_id == "busy"
    kinds = [event for event in fresh.events() if not isinstance(event, RunSent)]
    assert [type(event) for event in kinds] == [
        KernelStarted,
        RunDropped,
        KernelRestarting,
        KernelDied,
        KernelStarted,
    ]
    assert kinds[1] == RunDropped(RunId("waiting"), "restarted")
    assert isinstance(kinds[4], KernelStarted)
    assert kinds[4].lineage == 2
    assert [record.number for record in fresh.records] == list(range(1, len(fresh.records) + 1))


async def test_ho41_ho46_a_killed_kernel_gets_an_obituary_and_stays_known(fresh: Watch) -> None:
    # Killed from outside when its words are out: what its own ZeroMQ thread has not yet written dies with it.
    code = "import os\nprint('last words', os.getpid(), flush=True)\ninput()"
    await fresh.client.submit(fresh.kernel_id, [a_run("fatal", code), a_run("waiting", "1", "w")])
    pid = int((await fresh.line("fatal")).split()[-1])
    os.kill(pid, signal.SIGKILL)
    died = await fresh.event(KernelDied)
    assert isinstance(died, KernelDied)
    obituary = died.obituary
    assert (obituary.exit_code, obituary.signal, obituary.signal_name) == (None, 9, "SIGKILL")
    assert (obituary.run_id, obituary.asked, obituary.out_of_memory) == ("fatal", False, False)
    assert obituary.peak_bytes is not None
    assert obituary.peak_bytes > 10_000_000
    # Of the run, that is: debugpy may say at the start of a kernel, to nobody, that it dislikes frozen modules.
    assert text_of([record for record in fresh.records if record.parent_id]) == f"last words {pid}\n"
    assert fresh.events()[-2:] == [RunDropped(RunId("waiting"), "kernel-died"), died]
    # Dead, but not forgotten: it is told at once that nothing runs here, and it can be restarted.
    await fresh.client.submit(fresh.kernel_id, [a_run("late", "1")])
    assert await fresh.event(RunDropped, "late") == RunDropped(RunId("late"), "kernel-died")
    with pytest.raises(KernelError, match="is not running: restart it first"):
        await fresh.client.send(fresh.kernel_id, "shell", "kernel_info_request", "m", b"{}")
    await fresh.client.restart(fresh.kernel_id)
    assert text_of(await fresh.run("print('again')")) == "again\n"


async def test_ho41_an_exit_code_and_a_native_traceback_are_told(fresh: Watch) -> None:
    await fresh.client.submit(fresh.kernel_id, [a_run("exit", "import os; os._exit(3)")])
    died = await fresh.event(KernelDied)
    assert isinstance(died, KernelDied)
    assert (died.obituary.exit_code, died.obituary.signal) == (3, None)
    before = len(fresh.records)
    await fresh.client.restart(fresh.kernel_id)
    await fresh.client.submit(fresh.kernel_id, [a_run("crash", "import ctypes; ctypes.string_at(0)")])
    record = await fresh.until(lambda r: r.number > before and r.msg_type == "kernel-died")
    obituary = msgspec.json.decode(record.content)["obituary"]
    assert obituary["signal_name"] == "SIGSEGV"
    assert "Fatal Python error: Segmentation fault" in obituary["stderr_tail"]
    assert "string_at" in obituary["stderr_tail"]


async def test_ho45_what_a_kernel_started_ends_with_it(fresh: Watch) -> None:
    code = """
import subprocess, os
child = subprocess.Popen(["sleep", "600"])
daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(os.getpid(), child.pid, daemon.pid)
"""
    pids = [int(word) for word in text_of(await fresh.run(code)).split()]
    assert all(exists(pid) for pid in pids)
    await fresh.client.shutdown(fresh.kernel_id)
    assert not any(exists(pid) for pid in pids)
    last = fresh.events()[-1]
    assert isinstance(last, KernelDied)
    assert last.obituary.asked
    assert fresh.kernel_id not in [kernel.kernel_id for kernel in await fresh.client.kernels()]


async def test_ho31_ho33_a_kernel_has_its_own_session_and_no_secret(shared: Watch) -> None:
    code = """
import os, faulthandler
print(os.getpid(), os.getsid(0), os.getpgid(0), faulthandler.is_enabled())
print([name for name in os.environ if "TOKEN" in name or name.startswith("JPY_PARENT")])
"""
    numbers, secrets = text_of(await shared.run(code)).splitlines()
    pid, session, group, fault_handler = numbers.split()
    assert pid == session == group
    assert int(session) != os.getsid(0)
    assert fault_handler == "True"
    assert secrets == "[]"


async def test_ho17_a_flood_loses_nothing_while_the_host_stands_still(
    fresh: Watch, host: HostProcess
) -> None:
    code = """
import os, signal
for number in range(20_000):
    print(number, flush=True)
    if number == 100:
        os.kill({host}, signal.SIGSTOP)
os.kill({host}, signal.SIGCONT)
"""
    # Stopped for all of the flood: without HO17 the kernel would drop all but the first few thousand lines.
    await fresh.client.submit(fresh.kernel_id, [a_run("flood", code.format(host=host.process.pid))])
    await fresh.over("flood")
    assert text_of(fresh.records).split() == [str(number) for number in range(20_000)]


@pytest.mark.parametrize("kernel_id", ["", "../x", "a/b", "x" * 65, "é"])
def test_ho34_an_id_that_cannot_name_a_folder_is_refused(kernel_id: str) -> None:
    with pytest.raises(PeerError, match="is no kernel id"):
        check_kernel_id(kernel_id)


def test_ho35_a_folder_that_is_gone_falls_back_to_its_parent(tmp_path: Path) -> None:
    assert existing_folder(str(tmp_path)) == str(tmp_path)
    assert existing_folder(str(tmp_path / "gone" / "deep")) == str(tmp_path)
    with pytest.raises(PeerError, match="must be absolute, not 'here'"):
        existing_folder("here")


async def test_ho34_a_second_start_with_a_known_id_is_the_same_kernel(
    shared: Watch, client: HostClient
) -> None:
    before = len(await client.kernels())
    again = await client.start(shared.kernel_id, cwd="/")
    assert again.cwd != "/"
    assert len(await client.kernels()) == before
