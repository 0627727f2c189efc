"""Messages and readings of other programs (HO77, HO80 to HO84), on real kernels."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from carnet.core.wire.host import FROM_NOW, RunSent
from carnet.core.wire.kernel_socket import peek
from carnet.ids import KernelId, new_id
from carnet.kernels.client import HostClient
from tests.support.host_fixtures import connected
from tests.support.kernel_host import HostProcess, Watch, a_run, is_idle, text_of

pytestmark = pytest.mark.slow


def header(msg_id: str, msg_type: str = "execute_request") -> bytes:
    return msgspec.json.encode(
        {"msg_id": msg_id, "msg_type": msg_type, "session": "theirs", "username": "x", "version": "5.4"}
    )


async def send(
    client: HostClient, kernel_id: KernelId, msg_id: str, code: str, *, stop_on_error: bool = True
) -> None:
    content = {"code": code, "silent": False, "stop_on_error": stop_on_error}
    await client.send_raw(
        kernel_id,
        "shell",
        "execute_request",
        msg_id,
        header=header(msg_id),
        parent_header=b"{}",
        metadata=b"{}",
        content=msgspec.json.encode(content),
    )


@pytest.fixture
async def second(host: HostProcess) -> AsyncIterator[HostClient]:
    """Another connection, as each of other people's sockets has."""
    async with connected(host) as client:
        yield client


async def test_ho80_a_message_keeps_its_own_header(shared: Watch) -> None:
    await send(shared.client, shared.kernel_id, "theirs-1", "print('hi')")

    records = await shared.over("theirs-1")

    assert text_of(records) == "hi\n"
    assert {peek(record.parent_header).session for record in records} == {"theirs"}


async def test_ho83_requests_without_a_reply_are_named(client: HostClient, tmp_path: Path) -> None:
    kernel_id = KernelId(new_id())

    async def named() -> list[str]:
        return [run_id for info in await client.kernels() for run_id in info.elsewhere]

    await client.start(kernel_id, cwd=str(tmp_path))
    await send(client, kernel_id, "one", "input()")
    await send(client, kernel_id, "two", "1")
    assert await named() == ["one", "two"]
    watch = await Watch(client, kernel_id).begin()
    await watch.until(lambda record: record.parent_id == "one" and record.msg_type == "execute_input")
    assert await named() == ["one", "two"]

    await client.restart(kernel_id)
    await watch.until(lambda record: record.channel == "host" and b"kernel-died" in record.content)
    await send(client, kernel_id, "three", "3")
    await watch.over("three")

    assert await named() == []


async def test_ho80_an_execute_request_is_sent_once_for_its_id(shared: Watch) -> None:
    for _ in range(2):
        await send(shared.client, shared.kernel_id, "once", "print('once')")
    await shared.client.submit(shared.kernel_id, [a_run("mine", "print('mine')")])
    await send(shared.client, shared.kernel_id, "mine", "print('theirs')")

    await shared.over("once")
    assert text_of(await shared.run("")) == ""
    assert text_of([r for r in shared.records if r.parent_id in {"once", "mine"}]) == "once\nmine\n"


async def test_ho81_what_is_sent_to_a_kernel_that_starts_waits_for_it(
    client: HostClient, tmp_path: Path
) -> None:
    kernel_id = KernelId(new_id())
    await client.start(kernel_id, cwd=str(tmp_path))
    await send(client, kernel_id, "early", "import os; print(os.getcwd())")
    watch = await Watch(client, kernel_id).begin()

    assert text_of(await watch.over("early")) == f"{tmp_path}\n"
    await client.restart(kernel_id)
    await send(client, kernel_id, "again", "print('os' in dir())")
    assert text_of(await watch.over("again")) == "False\n"
    await client.shutdown(kernel_id, now=True)


async def test_ho82_a_run_of_ours_that_their_error_aborted_is_sent_again(
    shared: Watch, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    wait = f"import os, time\nwhile not os.path.exists({str(release)!r}): time.sleep(0.01)\n1/0"
    await send(shared.client, shared.kernel_id, "fails", wait)
    await shared.until(lambda record: record.msg_type == "execute_input" and record.parent_id == "fails")
    await shared.client.submit(shared.kernel_id, [a_run("ours", "print('ours')")])
    await shared.event(RunSent, "ours")
    release.touch()

    await shared.until(lambda r: r.parent_id == "ours" and r.msg_type == "stream")
    await shared.until(lambda r: is_idle(r, "ours"))
    await shared.run("")
    assert text_of([r for r in shared.records if r.parent_id == "ours"]) == "ours\n"


async def test_ho77_a_named_reader_goes_on_where_it_acknowledged(shared: Watch, second: HostClient) -> None:
    first = Watch(second, shared.kernel_id, acknowledges=False)
    await second.read(shared.kernel_id, FROM_NOW, first.receive, reader="laptop")
    await shared.run("print(1)")
    seen = await first.until(lambda record: record.msg_type == "stream")
    second.acknowledge(shared.kernel_id, seen.number)
    await second.stop_reading(shared.kernel_id)
    await shared.run("print(2)")

    again = Watch(second, shared.kernel_id)
    await second.read(shared.kernel_id, FROM_NOW, again.receive, reader="laptop")
    await again.until(lambda record: record.msg_type == "stream")

    assert again.records[0].number == seen.number + 1
    assert text_of(again.records) == "2\n"


async def test_ho77_what_a_named_reader_acknowledged_is_said_at_once(
    shared: Watch, host: HostProcess, second: HostClient
) -> None:
    """A server may be killed the moment after."""
    async with connected(host) as killed:
        first = Watch(killed, shared.kernel_id, acknowledges=False)
        await killed.read(shared.kernel_id, FROM_NOW, first.receive, reader="phone")
        await shared.run("print(1)")
        seen = await first.until(lambda record: record.msg_type == "stream")
        killed.acknowledge(shared.kernel_id, seen.number)
    # (The line is closed without a word: nothing that waited is sent.)

    again = Watch(second, shared.kernel_id)
    await second.read(shared.kernel_id, FROM_NOW, again.receive, reader="phone")
    await shared.run("print(2)")
    await again.until(lambda record: record.msg_type == "stream")

    assert again.records[0].number == seen.number + 1
    assert text_of(again.records) == "2\n"


async def test_ho77_a_reader_that_is_not_known_begins_now(shared: Watch, second: HostClient) -> None:
    await shared.run("print('before')")
    last = shared.records[-1].number
    watch = Watch(second, shared.kernel_id)
    await second.read(shared.kernel_id, FROM_NOW, watch.receive, reader=new_id())

    await shared.run("print('after')")

    await watch.until(lambda record: record.msg_type == "stream")
    assert watch.records[0].number == last + 1
    assert text_of(watch.records) == "after\n"


async def test_ho84_a_message_to_a_comm_is_sent_once(shared: Watch) -> None:
    code = (
        "def opened(comm, message):\n"
        "    comm.on_msg(lambda message: print('got', message['content']['data'], len(message['buffers'])))\n"
        "get_ipython().kernel.comm_manager.register_target('counted', opened)"
    )
    await send(shared.client, shared.kernel_id, "register", code)
    await shared.over("register")
    opens = {"comm_id": "c1", "target_name": "counted", "data": {}}
    message = {"comm_id": "c1", "data": 7}

    for _ in range(2):
        for msg_id, msg_type, content in (("o1", "comm_open", opens), ("m1", "comm_msg", message)):
            await shared.client.send(
                shared.kernel_id,
                "shell",
                msg_type,
                msg_id,
                msgspec.json.encode(content),
                buffers=[b"x"] if msg_type == "comm_msg" else [],
            )
    await send(shared.client, shared.kernel_id, "after", "print('after')")
    await shared.over("after")

    said = [record for record in shared.records if record.parent_id == "m1"]
    assert text_of(said) == "got 7 1\n"
