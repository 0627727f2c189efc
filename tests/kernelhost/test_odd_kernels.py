"""Kernels that keep the protocol badly: nothing hangs, and what happened is said (HO11, HO24, HO27, HO30, HO40, HO44)."""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from carnet.clock import SystemClock
from carnet.core.wire.host import KernelDied, KernelStarted, RunEnded, RunSent
from carnet.ids import KernelId, RunId
from carnet.kernelhost.connection import JournalReader
from carnet.kernelhost.host import KernelHost
from carnet.kernelhost.incarnation import Timing
from carnet.kernelhost.journal import KernelJournal
from carnet.kernels.client import HostClient
from tests.conftest import ExpectLog
from tests.support.kernel_host import Watch, a_run, text_of

pytestmark = pytest.mark.slow

K = KernelId("k")
SCRIPT = Path(__file__).parent.parent / "support" / "odd_kernel.py"


@pytest.fixture
async def client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[HostClient]:
    """A host in this process, little patient, that knows a kernelspec for each oddity.

    Its parameter is how long a kernel may take to say its first word: long, on a busy machine.
    """
    for oddity in ("no-idle", "no-reply", "aborts", "silent", "babbles", "deaf", "clings", "missing"):
        folder = tmp_path / "jupyter" / "kernels" / oddity
        folder.mkdir(parents=True)
        program = "/nowhere/python" if oddity == "missing" else sys.executable
        argv = [program, str(SCRIPT), "{connection_file}", oddity]
        spec = {"argv": argv, "display_name": oddity, "language": "odd"}
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    timing = Timing(start_s=getattr(request, "param", 60.0), polite_s=1.0, term_s=0.5, half_done_s=0.05)
    host = KernelHost(tmp_path / "host", clock=SystemClock(), timing=timing)
    await host.begin()
    client = HostClient(tmp_path / "host", spawn=False)
    await client.connect()
    yield client
    await client.end()
    await host.ended


async def an_odd_kernel(client: HostClient, oddity: str) -> Watch:
    await client.start(K, kernelspec=oddity, cwd="/")
    return await Watch(client, K).begin()


async def test_ho30_a_kernel_without_welcome_becomes_ready(client: HostClient) -> None:
    watch = await an_odd_kernel(client, "no-idle")
    assert isinstance(await watch.event(KernelStarted), KernelStarted)


async def test_ho27_a_kernel_that_never_says_idle_goes_on(client: HostClient, expect_log: ExpectLog) -> None:
    expect_log("never sent idle of run 1", logger="carnet.kernelhost")
    expect_log("never sent idle of run 2", logger="carnet.kernelhost")
    watch = await an_odd_kernel(client, "no-idle")
    await client.submit(K, [a_run("1", "a", "b"), a_run("2", "b", "b")])
    assert await watch.event(RunEnded, "1") == RunEnded(RunId("1"), ("idle",))
    assert await watch.event(RunEnded, "2") == RunEnded(RunId("2"), ("idle",))
    assert text_of(watch.records) == "ran a\nran b\n"


async def test_ho27_a_kernel_that_never_replies_goes_on(client: HostClient, expect_log: ExpectLog) -> None:
    expect_log("never sent reply of run 1", logger="carnet.kernelhost")
    watch = await an_odd_kernel(client, "no-reply")
    await client.submit(K, [a_run("1", "a", "b")])
    assert await watch.event(RunEnded, "1") == RunEnded(RunId("1"), ("reply",))


async def test_ho24_a_run_that_the_kernel_aborted_is_sent_again(client: HostClient) -> None:
    watch = await an_odd_kernel(client, "aborts")
    await client.submit(K, [a_run("1", "a", "b"), a_run("2", "b", "b")])
    await watch.until(lambda record: record.msg_type == "stream" and record.parent_id == "2")
    assert text_of(watch.records) == "ran a\nran b\n"
    assert watch.events()[1:] == [RunSent(RunId(run_id)) for run_id in ("1", "1", "2", "2")]
    await watch.until(lambda record: record.msg_type == "execute_reply" and b'"ok"' in record.content)


async def test_ho16_what_is_no_message_is_dropped_with_a_line_in_the_log(
    client: HostClient, expect_log: ExpectLog
) -> None:
    expect_log("iopub: a kernel sent 1 parts that are no Jupyter message", logger="carnet.kernelhost")
    expect_log("iopub: a message with a wrong signature", logger="carnet.kernelhost")
    watch = await an_odd_kernel(client, "babbles")
    assert text_of(await watch.run("a")) == "ran a\n"


@pytest.mark.parametrize(
    ("oddity", "now", "ended"),
    [
        ("no-idle", False, (0, None)),
        ("deaf", False, (None, 15)),
        ("clings", False, (None, 9)),
        ("no-idle", True, (None, 9)),
    ],
)
async def test_ho44_a_kernel_is_asked_to_end_then_told_then_killed(
    client: HostClient, oddity: str, now: bool, ended: tuple[int | None, int | None]
) -> None:
    watch = await an_odd_kernel(client, oddity)
    await watch.event(KernelStarted)

    await client.shutdown(K, now=now)

    # It is answered when all is told, and then it is forgotten.
    died = watch.events()[-1]
    assert isinstance(died, KernelDied)
    assert (died.obituary.exit_code, died.obituary.signal) == ended
    assert died.obituary.asked
    assert await client.kernels() == []


async def test_ho11_a_record_is_in_the_file_before_a_reader_is_told(
    client: HostClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[str, list[bytes]]] = []
    append, offer = KernelJournal.append, JournalReader.offer

    def appended(self: KernelJournal, payloads: Sequence[bytes]) -> None:
        order.append(("file", list(payloads)))
        append(self, payloads)

    def offered(self: JournalReader, first: int, payloads: list[bytes], size_bytes: int) -> None:
        order.append(("reader", list(payloads)))
        offer(self, first, payloads, size_bytes)

    monkeypatch.setattr(KernelJournal, "append", appended)
    monkeypatch.setattr(JournalReader, "offer", offered)
    watch = await an_odd_kernel(client, "deaf")
    await watch.event(KernelStarted)
    await watch.run("a")

    told = [index for index, (what, _) in enumerate(order) if what == "reader"]
    assert told
    assert all(order[index - 1] == ("file", order[index][1]) for index in told)


@pytest.mark.parametrize("client", [1.0], indirect=True)
async def test_ho40_a_kernel_that_says_nothing_is_ended(client: HostClient, expect_log: ExpectLog) -> None:
    expect_log("the kernel said nothing for 1 s", logger="carnet.kernelhost")
    expect_log("kernel k ended: killed by signal 9", logger="carnet.kernelhost")
    watch = await an_odd_kernel(client, "silent")
    died = await watch.event(KernelDied)
    assert isinstance(died, KernelDied)
    assert died.obituary.signal == 9


async def test_ho40_a_kernel_that_cannot_be_started_says_why(
    client: HostClient, expect_log: ExpectLog
) -> None:
    expect_log("kernel k: the kernel process of missing could not be started", logger="carnet.kernelhost")
    expect_log("kernel k ended: cause unknown", logger="carnet.kernelhost")
    watch = await an_odd_kernel(client, "missing")
    died = await watch.event(KernelDied)
    assert isinstance(died, KernelDied)
    assert "/nowhere/python" in died.obituary.stderr_tail
