"""The kernel WebSocket in both protocols (KW1 to KW7), through a real server to real kernels."""

import asyncio
import signal
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError

from carnet.ids import new_id
from tests.api.kernel_socket import KernelSocket, Message
from tests.server.serving import Server
from tests.support.server import TOKEN, CarnetServer

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("v1", [False, True], ids=["default", "v1"])


@BOTH
async def test_kw1_a_run_says_all_that_jupyter_says(server: Server, kernel_id: str, v1: bool) -> None:
    async with KernelSocket(server, kernel_id, v1=v1) as kernel:
        assert kernel.socket.selected_subprotocol == ("v1.kernel.websocket.jupyter.org" if v1 else None)
        msg_id = await kernel.execute("print('hi')\n1 + 1")
        reply = await kernel.over(msg_id)

        assert (reply["header"]["msg_type"], reply["content"]["status"]) == ("execute_reply", "ok")
        said = [
            (one["channel"], one["header"]["msg_type"])
            for one in kernel.messages
            if one["parent_header"].get("msg_id") == msg_id
        ]
        assert sorted(said) == [
            ("iopub", "execute_input"),
            ("iopub", "execute_result"),
            ("iopub", "status"),
            ("iopub", "status"),
            ("iopub", "stream"),
            ("shell", "execute_reply"),
        ]
        # What a kernel says of its own accord, as that it starts, has no parent.
        sessions = {one["parent_header"]["session"] for one in kernel.messages if one["parent_header"]}
        assert sessions == {kernel.session_id}


@BOTH
async def test_kw2_info_control_completion_and_input(server: Server, kernel_id: str, v1: bool) -> None:
    async with KernelSocket(server, kernel_id, v1=v1) as kernel:
        info = await kernel.over(await kernel.send("kernel_info_request", {}))
        assert info["content"]["language_info"]["name"] == "python"
        control = await kernel.send("kernel_info_request", {}, channel="control")
        answer = await kernel.until(
            lambda one: one["channel"] == "control" and one["parent_header"]["msg_id"] == control
        )
        assert answer["content"]["status"] == "ok"
        matches = await kernel.over(await kernel.send("complete_request", {"code": "impo", "cursor_pos": 4}))
        assert "import" in matches["content"]["matches"]

        asked = await kernel.execute("print('you said', input('name? '))")
        request = await kernel.until(lambda one: one["header"]["msg_type"] == "input_request")
        assert (request["channel"], request["content"]["prompt"]) == ("stdin", "name? ")
        await kernel.send("input_reply", {"value": "Ada"}, channel="stdin", parent=request["header"])
        await kernel.over(asked)
        assert kernel.text(asked) == "you said Ada\n"


@BOTH
async def test_kw2_buffers_go_both_ways(server: Server, kernel_id: str, v1: bool) -> None:
    """A comm echoes 100 MB."""
    code = (
        "def opened(comm, message):\n"
        "    def back(message):\n"
        "        comm.send({'sizes': [len(b) for b in message['buffers']]}, buffers=message['buffers'])\n"
        "    comm.on_msg(back)\n"
        "get_ipython().kernel.comm_manager.register_target('echo', opened)"
    )
    large = b"\0\xff1234567" * (100_000_000 // 9) + b"tail!!!!!!"
    async with KernelSocket(server, kernel_id, v1=v1) as kernel:
        await kernel.run(code)
        comm_id = new_id()
        await kernel.send("comm_open", {"comm_id": comm_id, "target_name": "echo", "data": {}})
        await kernel.send("comm_msg", {"comm_id": comm_id, "data": {}}, buffers=[b"small", large])
        answer = await kernel.until(lambda one: one["header"]["msg_type"] == "comm_msg")

        assert answer["content"]["data"] == {"sizes": [5, len(large)]}
        assert [sha256(one).digest() for one in answer["buffers"]] == [
            sha256(b"small").digest(),
            sha256(large).digest(),
        ]


async def test_kw4_others_hear_iopub_but_not_the_replies(server: Server, kernel_id: str) -> None:
    async with KernelSocket(server, kernel_id) as one, KernelSocket(server, kernel_id, v1=True) as other:
        # A socket is open before it is known where it reads on; an answer says that it does.
        await other.over(await other.send("kernel_info_request", {}))
        other.messages.clear()
        msg_id = await one.execute("print('for all')\ninput()")
        request = await one.until(lambda message: message["header"]["msg_type"] == "input_request")
        await one.send("input_reply", {"value": ""}, channel="stdin", parent=request["header"])
        await one.over(msg_id)
        last = await other.execute("1")
        await other.over(last)

        assert other.text(msg_id) == "for all\n"
        assert [
            message
            for message in other.messages
            if message["channel"] != "iopub" and message["parent_header"]["msg_id"] != last
        ] == []


async def test_kw4_restart_and_end_are_told(server: Server) -> None:
    made = server.api("POST", "api/kernels", {"name": "python3"}).json()
    async with KernelSocket(server, made["id"]) as kernel:
        await kernel.run("x = 1")
        restarted = await asyncio.to_thread(server.api, "POST", f"api/kernels/{made['id']}/restart")
        assert (restarted.status, restarted.json()["execution_state"]) == (200, "idle")
        await kernel.until(lambda one: one["content"].get("execution_state") == "starting")
        assert (await kernel.run("x"))["content"]["ename"] == "NameError"

        ended = await asyncio.to_thread(server.api, "DELETE", f"api/kernels/{made['id']}")
        assert ended.status == 204
        await kernel.until(lambda one: one["content"].get("execution_state") == "dead")
    assert server.api("GET", f"api/kernels/{made['id']}").status == 404


async def test_kw5_who_comes_again_gets_what_was_missed_once(server: Server, kernel_id: str) -> None:
    kernel = await KernelSocket(server, kernel_id).open()
    msg_id = await kernel.execute("import time\nfor n in range(200): print(n, flush=True); time.sleep(0.005)")
    for word in ("20", "90"):
        await kernel.until(partial(_prints, word))
        await kernel.close_all_answered()
        await kernel.open()
    await kernel.over(msg_id)
    await kernel.close()

    assert kernel.text(msg_id).split() == [str(number) for number in range(200)]
    others = await KernelSocket(server, kernel_id).open()
    await others.over(await others.send("kernel_info_request", {}))
    assert others.text() == ""
    await others.close()


async def test_kw5_a_second_socket_of_a_client_ends_the_first(server: Server, kernel_id: str) -> None:
    first = await KernelSocket(server, kernel_id).open()
    await first.run("1")
    async with KernelSocket(server, kernel_id, session_id=first.session_id) as second:
        assert first._reader is not None
        await asyncio.wait_for(first._reader, 20)
        await second.run("2")
        assert first.socket.close_code == 1000


async def test_kw6_what_a_cut_line_did_not_take_comes_again(server: Server, kernel_id: str) -> None:
    kernel = await KernelSocket(server, kernel_id).open()
    msg_id = await kernel.execute("import time\nfor n in range(300): print(n, flush=True); time.sleep(0.002)")
    await kernel.until(lambda _: len(kernel.text(msg_id).split()) >= 30)
    await kernel.cut()
    await kernel.open()
    await kernel.over(msg_id)
    await kernel.close()

    numbers = [int(word) for word in kernel.text(msg_id).split()]
    assert sorted(set(numbers)) == list(range(300))
    assert len(numbers) - 300 < 30, "only what was on the way when the line was cut may come twice"


async def test_kw7_a_flood_comes_whole_to_a_slow_reader(server: Server, kernel_id: str) -> None:
    async with KernelSocket(server, kernel_id, v1=True) as kernel:
        code = (
            "from IPython.display import display\n"
            "for n in range(3000): display({'text/plain': f'{n} ' + 'x' * 10_000}, raw=True)"
        )
        msg_id = await kernel.execute(code)
        await kernel.over(msg_id)
        shown = [
            int(one["content"]["data"]["text/plain"].split()[0])
            for one in kernel.messages
            if one["header"]["msg_type"] == "display_data"
        ]
        assert shown == list(range(3000))


@pytest.mark.parametrize("frame", ["{", b"\xff\xff\xff\xff", '{"header":{}}'])
async def test_kw3_what_is_no_message_closes_the_socket_in_words(
    server: Server, kernel_id: str, frame: str | bytes
) -> None:
    kernel = await KernelSocket(server, kernel_id).open()
    await kernel.socket.write_message(frame, binary=isinstance(frame, bytes))
    assert kernel._reader is not None
    await asyncio.wait_for(kernel._reader, 20)
    assert kernel.socket.close_code == 1002
    assert kernel.socket.close_reason


async def test_who_may_open_it(server: Server, kernel_id: str) -> None:
    for headers, query in (
        ({"Authorization": f"Bearer {server.token}"}, {}),
        ({}, {"token": server.token}),
        (
            {
                "Cookie": server.sign_in().cookie_header(),
                "Origin": server.url.rstrip("/").removesuffix("/base"),
            },
            {},
        ),
    ):
        kernel = await KernelSocket(server, kernel_id).open(headers, **query)
        await kernel.run("1")
        await kernel.close()
    for headers, status in (
        ({}, 403),
        ({"Cookie": server.sign_in().cookie_header(), "Origin": "https://evil.example"}, 403),
    ):
        with pytest.raises(HTTPClientError) as refused:
            await KernelSocket(server, kernel_id).open(headers)
        assert refused.value.code == status
    with pytest.raises(HTTPClientError) as missing:
        await KernelSocket(server, "nosuch").open()
    assert missing.value.code == 404
    assert server.api("GET", f"api/kernels/{kernel_id}/channels").status == 426


def _prints(word: str, message: Message) -> bool:
    return message["header"]["msg_type"] == "stream" and word in message["content"]["text"].split()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[CarnetServer]:
    """A server that a test may kill."""
    with CarnetServer(tmp_path) as server:
        yield server


async def test_kw5_a_killed_server_loses_nothing_of_it(mortal: CarnetServer) -> None:
    view = Server(process=None, state_folder=mortal.state, notebook_dir=mortal.notebooks)  # type: ignore[arg-type]  # only asked for its address
    view.url, view.token = mortal.url, TOKEN
    kernel_id = view.api("POST", "api/kernels", {}).json()["id"]
    kernel = await KernelSocket(view, kernel_id).open()
    code = "import time\nfor n in range(400): print(n, flush=True); time.sleep(0.005)"
    msg_id = await kernel.execute(code)
    await kernel.until(lambda _: len(kernel.text(msg_id).split()) >= 50)
    await asyncio.to_thread(mortal.restart, number=signal.SIGKILL)
    await kernel.open()
    await kernel.over(msg_id)
    await kernel.close()

    numbers = [int(word) for word in kernel.text(msg_id).split()]
    assert sorted(set(numbers)) == list(range(400))
    assert len(numbers) - 400 < 30, "only what was on the way when the server died may come twice"
