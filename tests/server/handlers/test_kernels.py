"""Kernels, sessions and kernelspecs, as dashboards know them. With real kernels."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from carnet.core.session.intents import StartKernel
from carnet.core.wire.link import PROTOCOL, Follow, Hello, Intend
from carnet.ids import ClientId, NotebookPath
from tests.server.serving import Server, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one notebook open and its kernel started over the link."""
    with serve(tmp_path_factory.mktemp("kernels")) as server:
        (server.notebook_dir / "sub").mkdir()
        notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (server.notebook_dir / "sub" / "n.ipynb").write_text(json.dumps(notebook))
        asyncio.run(start_kernel(server, "sub/n.ipynb"))
        yield server


async def start_kernel(server: Server, path: str) -> None:
    encode = msgspec.msgpack.Encoder().encode
    address = server.url.replace("http", "ws") + "link"
    link = await websocket_connect(HTTPRequest(address, headers={"Authorization": f"token {server.token}"}))
    client_id = ClientId("tab")
    for frame in (
        Hello(protocol=PROTOCOL, client_id=client_id),
        Follow(follow=1, path=NotebookPath(path)),
        Intend(follow=1, client_id=client_id, number=1, body=StartKernel()),
    ):
        await link.write_message(encode(frame), binary=True)
    async with asyncio.timeout(30):
        while b"idle" not in (await link.read_message() or b"idle"):
            pass
    link.close()
    while await link.read_message() is not None:
        pass


def test_kernelspecs(running: Server) -> None:
    found = running.api("GET", "api/kernelspecs").json()

    spec = found["kernelspecs"]["python3"]
    assert found["default"] == "python3"
    assert (spec["name"], spec["spec"]["language"]) == ("python3", "python")
    assert running.api("GET", "api/kernelspecs/python3").json() == spec
    logo = running.ask(
        "GET", spec["resources"]["logo-64x64"][1:], headers={"Authorization": f"token {running.token}"}
    )
    assert (logo.status, logo.headers["Content-Type"]) == (200, "image/png")
    assert running.api("GET", "api/kernelspecs/nope").status == 404
    assert running.api("GET", "kernelspecs/python3/kernel.json").status == 404


def test_sessions_and_kernels_in_jupyters_shapes(running: Server) -> None:
    [session] = running.api("GET", "api/sessions").json()
    [kernel] = running.api("GET", "api/kernels").json()

    assert (session["path"], session["name"], session["type"]) == ("sub/n.ipynb", "n.ipynb", "notebook")
    assert {"id", "name", "last_activity", "execution_state", "connections"} <= set(kernel)
    assert (kernel["name"], kernel["execution_state"]) == ("python3", "idle")
    assert session["kernel"]["id"] == kernel["id"]
    assert running.api("GET", f"api/kernels/{kernel['id']}").json()["id"] == kernel["id"]
    assert running.api("GET", f"api/sessions/{session['id']}").json()["path"] == "sub/n.ipynb"
    assert running.api("GET", "api/status").json()["kernels"] == 1


def test_an_open_notebook_is_renamed_with_its_session(running: Server) -> None:
    assert running.api("PATCH", "api/contents/sub", {"path": "moved"}).status == 200

    [session] = running.api("GET", "api/sessions").json()
    assert session["path"] == "moved/n.ipynb"


def test_interrupt_restart_and_end(running: Server) -> None:
    [kernel] = running.api("GET", "api/kernels").json()
    address = f"api/kernels/{kernel['id']}"

    assert running.api("POST", f"{address}/interrupt").status == 204
    restarted = running.api("POST", f"{address}/restart")
    assert (restarted.status, restarted.json()["id"]) == (200, kernel["id"])
    assert running.api("DELETE", f"api/sessions/{kernel['id']}").status == 204
    assert running.api("POST", "api/kernels/unknown/interrupt").status == 404


def test_the_kernel_knows_no_secret_of_the_server(running: Server) -> None:
    hosts = json.loads((running.state_folder / "host" / "host.json").read_text())
    environment = Path(f"/proc/{hosts['pid']}/environ").read_bytes()
    assert running.token.encode() not in environment
    assert b"CARNET_" not in environment
