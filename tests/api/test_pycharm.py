"""PyCharm, as far as it can be known: the client that JetBrains had under an open licence until 2018, call by call.

What came after is closed; its help says that it is given an address and a token, and that is all that is held here of it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.ids import new_id
from carnet.security.passwords import hash_password
from tests.server.serving import Server, closed, serve

pytestmark = pytest.mark.slow

PASSWORD = "correct horse"

#: The first thing it says on each socket: no session, no content, and a parent that is no object.
GREETING = '{"header":{"msg_id":"", "msg_type":"connect_request"}, "parent_header":"", "metadata":{},"channel":"shell" }'


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path, "--base-url=/base", f"--NotebookApp.password={hash_password(PASSWORD)}") as server:
        yield server


def execute_request(msg_id: str, session_id: str, code: str) -> str:
    """What it sends for a cell; its header has neither date nor version."""
    return json.dumps(
        {
            "header": {
                "msg_id": msg_id,
                "username": "username",
                "session": session_id,
                "msg_type": "execute_request",
            },
            "parent_header": {},
            "metadata": {},
            "content": {
                "code": code,
                "silent": False,
                "user_variables": [],
                "output_type": "",
                "user_expressions": {},
                "allow_stdin": False,
            },
            "channel": "shell",
        }
    )


async def ran(socket: WebSocketClientConnection, code: str) -> list[tuple[str, Any]]:
    """Return what it would show: everything but status that answers the request, by type."""
    msg_id, seen = str(new_id()), []
    await socket.write_message(execute_request(msg_id, str(new_id()), code))
    while True:
        frame = await socket.read_message()
        assert isinstance(frame, str), "it understands text frames only"
        message = json.loads(frame)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind != "status":
            seen.append((kind, content.get("text") or content.get("data") or content.get("status")))
        # (It takes the reply for the end; output that comes after it is shown too.)
        if kind == "execute_reply":
            return seen


async def opened(server: Server, kernel_id: str, headers: Mapping[str, str]) -> WebSocketClientConnection:
    url = f"{server.url.replace('http', 'ws')}api/kernels/{kernel_id}/channels"
    request = HTTPRequest(url, headers={**headers, "Origin": server.url.removesuffix(f"{server.base}")})
    socket = await websocket_connect(request)
    await socket.write_message(GREETING)
    return socket


async def test_pycharm_of_2018_with_a_token(server: Server) -> None:
    headers = {"Authorization": f"token {server.token}"}
    started = server.ask("POST", "api/kernels", headers=headers)
    assert started.status == 201
    kernel_id = started.json()["id"]
    socket = await opened(server, kernel_id, headers)

    assert ("execute_result", {"text/plain": "42"}) in await ran(socket, "6 * 7")

    assert server.ask("POST", f"api/kernels/{kernel_id}/restart", headers=headers).status == 200
    assert ("execute_result", {"text/plain": "43"}) in await ran(socket, "6 * 7 + 1")
    assert server.ask("POST", f"api/kernels/{kernel_id}/interrupt", headers=headers).status == 204
    await closed(socket)
    assert server.ask("DELETE", f"api/kernels/{kernel_id}", headers=headers).status == 204


async def test_pycharm_of_2018_with_a_password(guarded: Server) -> None:
    """It signs in as JupyterHub wants it, and asks for a session in the form of today and in that of 2014."""
    xsrf = guarded.ask("GET", "login").cookies()["_xsrf"]
    form = f"_xsrf={xsrf}&username=ann&password=correct+horse"
    kind = {"Content-Type": "application/x-www-form-urlencoded", "X-XSRFToken": xsrf}
    signed = guarded.ask("POST", "login", form, {**kind, "Cookie": f"_xsrf={xsrf}"})
    cookies = {"_xsrf": xsrf, **signed.cookies()}
    headers = {"Cookie": ";".join(f"{name}={value}" for name, value in cookies.items()), "X-XSRFToken": xsrf}
    name = guarded.ask("GET", "api/kernelspecs", headers=headers).json()["default"]
    asked: dict[str, object] = {"kernel": {"name": name}, "name": "", "path": "a.ipynb", "type": "notebook"}
    made = guarded.ask("POST", "api/sessions", json.dumps(asked), headers)
    old = {"notebook": {"path": "a.ipynb"}, "kernel": {"name": name}}
    again = guarded.ask("POST", "api/sessions", json.dumps(old), headers)

    assert (made.status, again.status) == (201, 201)
    assert made.json()["kernel"]["id"] == again.json()["kernel"]["id"]
    assert again.json()["notebook"]["path"] == "a.ipynb"
    socket = await opened(guarded, made.json()["kernel"]["id"], headers)
    assert ("stream", "hi\n") in await ran(socket, "print('hi')")
    await closed(socket)
