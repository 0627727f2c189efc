"""Terminals through the API (JT1 to JT3), with real shells."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.api.kernel_socket import PATIENCE_S
from tests.server.serving import Server
from tests.support.server import TOKEN, CarnetServer

pytestmark = pytest.mark.slow


class Terminal:
    """A client of terminado's protocol."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self.lists: list[list[object]] = []
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, token: str, name: str) -> "Terminal":
        request = HTTPRequest(
            url.replace("http", "ws") + f"terminals/websocket/{name}",
            headers={"Authorization": f"token {token}"},
        )
        return cls(await websocket_connect(request))

    @property
    def text(self) -> str:
        return "".join(str(one[1]) for one in self.lists if one[0] == "stdout")

    async def type(self, text: str) -> None:
        await self.socket.write_message(json.dumps(["stdin", text]))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def close(self) -> None:
        self.socket.close()
        await self._reader

    async def gone(self) -> None:
        await asyncio.wait_for(asyncio.shield(self._reader), PATIENCE_S)

    async def _read(self) -> None:
        while (message := await self.socket.read_message()) is not None:
            self.lists.append(json.loads(message))
            self._news.set()
        self.socket.close()


PLAIN = "exec /bin/sh\nPS1=; stty -echo; echo begun''\n"


async def test_jt1_a_terminal_from_open_to_end(server: Server) -> None:
    (server.notebook_dir / "shells").mkdir()
    made = server.api("POST", "api/terminals", {"cwd": "shells"})
    name = made.json()["name"]
    assert (made.status, set(made.json())) == (200, {"name", "last_activity"})
    assert name in [one["name"] for one in server.api("GET", "api/terminals").json()]
    assert server.api("GET", f"api/terminals/{name}").json()["name"] == name

    terminal = await Terminal.open(server.url, server.token, name)
    await terminal.type(PLAIN)
    await terminal.socket.write_message(json.dumps(["set_size", 40, 120, 600, 800]))
    await terminal.socket.write_message(json.dumps(["nosuch", 1]))
    await terminal.until(lambda: "begun\r\n" in terminal.text)
    await terminal.type("stty size; pwd; echo ä''ö\n")
    await terminal.until(lambda: "äö" in terminal.text)
    assert terminal.lists[0] == ["setup", {}]
    assert "40 120" in terminal.text
    assert str(server.notebook_dir / "shells") in terminal.text

    ended = await asyncio.to_thread(server.api, "DELETE", f"api/terminals/{name}")
    assert ended.status == 204
    await terminal.gone()
    assert terminal.lists[-1] == ["disconnect", 1]
    assert server.api("GET", f"api/terminals/{name}").status == 404
    assert server.api("DELETE", f"api/terminals/{name}").status == 404
    with pytest.raises(HTTPClientError) as missing:
        await Terminal.open(server.url, server.token, name)
    assert missing.value.code == 404
    assert server.api("POST", "api/terminals", {"name": "no/such"}).status == 400


async def test_jt3_a_flood_arrives_whole(server: Server) -> None:
    name = server.api("POST", "api/terminals").json()["name"]
    terminal = await Terminal.open(server.url, server.token, name)
    await terminal.type(PLAIN)
    await terminal.until(lambda: "begun\r\n" in terminal.text)
    await terminal.type("seq 300000; echo all''of it\n")
    await terminal.until(
        lambda: terminal.lists[-1][0] == "stdout" and "allof it" in str(terminal.lists[-1][1])
    )
    assert terminal.text.partition("begun\r\n")[2].split()[:-2] == [str(n) for n in range(1, 300_001)]
    await terminal.close()
    server.api("DELETE", f"api/terminals/{name}")


async def test_jt2_a_terminal_outlives_a_killed_server(tmp_path: Path) -> None:
    with CarnetServer(tmp_path) as server:
        name = json.loads(server.request("POST", "/api/terminals")[1])["name"]
        terminal = await Terminal.open(server.url, TOKEN, name)
        await terminal.type(PLAIN + "kept=of_before\n")
        await terminal.until(lambda: "begun\r\n" in terminal.text)
        await asyncio.to_thread(server.restart, number=signal.SIGKILL)
        await terminal.gone()

        again = await Terminal.open(server.url, TOKEN, name)
        await again.until(lambda: "begun\r\n" in again.text)
        await again.type("echo $kept\n")
        await again.until(lambda: "of_before" in again.text)
        await again.close()
        assert server.request("DELETE", f"/api/terminals/{name}")[0] == 204
