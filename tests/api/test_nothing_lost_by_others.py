"""The numbers of 'Nothing is ever lost' with other people's own code: cuts, and servers that are killed, under a running cell (KW5, KW6).

No protocol of Jupyter's tells a server what has arrived, so what is on the way when a line breaks comes again, with
the ids it had. What is asked for here: each number, in order, and most messages once.
"""

import asyncio
import json
import shutil
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from carnet.testing.bad_network import BadNetwork
from tests.api.installed import CLIENTS, node_clients, node_path, python_clients
from tests.api.kernel_socket import KernelSocket
from tests.api.test_nothing_lost import Over, first_of_each
from tests.api.test_real_clients import jupyter_server
from tests.server.serving import Server
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CUTS = 200
KILLS = 5
LINES = 10_000
LINES_WHEN_KILLED = 4000

#: (jupyter_kernel_client 1.0.2 understands nothing that it is sent in the newer protocol, whoever sends it.)
CLIENTS_AND_PROTOCOLS = pytest.mark.parametrize(
    ("client", "protocol"),
    [("services", "default"), ("services", "v1"), ("jupyter_kernel_client", "default")],
)


def numbers(count: int) -> str:
    """Return code that prints numbers, a few hundred a second, and then the word that ends them."""
    loop = f"for n in range({count}):\n    print(n, flush=True)\n    if not n % 10: time.sleep(0.02)"
    return f"import time\n{loop}\nprint('end')"


def wanted(count: int) -> str:
    return "".join(f"{n}\n" for n in range(count)) + "end\n"


def command(client: str) -> Sequence[str]:
    """Return how a client is started."""
    if client == "services":
        shutil.copy(CLIENTS / "cuts.mjs", node_clients())
        return [str(node_path()), str(node_clients() / "cuts.mjs")]
    return [str(python_clients()), str(CLIENTS / "cuts.py")]


async def heard(
    client: str,
    *arguments: str,
    run: Callable[[], Awaitable[object]],
    break_now: Callable[[], Awaitable[object]],
) -> dict[str, Any]:
    """Start a client; run the code when it is ready, break the line when it says so; return what it heard."""
    process = await asyncio.create_subprocess_exec(
        *command(client),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=sys.stderr,
        limit=1 << 20,
    )
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            if line == "ready\n":
                await run()
            elif line == "break\n":
                await break_now()
            elif line.startswith("{"):
                said: dict[str, Any] = json.loads(line)
                return said
        raise AssertionError("the client has ended")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@CLIENTS_AND_PROTOCOLS
async def test_kw5_two_hundred_cuts(server: Server, kernel_id: str, client: str, protocol: str) -> None:
    async with BadNetwork(server.port) as network, KernelSocket(server, kernel_id) as near:

        async def cut() -> None:
            network.cut_all()

        url = server.url.replace(f":{server.port}/", f":{network.port}/").rstrip("/")
        said = await heard(
            client,
            *(url, server.token, kernel_id, protocol, str(CUTS), "7"),
            run=lambda: near.execute(numbers(LINES)),
            break_now=cut,
        )
        await near.run("1")

    assert (said["text"], said["left"]) == (wanted(LINES), 0)
    assert said["twice"] < said["messages"] / 2, "most come once"


@CLIENTS_AND_PROTOCOLS
async def test_kw5_a_server_that_is_killed(tmp_path: Path, client: str, protocol: str) -> None:
    with CarnetServer(tmp_path) as server:
        _, body = server.request("POST", "/api/kernels", {})
        kernel_id = json.loads(body)["id"]
        near = Server(
            process=None,  # type: ignore[arg-type]  # only its address is used
            state_folder=server.state,
            notebook_dir=server.notebooks,
            url=server.url,
            token=TOKEN,
        )

        async def run() -> None:
            kernel = await KernelSocket(near, kernel_id).open()
            await kernel.execute(numbers(LINES_WHEN_KILLED))
            await kernel.until(lambda one: one["header"]["msg_type"] == "execute_input")
            await kernel.close()

        said = await heard(
            client,
            *(server.url.rstrip("/"), TOKEN, kernel_id, protocol, str(KILLS), "7"),
            run=run,
            break_now=lambda: asyncio.to_thread(server.restart),
        )

    assert (said["text"], said["left"]) == (wanted(LINES_WHEN_KILLED), 0)
    assert said["twice"] < said["messages"] / 2, "most come once"


GATEWAY_CUTS = 40
"""Fewer: its client waits up to a second before it comes again."""


async def test_kw5_a_jupyter_server_whose_line_to_us_is_cut(server: Server, tmp_path: Path) -> None:
    """Behind it is a client that notices nothing."""
    async with BadNetwork(server.port) as network:
        gateway = replace(server, url=server.url.replace(f":{server.port}/", f":{network.port}/"))
        options = ("--GatewayClient.gateway_retry_interval=0", "--GatewayClient.gateway_retry_max=50")
        running = jupyter_server(gateway, tmp_path, options=options)
        url, token = await asyncio.to_thread(running.__enter__)
        try:
            front = replace(server, url=f"{url}/", token=token)
            # Its own: it knows no other kernels of its gateway.
            kernel_id = await asyncio.to_thread(started_at, url, token)
            async with KernelSocket(server, kernel_id) as near:
                behind = await KernelSocket(front, kernel_id).open()
                await behind.over(await behind.send("kernel_info_request", {}))
                msg_id = await near.execute(numbers(LINES))
                over, cuts = Over(behind, msg_id), 0
                while not await over.or_heard(20):
                    if cuts < GATEWAY_CUTS:
                        network.cut_all()
                        cuts += 1
                await behind.close()
            server.api("DELETE", f"api/kernels/{kernel_id}")
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)

    said = [one for one in first_of_each(behind.messages) if one["parent_header"].get("msg_id") == msg_id]
    text = "".join(one["content"]["text"] for one in said if one["header"]["msg_type"] == "stream")
    assert (text, cuts) == (wanted(LINES), GATEWAY_CUTS)


def started_at(url: str, token: str) -> str:
    """Start a kernel, and return its id."""
    asked = urllib.request.Request(f"{url}/api/kernels?token={token}", method="POST", data=b"{}")
    asked.add_header("Authorization", f"token {token}")
    with urllib.request.urlopen(asked) as answer:
        kernel_id: str = json.loads(answer.read())["id"]
        return kernel_id
