"""The client: nothing lost and nothing twice, whatever happens to the connection (HO70 to HO76). Real hosts."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from carnet.core.wire.framing import FrameBuffer, framed
from carnet.core.wire.host import (
    Failed,
    FromHost,
    Hello,
    JournalGap,
    KernelInfo,
    ListKernels,
    Record,
    Returned,
)
from carnet.errors import HostUnavailable, NoSuchKernel
from carnet.ids import KernelId
from carnet.kernels.client import HostClient, HostState, _Wire
from carnet.kernels.spawn import _readable, find
from tests.conftest import ExpectLog
from tests.support.kernel_host import HostProcess, Watch, a_run, exists, text_of

pytestmark = pytest.mark.slow

StartHost = Callable[..., HostProcess]

K = KernelId("k")


def cut(client: HostClient) -> None:
    """Cut the connection, as a network or a dying process would."""
    assert client._wire is not None
    client._wire.close()


def is_past(number: int) -> Callable[[Record], bool]:
    """Return whether a record comes after this one."""
    return lambda record: record.number > number


async def test_ho71_a_reader_resumes_after_each_cut(kernel: Watch) -> None:
    states: list[HostState] = []
    kernel.client.on_state = states.append
    first = kernel.client._readings[kernel.kernel_id].delivered
    await kernel.client.submit(
        kernel.kernel_id,
        [a_run("cut", "import time\nfor n in range(300): print(n, flush=True); time.sleep(0.002)")],
    )
    for count in (20, 120, 220):
        await kernel.until(is_past(first + count))
        cut(kernel.client)
    await kernel.over("cut")
    assert text_of(kernel.records).split() == [str(number) for number in range(300)]
    assert [record.number for record in kernel.records] == list(
        range(first + 1, first + 1 + len(kernel.records))
    )
    assert states == ["lost", "connected"] * 3


async def test_ho74_each_frame_has_records_and_goes_on_where_the_last_one_ended(
    kernel: Watch, host: HostProcess
) -> None:
    await kernel.run("for n in range(3000): print(n, flush=True)")
    other = HostClient(host.folder, spawn=False)
    await other.connect()
    frames: list[list[int]] = []
    watch = Watch(other, kernel.kernel_id)

    def receive(records: list[Record]) -> None:
        frames.append([record.number for record in records])
        watch.receive(records)

    await other.read(kernel.kernel_id, 0, receive)
    await kernel.client.submit(kernel.kernel_id, [a_run("live", "print('live')")])
    await watch.over("live")
    await other.close()

    assert all(frames)
    numbers = [number for frame in frames for number in frame]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_ho71_what_may_be_asked_twice_is_asked_again(kernel: Watch) -> None:
    cut(kernel.client)
    asked = [
        asyncio.create_task(kernel.client.kernels()),
        asyncio.create_task(kernel.client.submit(kernel.kernel_id, [a_run("again", "print('once')")])),
    ]
    await asyncio.gather(*asked)
    assert text_of(await kernel.over("again")) == "once\n"


async def test_ho71_what_may_not_be_asked_twice_fails_with_a_sentence(kernel: Watch) -> None:
    asked = asyncio.create_task(kernel.client.interrupt(kernel.kernel_id))
    await asyncio.sleep(0)
    cut(kernel.client)
    with pytest.raises(HostUnavailable, match="was lost before it answered"):
        await asked
    await kernel.run("pass")  # the interrupt may have arrived, and may be felt by this
    assert text_of(await kernel.run("print('well')")) == "well\n"


async def test_ho72_a_slow_reader_gets_all_and_holds_up_nobody(kernel: Watch, host: HostProcess) -> None:
    slow_client = HostClient(host.folder, spawn=False)
    await slow_client.connect()
    slow = Watch(slow_client, kernel.kernel_id, acknowledges=False)
    await slow.begin(kernel.client._readings[kernel.kernel_id].delivered)
    code = "for number in range(20_000): print(number, 'x' * 1_000, flush=True)"
    await kernel.client.submit(kernel.kernel_id, [a_run("flood", code)])
    numbers = [word for word in text_of(await kernel.over("flood")).split() if not word.startswith("x")]
    assert numbers == [str(number) for number in range(20_000)]
    # The slow one has its window and no more, until it acknowledges, bit by bit.
    assert sum(len(record.content) for record in slow.records) < 10 << 20
    assert slow.records[-1].number < kernel.records[-1].number
    while not any(r.msg_type == "execute_reply" and r.parent_id == "flood" for r in slow.records):
        seen = slow.records[-1].number
        slow_client.acknowledge(kernel.kernel_id, seen)
        await slow.until(is_past(seen))
    await slow.over("flood")
    words = [word for word in text_of(slow.records).split() if not word.startswith("x")]
    assert words == numbers
    await slow_client.close()


async def test_ho72_one_long_record_passes_the_window(kernel: Watch) -> None:
    code = "from IPython.display import display\ndisplay({'text/plain': 'x' * 30_000_000}, raw=True)"
    over = await kernel.run(code)
    (shown,) = [record for record in over if record.msg_type == "display_data"]
    assert len(shown.content) > 30_000_000


async def test_ho73_reading_ends_when_asked(kernel: Watch) -> None:
    await kernel.client.stop_reading(kernel.kernel_id)
    before = len(kernel.records)
    other = Watch(kernel.client, kernel.kernel_id)
    with pytest.raises(NoSuchKernel):
        await kernel.client.read(KernelId("nobody"), 0, other.receive)
    assert other.records == []
    await other.begin()
    await other.run("1")
    assert len(kernel.records) == before
    assert other.records[0].number == 1


async def test_ho73_a_receiver_that_fails_is_told_in_the_log_and_costs_nobody_else(
    kernel: Watch, expect_log: ExpectLog
) -> None:
    expect_log("what kernel shared-test_client said could not be received", logger="carnet.kernels")

    def fails(records: list[Record]) -> None:
        raise ValueError(records)

    await kernel.client.read(kernel.kernel_id, 0, fails)
    assert len(await kernel.client.kernels()) == 1


async def test_ho7_the_first_client_starts_a_host_and_the_others_find_it(tmp_path: Path) -> None:
    clients = [HostClient(tmp_path / "state" / "host", idle_exit_s=0.5) for _ in range(3)]
    await asyncio.gather(*(client.connect() for client in clients))
    pids = {client.info.pid for client in clients if client.info is not None}
    assert len(pids) == 1
    (pid,) = pids
    assert os.getsid(pid) != os.getsid(0)
    assert (tmp_path / "state" / "host" / "host.log").stat().st_mode & 0o777 == 0o600
    for client in clients:
        await client.close()
    pidfd = os.pidfd_open(pid)
    await _readable(pidfd)
    os.close(pidfd)


async def test_ho7_who_connects_at_once_shares_one_connection(host: HostProcess) -> None:
    states: list[HostState] = []
    client = HostClient(host.folder, spawn=False, on_state=states.append)

    await asyncio.gather(client.connect(), client.connect(), client.connect())

    assert states == ["connected"]
    await client.close()


async def test_ho71_any_loops_transport_will_do() -> None:
    class Transport(asyncio.BaseTransport):
        """As uvloop's: has every method, and not every base."""

        def __init__(self) -> None:
            super().__init__()
            self.written: list[bytes] = []

        def write(self, data: bytes) -> None:
            self.written.append(data)

    transport = Transport()
    wire = _Wire(lambda _: None, lambda _: None)
    wire.connection_made(transport)
    wire.write(b"frame")

    assert transport.written == [b"frame"]


async def test_ho75_a_killed_host_is_started_again_and_reading_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "host"
    client = HostClient(folder, idle_exit_s=5)
    await client.connect()
    assert client.info is not None
    await client.start(K, cwd=str(tmp_path))
    watch = await Watch(client, K).begin()
    pid = int(text_of(await watch.run("import os; kept = 7; print(os.getpid())")))
    os.kill(client.info.pid, signal.SIGKILL)
    gap = await watch.event(JournalGap)
    assert isinstance(gap, JournalGap)
    assert text_of(await watch.run("print(kept)")) == "7\n"
    assert exists(pid)
    assert [record.number for record in watch.records] == list(range(1, len(watch.records) + 1))
    await client.end()
    assert find(folder) is None


async def test_ho76_a_reader_of_a_kernel_that_is_gone_is_told(tmp_path: Path, start_host: StartHost) -> None:
    host = start_host(tmp_path / "host")
    client = HostClient(host.folder)
    await client.connect()
    other = HostClient(host.folder)
    await other.connect()
    await client.start(K, cwd=str(tmp_path))
    gone = asyncio.Event()
    await client.read(K, 0, lambda records: client.acknowledge(K, records[-1].number), gone=gone.set)
    hold = asyncio.Event()
    connect = client._connect

    async def held() -> None:
        await hold.wait()
        await connect()

    client._connect = held  # type: ignore[method-assign]
    cut(client)
    await other.shutdown(K)
    hold.set()
    await gone.wait()
    await other.end()
    await client.close()
    assert host.process.wait() == 0


async def test_ho6_another_protocol_is_refused_with_a_way_out(host: HostProcess) -> None:
    record = find(host.folder)
    assert record is not None
    reader, writer = await asyncio.open_unix_connection(record.socket)
    writer.write(framed(msgspec.msgpack.encode(Hello(1, 99, "9.9"))))
    (payload,) = FrameBuffer().feed(await reader.read())
    failed = msgspec.msgpack.decode(payload, type=FromHost)
    assert isinstance(failed, Failed)
    assert failed.error == "PeerError"
    assert "Carnet 9.9 speaks 99: end the host with `carnet stop`" in failed.message
    writer.close()


async def test_ho6_the_first_frame_is_hello(host: HostProcess) -> None:
    record = find(host.folder)
    assert record is not None
    for first in (framed(msgspec.msgpack.encode(ListKernels(1))), b"GET / HTTP/1.1\r\n\r\n"):
        reader, writer = await asyncio.open_unix_connection(record.socket)
        writer.write(first)
        assert await reader.read() == b""
        writer.close()


async def test_ho70_each_call_is_answered_once_with_its_number(kernel: Watch, host: HostProcess) -> None:
    record = find(host.folder)
    assert record is not None
    reader, writer = await asyncio.open_unix_connection(record.socket)
    frames = [Hello(7, 1, "x"), ListKernels(3), ListKernels(9)]
    writer.write(b"".join(framed(msgspec.msgpack.encode(frame)) for frame in frames))
    buffer = FrameBuffer()
    answers: list[FromHost] = []
    while len(answers) < 3:
        answers += [
            msgspec.msgpack.decode(one, type=FromHost) for one in buffer.feed(await reader.read(65536))
        ]
    assert [answer.call for answer in answers if isinstance(answer, Returned)] == [7, 3, 9]
    last = answers[-1]
    assert isinstance(last, Returned)
    (info,) = msgspec.msgpack.decode(last.value, type=list[KernelInfo])
    assert info.kernel_id == kernel.kernel_id
    writer.close()
