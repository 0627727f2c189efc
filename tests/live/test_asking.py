"""Rules LV10, LV21, LV22."""

import asyncio

import msgspec
import pytest

from carnet.core.notebook.model import Json
from carnet.core.wire.host import RunSent
from carnet.core.wire.link import Complete, Inspect
from carnet.errors import KernelError
from carnet.live.session import Session
from carnet.testing.kernel_host import FakeKernel
from tests.live.conftest import PATH, Tab, World, until, write_notebook

WITH_SUBSHELLS: dict[str, Json] = {"status": "ok", "supported_features": ["kernel subshells", "debugger"]}


async def running(world: World) -> tuple[Session, FakeKernel]:
    """Return a session whose only cell runs, and its kernel."""
    write_notebook(world.notebooks, "long()")
    session = await world.start().open(PATH)
    await Tab(session).run("c1")
    await until(session, lambda: session.state.kernel.status == "idle")
    assert session.state.kernel.id is not None
    fake = world.host.fakes[session.state.kernel.id]
    fake.event(RunSent(session.state.runs[0].id))
    await until(session, lambda: session.state.runs[0].started_ms is not None)
    return session, fake


async def asked(world: World, fake: FakeKernel, number: int) -> tuple[str, str, str]:
    """Return channel, type and id of the message of that number (1, 2 ...), as soon as it is sent."""
    async with asyncio.timeout(10):
        while len(fake.sent) < number:
            world.host.changed.clear()
            await world.host.changed.wait()
    channel, msg_type, msg_id, _ = fake.sent[number - 1]
    return channel, msg_type, msg_id


async def test_lv21_beside_a_running_cell_a_subshell_is_asked_and_made_once(world: World) -> None:
    session, fake = await running(world)

    asking = asyncio.create_task(session.ask(Complete(code="pri", cursor=3)))
    other = asyncio.create_task(session.ask(Inspect(code="print", cursor=3)))
    channel, msg_type, msg_id = await asked(world, fake, 1)
    assert (channel, msg_type) == ("control", "kernel_info_request")
    fake.say("control", "kernel_info_reply", WITH_SUBSHELLS, parent_id=msg_id)
    channel, msg_type, msg_id = await asked(world, fake, 2)
    assert (channel, msg_type) == ("control", "create_subshell_request")
    fake.say("control", "create_subshell_reply", {"status": "ok", "subshell_id": "s1"}, parent_id=msg_id)
    for number, msg_type in ((3, "complete_request"), (4, "inspect_request")):
        assert (await asked(world, fake, number))[:2] == ("shell", msg_type)
    for sent, reply in zip(fake.sent[2:], ("complete_reply", "inspect_reply"), strict=True):
        fake.say("shell", reply, {"status": "ok", "to": reply}, parent_id=sent[2])

    assert msgspec.json.decode(await asking) == {"status": "ok", "to": "complete_reply"}
    assert msgspec.json.decode(await other) == {"status": "ok", "to": "inspect_reply"}
    headers = [call[5] for call in world.host.calls if call[0] == "send_raw"]
    assert [
        msgspec.json.decode(header)["subshell_id"] for header in headers if isinstance(header, bytes)
    ] == [
        "s1",
        "s1",
    ]


@pytest.mark.parametrize("features", [["debugger"], []])
async def test_lv22_a_busy_kernel_without_subshells_is_said_to_be_busy(
    world: World, features: list[Json]
) -> None:
    session, fake = await running(world)

    asking = asyncio.create_task(session.ask(Complete(code="pri", cursor=3)))
    _, _, msg_id = await asked(world, fake, 1)
    fake.say("control", "kernel_info_reply", {"supported_features": features}, parent_id=msg_id)

    with pytest.raises(KernelError, match="busy"):
        await asking
    with pytest.raises(KernelError, match="busy"):
        await session.ask(Complete(code="pri", cursor=3))
    assert len(fake.sent) == 1


async def test_lv22_a_kernel_that_refuses_a_subshell_has_none(world: World) -> None:
    session, fake = await running(world)

    asking = asyncio.create_task(session.ask(Complete(code="pri", cursor=3)))
    _, _, msg_id = await asked(world, fake, 1)
    fake.say("control", "kernel_info_reply", WITH_SUBSHELLS, parent_id=msg_id)
    _, _, msg_id = await asked(world, fake, 2)
    fake.say("control", "create_subshell_reply", {"status": "error"}, parent_id=msg_id)

    with pytest.raises(KernelError, match="busy"):
        await asking
