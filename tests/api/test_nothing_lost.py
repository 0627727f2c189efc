"""The numbers of 'Nothing is ever lost' for other people's clients: cuts, floods, slow readers, large buffers (KW4 to KW7)."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest

from carnet.testing.bad_network import BadNetwork
from tests.api.installed import python_clients
from tests.api.kernel_socket import KernelSocket, Message
from tests.server.serving import Server, serve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BOTH = pytest.mark.parametrize("v1", [False, True], ids=["default", "v1"])
CUTS = 200
LINES = 10_000


@BOTH
async def test_kw5_two_hundred_cuts_lose_nothing(server: Server, kernel_id: str, v1: bool) -> None:
    """A socket that is cut after some random number of messages, again and again, while numbered lines are printed.

    What was on the way when a line was cut may come again, with the same id and the same bytes: its client can tell.
    """
    seed = random.Random(f"cuts {v1}")
    async with BadNetwork(server.port) as network, KernelSocket(server, kernel_id) as near:
        far = replace(server, url=server.url.replace(f":{server.port}/", f":{network.port}/"))
        kernel = await KernelSocket(far, kernel_id, v1=v1).open()
        await kernel.over(await kernel.send("kernel_info_request", {}))
        # Not sent by the client that is cut: with its line its request could be lost, which is for it to notice.
        code = f"import time\nfor n in range({LINES}):\n    print(n, flush=True)\n    if not n % 10: time.sleep(0.004)"
        msg_id = await near.execute(code)
        over = Over(kernel, msg_id)
        cuts = 0
        async with asyncio.timeout(200):
            while not await over.or_heard(seed.randrange(1, 80)) and cuts < CUTS:
                network.cut_all()
                cuts += 1
                assert kernel._reader is not None
                await kernel._reader
                await kernel.open()
            while not over():
                await over.or_heard(1000)
        await kernel.close()

    said = [one for one in kernel.messages if one["parent_header"].get("msg_id") == msg_id]
    times = Counter(one["header"]["msg_id"] for one in said)
    first = {one["header"]["msg_id"]: one for one in reversed(said)}
    assert all(one == first[one["header"]["msg_id"]] for one in said), "what comes again is the same"
    text = "".join(
        one["content"]["text"] for one in first_of_each(said) if one["header"]["msg_type"] == "stream"
    )
    assert text.split() == [str(n) for n in range(LINES)]
    assert cuts == CUTS
    assert sum(times.values()) - len(times) < len(times), "most come once"


def first_of_each(messages: list[Message]) -> list[Message]:
    """Return messages without those that came before, as a client that knows ids."""
    seen: set[str] = set()
    found: list[Message] = []
    for one in messages:
        if one["header"]["msg_id"] not in seen:
            seen.add(one["header"]["msg_id"])
            found.append(one)
    return found


class Over:
    """Whether a request is over, on a line that may be cut meanwhile."""

    def __init__(self, kernel: KernelSocket, msg_id: str) -> None:
        self._kernel, self._msg_id = kernel, msg_id
        self._seen = 0
        self._is_over = False

    def __call__(self) -> bool:
        news, self._seen = self._kernel.messages[self._seen :], len(self._kernel.messages)
        self._is_over = self._is_over or any(
            one["parent_header"].get("msg_id") == self._msg_id
            and one["content"].get("execution_state") == "idle"
            for one in news
        )
        return self._is_over

    async def or_heard(self, count: int) -> bool:
        """Wait until it is over, or so many messages more are here; return whether it is over."""
        wanted = len(self._kernel.messages) + count
        reader = self._kernel._reader
        assert reader is not None
        while not self() and not reader.done() and len(self._kernel.messages) < wanted:
            self._kernel._news.clear()
            await self._kernel._news.wait()
        return self()


@BOTH
async def test_kw7_twenty_thousand_flushed_lines_and_a_reader_that_does_not_read(
    server: Server, kernel_id: str, v1: bool
) -> None:
    """Who does not read holds up nobody, and gets all of it when it does."""
    async with BadNetwork(server.port) as network:
        far = replace(server, url=server.url.replace(f":{server.port}/", f":{network.port}/"))
        slow = await KernelSocket(far, kernel_id, v1=v1).open()
        await slow.over(await slow.send("kernel_info_request", {}))
        network.pause()
        async with KernelSocket(server, kernel_id, v1=v1) as quick:
            msg_id = await quick.execute("for n in range(20_000): print(n, flush=True)")
            await quick.over(msg_id)
            assert quick.text(msg_id).split() == [str(n) for n in range(20_000)]
        assert slow.text(msg_id).split() != [str(n) for n in range(20_000)]
        network.resume()
        await slow.until(
            lambda one: (
                one["parent_header"].get("msg_id") == msg_id
                and one["content"].get("execution_state") == "idle"
            )
        )
        assert slow.text(msg_id).split() == [str(n) for n in range(20_000)]
        await slow.close()


@pytest.fixture(scope="module")
def with_widgets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a kernel that has ipywidgets."""
    folder = tmp_path_factory.mktemp("widgets")
    spec = folder / "share" / "kernels" / "widgets"
    spec.mkdir(parents=True)
    argv = [str(python_clients()), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "W", "language": "python"}))
    with serve(folder, env={"JUPYTER_PATH": str(folder / "share")}) as running:
        yield running


ECHO = """
import ipywidgets, traitlets
class Echo(ipywidgets.Widget):
    there = traitlets.Any(b'').tag(sync=True)
    back = traitlets.Any(b'').tag(sync=True)
    @traitlets.observe('there')
    def _came(self, change):
        self.back = bytes(change['new'])
echo = Echo(back=b'at first')
"""


@BOTH
async def test_kw2_a_widget_with_buffers_of_100_mb(with_widgets: Server, v1: bool) -> None:
    """ipywidgets' own protocol: the kernel opens the comm, both sides update binary state."""
    kernel_id = with_widgets.api("POST", "api/kernels", {"name": "widgets"}).json()["id"]
    large = random.Random(1).randbytes(1_000_000) * 100
    async with KernelSocket(with_widgets, kernel_id, v1=v1) as kernel:
        await kernel.run(ECHO)
        opened = await kernel.until(lambda one: one["header"]["msg_type"] == "comm_open")
        assert opened["content"]["target_name"] == "jupyter.widget"
        paths = opened["content"]["data"]["buffer_paths"]
        state = {path[0]: buffer for path, buffer in zip(paths, opened["buffers"], strict=True)}
        assert bytes(state["back"]) == b"at first"

        update = {"method": "update", "state": {}, "buffer_paths": [["there"]]}
        content = {"comm_id": opened["content"]["comm_id"], "data": update}
        await kernel.send("comm_msg", content, buffers=[large])
        answer = await kernel.until(
            lambda one: (
                one["header"]["msg_type"] == "comm_msg"
                and one["content"]["data"].get("buffer_paths") == [["back"]]
            )
        )
        assert sha256(answer["buffers"][0]).digest() == sha256(large).digest()
    assert with_widgets.api("DELETE", f"api/kernels/{kernel_id}").status == 204
