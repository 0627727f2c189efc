"""What other people's clients use of the API, as tables, against a real server.

A row of ROWS says what is asked, and what must come: status, keys of the answer, headers. Other tests look deeper; here
a reader sees at a glance what is served, and what clients depend on is held. Below the rows: each way to show who
one is, over each kind of address. (`POST api/shutdown` needs a server of its own: test_server_itself.py.)

    Row("POST api/kernels", 201, send={"name": "python3"}, keys=KERNEL, location="api/kernels/{id}")

`{kernel}` and the like in an address are things that `World` makes for the row. `{gone}` never was there.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.ids import new_id
from carnet.security.passwords import hash_password
from tests.api.kernel_socket import PATIENCE_S
from tests.server.serving import Response, Server, serve
from tests.support.files import code_notebook

pytestmark = pytest.mark.slow

JSON = "application/json"
KERNEL = {"id", "name", "last_activity", "execution_state", "connections"}
SESSION = {"id", "path", "name", "type", "kernel"}
MODEL = {
    "name",
    "path",
    "type",
    "writable",
    "created",
    "last_modified",
    "size",
    "mimetype",
    "content",
    "format",
    "hash",
    "hash_algorithm",
}
CHECKPOINT = {"id", "last_modified"}
ERROR = {"message", "reason"}

SANDBOX = {"Content-Security-Policy": r"sandbox(;.*)?"}


@dataclass(frozen=True)
class Row:
    """One thing that is asked, and what must come of it."""

    ask: str
    """Method and address below the base."""
    status: int
    send: object = None
    """JSON."""
    keys: set[str] | None = None
    """Of the object that answers, or of each in the list. (An error has those of ERROR.)"""
    value: Mapping[str, object] = field(default_factory=dict)
    """Some of these keys with what they must hold."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Regular expressions for whole headers."""
    location: str = ""
    """What `Location` leads to, below the base; `{id}` and the like are of the answer."""
    body: bytes | None = None
    """The answer's body, exactly."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """More headers to ask with."""
    token: bool = True
    """False: asked by nobody."""

    def __str__(self) -> str:
        return f"{self.ask} {json.dumps(self.send)[:60] if self.send is not None else ''}{self.status}"


class World(dict[str, str]):
    """The things that a row speaks of, each made when it is named."""

    def __init__(self, server: Server, kernel_id: str) -> None:
        super().__init__(kernel=kernel_id, gone="0" * 32)
        self.server = server
        self.folder = new_id()
        (server.notebook_dir / self.folder).mkdir()

    def __missing__(self, name: str) -> str:
        self[name] = getattr(self, f"_{name}")()
        return self[name]

    def _made(self, path: str, value: object = None) -> dict[str, Any]:
        answer = self.server.api("POST", path, value)
        assert answer.status in {200, 201, 202}, answer.body
        found: dict[str, Any] = answer.json()
        return found

    def _dir(self) -> str:
        return self.folder

    def _text(self) -> str:
        """A text file of ten bytes, `0123456789`."""
        (self.server.notebook_dir / self.folder / "t.txt").write_bytes(b"0123456789")
        return f"{self.folder}/t.txt"

    def _html(self) -> str:
        (self.server.notebook_dir / self.folder / "a.html").write_text("<script>alert(1)</script>")
        return f"{self.folder}/a.html"

    def _notebook(self) -> str:
        (self.server.notebook_dir / self.folder / "n.ipynb").write_text(json.dumps(code_notebook(["6 * 7"])))
        return f"{self.folder}/n.ipynb"

    def _broken(self) -> str:
        (self.server.notebook_dir / self.folder / "b.ipynb").write_text("{")
        return f"{self.folder}/b.ipynb"

    def _checkpoint(self) -> str:
        return str(self._made(f"api/contents/{self['text']}/checkpoints")["id"])

    def _own_kernel(self) -> str:
        return str(self._made("api/kernels", {})["id"])

    def _session(self) -> str:
        body = {"path": f"{self.folder}/made-up.py", "type": "console", "name": "c", "kernel": {}}
        return str(self._made("api/sessions", body)["id"])

    def _session_without_kernel(self) -> str:
        made = self._made("api/sessions", {"path": f"{self.folder}/ended.py", "type": "file", "name": "f"})
        assert self.server.api("DELETE", f"api/kernels/{made['kernel']['id']}").status == 204
        return str(made["id"])

    def _terminal(self) -> str:
        return str(self._made("api/terminals")["name"])

    def _run(self) -> str:
        answer = self.server.api("POST", f"api/kernels/{self['kernel']}/execute", {"code": "1"})
        assert answer.status == 202
        return answer.headers["Location"].rpartition("/")[2]

    def _room(self) -> str:
        body = {"format": "json", "type": "notebook"}
        made = self.server.api("PUT", f"api/collaboration/session/{self['notebook']}", body).json()
        return f"json:notebook:{made['fileId']}?sessionId={made['sessionId']}"

    def _trashed(self) -> str:
        gone = self.server.api("DELETE", f"api/contents/{self['text']}")
        return gone.headers["X-Carnet-Trash-Id"]


ROWS = {
    "version and status": [
        Row("GET api", 200, keys={"version"}, token=False, headers={"Content-Type": f"{JSON}.*"}),
        Row("GET api/", 200, keys={"version"}, token=False),
        Row("HEAD api", 200, body=b"", token=False),
        Row("GET api/status", 200, keys={"started", "last_activity", "connections", "kernels"}),
        Row("GET api/status", 403, token=False),
        Row("GET api/me", 200, keys={"identity", "permissions"}),
        Row(
            f"GET api/me?permissions={quote(json.dumps({'kernels': ['execute']}))}",
            200,
            keys={"identity", "permissions"},
        ),
        Row("GET api/me?permissions=no", 400),
        Row("PATCH api/me", 200, send={"display_name": None}),
        Row("GET api/spec.yaml", 200, headers={"Content-Type": r"text/x-yaml.*"}),
        Row("GET api/nosuch", 404),
        Row("POST api/status", 405, headers={"Allow": "GET, HEAD"}),
    ],
    "kernelspecs": [
        Row("GET api/kernelspecs", 200, keys={"default", "kernelspecs"}),
        Row(
            "GET api/kernelspecs/python3", 200, keys={"name", "spec", "resources"}, value={"name": "python3"}
        ),
        Row("GET api/kernelspecs/nosuch", 404),
        Row("GET kernelspecs/python3/logo-64x64.png", 200, headers={"Content-Type": "image/png"}),
        Row("HEAD kernelspecs/python3/logo-64x64.png", 200, body=b""),
        Row("GET kernelspecs/python3/nosuch.js", 404),
        Row("GET kernelspecs/nosuch/logo-64x64.png", 404),
    ],
    "kernels": [
        Row("GET api/kernels", 200, keys=KERNEL),
        Row("POST api/kernels", 201, send={"name": "python3"}, keys=KERNEL, location="api/kernels/{id}"),
        Row("POST api/kernels", 201, keys=KERNEL, location="api/kernels/{id}"),
        Row(
            "POST api/kernels",
            201,
            send={
                "name": "python3",
                "path": "",
                "env": {"KERNEL_USERNAME": "ada", "KERNEL_WORKING_DIR": "/"},
            },
            keys=KERNEL,
        ),
        Row("POST api/kernels", 404, send={"name": "nosuch"}),
        Row("POST api/kernels", 400, send=[1]),
        Row("GET api/kernels/{kernel}", 200, keys=KERNEL, value={"name": "python3"}),
        Row("GET api/kernels/{gone}", 404),
        Row("POST api/kernels/{kernel}/interrupt", 204, body=b""),
        Row("POST api/kernels/{gone}/interrupt", 404),
        Row("POST api/kernels/{own_kernel}/restart", 200, keys=KERNEL),
        Row("POST api/kernels/{gone}/restart", 404),
        Row("DELETE api/kernels/{own_kernel}", 204, body=b""),
        Row("DELETE api/kernels/{gone}", 404),
        Row("GET api/kernels/{kernel}/channels", 426),
    ],
    "sessions": [
        Row("GET api/sessions", 200, keys=SESSION),
        Row(
            "POST api/sessions",
            201,
            send={
                "path": "{dir}/a-jvsc-{gone}.ipynb",
                "type": "notebook",
                "name": "a",
                "kernel": {"name": "python3"},
            },
            keys=SESSION,
            location="api/sessions/{id}",
        ),
        Row(
            "POST api/sessions",
            201,
            send={"path": "{notebook}", "type": "notebook", "name": "", "kernel": {"name": "python3"}},
            keys={*SESSION, "notebook"},
            location="api/sessions/{id}",
        ),
        Row(
            "POST api/sessions",
            201,
            send={"path": "{dir}/c", "type": "console", "name": "c", "kernel": {"id": "{own_kernel}"}},
            keys=SESSION,
        ),
        Row("POST api/sessions", 400, send={"type": "notebook"}),
        Row("POST api/sessions", 400, send={"path": "{notebook}"}),
        Row(
            "POST api/sessions",
            501,
            send={"path": "{dir}/x.py", "type": "console", "name": "x", "kernel": {"name": "nosuch"}},
        ),
        Row("GET api/sessions/{session}", 200, keys=SESSION),
        Row("GET api/sessions/{gone}", 404),
        Row("PATCH api/sessions/{session}", 200, send={"path": "{dir}/b.py"}, keys=SESSION),
        Row("PATCH api/sessions/{session}", 200, send={"name": "b"}, value={"name": "b"}),
        Row("PATCH api/sessions/{session}", 200, send={"type": "file"}, value={"type": "file"}),
        Row("PATCH api/sessions/{session}", 200, send={"kernel": {"name": "python3"}}, keys=SESSION),
        Row("PATCH api/sessions/{session}", 404, send={"kernel": {"id": "{gone}"}}),
        Row("PATCH api/sessions/{gone}", 404, send={"name": "b"}),
        Row("DELETE api/sessions/{session}", 204, body=b""),
        Row("DELETE api/sessions/{gone}", 404),
        Row("DELETE api/sessions/{session_without_kernel}", 410),
    ],
    "contents": [
        Row("GET api/contents", 200, keys=MODEL, value={"type": "directory", "format": "json", "path": ""}),
        Row("GET api/contents/", 200, keys=MODEL, value={"path": ""}),
        Row("HEAD api/contents", 200, body=b""),
        Row("GET api/contents/{dir}?content=0", 200, keys=MODEL, value={"content": None, "format": None}),
        Row("GET api/contents/{dir}?type=directory", 200, value={"content": []}),
        Row("GET api/contents/{dir}?type=file", 400),
        Row("GET api/contents/{dir}?type=notebook", 400),
        Row("GET api/contents/{text}", 200, value={"content": "0123456789", "format": "text", "size": 10}),
        Row(
            "GET api/contents/{text}?format=base64",
            200,
            value={"content": "MDEyMzQ1Njc4OQ==", "format": "base64"},
        ),
        Row("GET api/contents/{text}?content=0", 200, keys=MODEL, value={"content": None, "format": None}),
        Row(
            "GET api/contents/{text}?content=0&hash=1",
            200,
            value={"content": None, "hash_algorithm": "sha256"},
        ),
        Row("GET api/contents/{text}?hash=0", 200, value={"hash": None, "hash_algorithm": None}),
        Row("GET api/contents/{text}?type=directory", 400),
        Row("GET api/contents/{text}?type=notebook", 400),
        Row("GET api/contents/{text}?type=nosuch", 400),
        Row("GET api/contents/{text}?format=nosuch", 400),
        Row(
            "GET api/contents/{notebook}", 200, value={"type": "notebook", "format": "json", "mimetype": None}
        ),
        Row(
            "GET api/contents/{notebook}?type=file&format=text", 200, value={"type": "file", "format": "text"}
        ),
        Row("GET api/contents/{broken}", 422),
        Row("GET api/contents/{dir}/nosuch", 404),
        Row("GET api/contents/.hidden", 404),
        Row("GET api/contents/..%2Fsecret", 400),
        Row(
            "POST api/contents/{dir}",
            201,
            keys=MODEL,
            value={"name": "Untitled.ipynb"},
            location="api/contents/{path}",
        ),
        Row(
            "POST api/contents/{dir}",
            201,
            send={"type": "file", "ext": ".txt"},
            value={"name": "untitled.txt"},
            location="api/contents/{path}",
        ),
        Row("POST api/contents/{dir}", 201, send={"type": "directory"}, value={"name": "Untitled Folder"}),
        Row("POST api/contents/{dir}", 201, send={"copy_from": "{text}"}, value={"name": "t-Copy1.txt"}),
        Row("POST api/contents/{dir}", 404, send={"copy_from": "nosuch"}),
        Row("POST api/contents/{dir}", 400, send={"type": "nosuch"}),
        Row("POST api/contents/nosuch", 404),
        Row(
            "PUT api/contents/{dir}/new.txt",
            201,
            send={"type": "file", "format": "text", "content": "x"},
            keys=MODEL,
            value={"content": None, "format": None},
            location="api/contents/{path}",
        ),
        Row(
            "PUT api/contents/{text}",
            200,
            send={"type": "file", "format": "base64", "content": "eA=="},
            keys=MODEL,
        ),
        Row("PUT api/contents/{dir}/new.ipynb", 201, send={"type": "notebook"}, value={"type": "notebook"}),
        Row("PUT api/contents/{dir}/new", 201, send={"type": "directory"}, value={"type": "directory"}),
        Row("PUT api/contents/{dir}/new.txt", 400, send={"type": "file", "format": "text"}),
        Row(
            "PUT api/contents/{dir}/new.txt", 400, send={"type": "file", "format": "base64", "content": "=x"}
        ),
        Row("PUT api/contents/{dir}/new.txt", 400, send={"type": "nosuch"}),
        Row(
            "PUT api/contents/{dir}/no/such.txt", 404, send={"type": "file", "format": "text", "content": ""}
        ),
        Row("PUT api/contents/{dir}", 400, send={"type": "file", "format": "text", "content": ""}),
        Row(
            "PUT api/contents/{dir}/large.bin",
            201,
            send={"type": "file", "format": "text", "content": "x", "chunk": 1},
            keys=MODEL,
        ),
        Row(
            "PUT api/contents/{dir}/large.ipynb",
            400,
            send={"type": "notebook", "content": {}, "chunk": 1},
        ),
        Row(
            "PUT api/contents/{dir}/large.bin",
            400,
            send={"type": "file", "format": "text", "content": "x", "chunk": 0},
        ),
        Row(
            "PUT api/contents/{dir}/large.bin",
            400,
            send={"type": "file", "format": "text", "content": "x", "chunk": -1},
        ),
        Row(
            "PATCH api/contents/{text}",
            200,
            send={"path": "{dir}/b.txt"},
            keys=MODEL,
            value={"name": "b.txt"},
        ),
        Row("PATCH api/contents/{text}", 409, send={"path": "{notebook}"}),
        Row("PATCH api/contents/{text}", 400, send={}),
        Row("PATCH api/contents/{dir}/nosuch", 404, send={"path": "{dir}/b"}),
        Row("DELETE api/contents/{text}", 204, body=b"", headers={"X-Carnet-Trash-Id": r"[0-9a-z]+"}),
        Row("DELETE api/contents/{dir}/nosuch", 404),
        Row("POST api/contents/{notebook}/trust", 201),
        Row("POST api/contents/{dir}/nosuch.ipynb/trust", 404),
        Row("GET api/contents/{text}/checkpoints", 200, body=b"[]"),
        Row(
            "POST api/contents/{text}/checkpoints",
            201,
            keys=CHECKPOINT,
            location="api/contents/{text}/checkpoints/{id}",
        ),
        Row("GET api/contents/{dir}/nosuch/checkpoints", 404),
        Row("POST api/contents/{dir}/nosuch/checkpoints", 404),
        Row("POST api/contents/{text}/checkpoints/{checkpoint}", 204, body=b""),
        Row("DELETE api/contents/{text}/checkpoints/{checkpoint}", 204, body=b""),
        Row("POST api/contents/{text}/checkpoints/{gone}", 404),
        Row("DELETE api/contents/{text}/checkpoints/{gone}", 404),
        Row("GET api/notebooks/{notebook}", 302, location="api/contents/{notebook}"),
        Row("GET api/notebooks", 302, location="api/contents"),
        Row("GET api/notebooks/{text}?content=0", 302, location="api/contents/{text}?content=0"),
        Row(
            "PUT api/notebooks/{notebook}", 307, send={"type": "notebook"}, location="api/contents/{notebook}"
        ),
        Row("POST api/notebooks", 307, location="api/contents"),
        Row("PATCH api/notebooks/{notebook}", 307, send={"path": "x"}, location="api/contents/{notebook}"),
        Row("DELETE api/notebooks/{notebook}", 307, location="api/contents/{notebook}"),
        Row("POST api/notebooks/{notebook}/checkpoints", 307, location="api/contents/{notebook}/checkpoints"),
    ],
    "files": [
        Row(
            "GET files/{text}", 200, body=b"0123456789", headers={"Content-Type": r"text/plain.*", **SANDBOX}
        ),
        Row(
            "HEAD files/{text}",
            200,
            body=b"",
            headers={"Content-Length": "10", "Accept-Ranges": "bytes", **SANDBOX},
        ),
        Row(
            "GET files/{text}",
            206,
            extra={"Range": "bytes=2-4"},
            body=b"234",
            headers={"Content-Range": "bytes 2-4/10", **SANDBOX},
        ),
        Row("GET files/{text}", 206, extra={"Range": "bytes=-3"}, body=b"789"),
        Row(
            "GET files/{text}",
            416,
            extra={"Range": "bytes=10-"},
            body=b"",
            headers={"Content-Range": r"bytes \*/10"},
        ),
        Row(
            "GET files/{text}?download=1",
            200,
            body=b"0123456789",
            headers={"Content-Disposition": "attachment.*"},
        ),
        Row("GET files/{html}", 200, headers={"Content-Disposition": "attachment.*", **SANDBOX}),
        Row("GET files/{notebook}?download=1", 200, headers={"Content-Disposition": "attachment.*"}),
        Row("GET files/{dir}", 400),
        Row("GET files/{dir}/nosuch", 404),
        Row("GET files/.hidden", 404),
        Row("GET files/{text}", 403, token=False),
        Row("GET view/{html}", 200, headers={"Content-Type": "text/html.*", "X-Frame-Options": "DENY"}),
        Row("HEAD view/{html}", 200, body=b""),
        Row("GET view/{html}", 302, token=False, location="login?next=*"),
    ],
    "nbconvert": [
        # Each starts nbconvert in a process, which takes its time: tests/server/handlers/test_nbconvert.py has more.
        Row("GET api/nbconvert", 200),
        Row(
            "GET nbconvert/html/{notebook}?sanitize_html=1",
            200,
            headers={"Content-Type": "text/html.*", "Content-Security-Policy": r"sandbox allow-scripts;.*"},
        ),
        Row(
            "GET nbconvert/script/{notebook}?download=1", 200, headers={"Content-Disposition": "attachment.*"}
        ),
        Row(
            "POST nbconvert/html",
            200,
            send={"type": "notebook", "name": "n.ipynb", "content": code_notebook(["1"])},
            headers={"Content-Security-Policy": r"sandbox allow-scripts;.*"},
        ),
        Row("GET nbconvert/html/{dir}/nosuch.ipynb", 404),
    ],
    "terminals": [
        Row("GET api/terminals", 200, keys={"name", "last_activity"}),
        Row("POST api/terminals", 200, keys={"name", "last_activity"}),
        Row("GET api/terminals/{terminal}", 200, keys={"name", "last_activity"}),
        Row("DELETE api/terminals/{terminal}", 204, body=b""),
        Row("GET api/terminals/{gone}", 404),
        Row("DELETE api/terminals/{gone}", 404),
        Row("GET terminals/websocket/{terminal}", 426),
    ],
    "the rest": [
        Row("GET api/resolvePath?path={text}", 200),
        Row("GET api/resolvePath?path={text}&kernel={kernel}", 200),
        Row("GET api/resolvePath", 400),
        Row("PUT api/config/table", 204, send={"a": {"b": 1}}, body=b""),
        Row("PATCH api/config/table", 200, send={"a": {"b": None}}),
        Row("GET api/config/table", 200),
        Row(
            "POST api/events",
            204,
            send={"schema_id": "https://example.org/e", "version": "1", "data": {}},
            body=b"",
        ),
        Row("POST api/events", 400, send={"data": {}}),
        Row("GET api/events/subscribe", 426),
        Row(
            "POST api/security/csp-report",
            204,
            send={"csp-report": {"violated-directive": "script-src"}},
            body=b"",
        ),
        Row("GET metrics", 200, headers={"Content-Type": r"text/plain.*"}),
        Row("GET favicon.ico", 200, token=False),
        Row("GET robots.txt", 200, token=False, headers={"Content-Type": r"text/plain.*"}),
        Row("GET static/nosuch", 404, token=False),
        Row("GET login", 200, token=False, headers={"Set-Cookie": r"_xsrf=.*"}),
    ],
    "collaboration": [
        Row(
            "PUT api/collaboration/session/{notebook}",
            201,
            send={"format": "json", "type": "notebook"},
            keys={"format", "type", "fileId", "sessionId"},
            value={"format": "json", "type": "notebook"},
        ),
        Row(
            "PUT api/collaboration/session/{dir}/nosuch.ipynb",
            404,
            send={"format": "json", "type": "notebook"},
        ),
        Row("GET api/collaboration/room/json:notebook:{gone}", 426),
    ],
    "runs": [
        Row(
            "POST api/kernels/{kernel}/execute",
            202,
            send={"code": "1"},
            location="api/kernels/{kernel}/requests/*",
        ),
        Row("POST api/kernels/{kernel}/execute", 400, send={}),
        Row("POST api/kernels/{gone}/execute", 404, send={"code": "1"}),
        Row(
            "POST api/kernels/{kernel}/execute",
            400,
            send={"document_id": "json:notebook:{gone}", "cells": [{"cell_id": "a", "source_hash": "0"}]},
        ),
        Row("GET api/kernels/{kernel}/requests/{gone}", 404),
        Row("DELETE api/kernels/{kernel}/requests/{gone}", 404),
        Row("POST api/kernels/{kernel}/input", 409, send={"input": "x"}),
        Row("POST api/kernels/{kernel}/input", 400, send={}),
    ],
    "our trash": [
        Row("GET api/trash", 200),
        Row("POST api/trash/{trashed}", 200),
        Row("POST api/trash/{gone}", 404),
    ],
}


@pytest.fixture
def world(server: Server, kernel_id: str) -> Iterator[World]:
    made = World(server, kernel_id)
    yield made
    for name in [one["name"] for one in server.api("GET", "api/terminals").json()]:
        server.api("DELETE", f"api/terminals/{name}")
    for one in server.api("GET", "api/kernels").json():
        if one["id"] != kernel_id:
            server.api("DELETE", f"api/kernels/{one['id']}")


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{group}: {row}") for group, rows in ROWS.items() for row in rows]
)
def test_row(row: Row, world: World) -> None:
    server = world.server
    method, _, path = row.ask.partition(" ")
    path = _filled(path, world)
    send = None if row.send is None else json.dumps(_filled_in(row.send, world))
    if path in {"api/sessions", "api/terminals"}:
        _ = world["session"], world["terminal"]  # so that lists have something

    authorization = {"Authorization": f"token {server.token}"} if row.token else {}
    answer = server.ask(method, path, send, {**authorization, **row.extra})

    assert answer.status == row.status, answer.body
    for name, pattern in row.headers.items():
        values = answer.headers.get_all(name) or []
        assert any(re.fullmatch(pattern, one) for one in values), (name, values)
    if row.body is not None:
        assert answer.body == row.body
    if row.status >= 400 and answer.headers["Content-Type"].startswith(JSON):
        assert set(answer.json()) == ERROR
        assert answer.json()["message"]
    elif row.status >= 400 and row.body is None:
        assert answer.headers["Content-Type"].startswith("text/html"), answer.headers
    elif row.keys is not None or row.value:
        found = answer.json()
        for one in found if isinstance(found, list) else [found]:
            assert set(one) >= (row.keys or set())
            assert {name: one[name] for name in row.value} == dict(row.value)
        assert found
    if row.location:
        holds = answer.json() if row.status < 300 and answer.body else {}
        wanted = server.base + _filled(row.location, {**world, **{k: str(v) for k, v in holds.items()}})
        assert re.fullmatch(re.escape(wanted).replace(r"\*", ".+"), answer.headers["Location"]), (
            answer.headers["Location"]
        )


def _filled(path: str, things: Mapping[str, str]) -> str:
    return path.format_map(things)


def _filled_in(value: object, things: Mapping[str, str]) -> object:
    """Put things into the strings of JSON."""
    if isinstance(value, str):
        return _filled(value, things) if re.search(r"\{\w+\}", value) else value
    if isinstance(value, dict):
        return {name: _filled_in(one, things) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled_in(one, things) for one in value]
    return value


def test_co15_a_client_of_2014_is_led_to_what_it_asked_for(world: World) -> None:
    """As it stands: method and body are sent again to where `Location` leads."""
    token = {"Authorization": f"token {world.server.token}"}
    content = {"type": "notebook", "content": code_notebook(["by the old name"])}
    asked: list[tuple[str, object, int]] = [("PUT", content, 201), ("GET", None, 200), ("DELETE", None, 204)]
    for method, value, status in asked:
        send = json.dumps(value) if value else None
        led = world.server.ask(method, f"api/notebooks/{world.folder}/old.ipynb", send, token)
        assert led.status == (302 if method == "GET" else 307)
        answer = world.server.ask(method, led.headers["Location"], send, token, raw=True)
        assert answer.status == status, answer.body
        if method == "GET":
            assert answer.json()["content"]["cells"][0]["source"] == "by the old name"


# ---- who one is: each form, over each kind of address

LOOKS = (
    "api/status",
    "api/me",
    "api/contents/{dir}",
    "api/contents/{text}",
    "api/contents/{text}/checkpoints",
    "api/kernelspecs",
    "api/kernels",
    "api/kernels/{kernel}",
    "api/sessions",
    "api/terminals",
    "api/config/notebook",
    "files/{text}",
    "kernelspecs/python3/logo-64x64.png",
    "metrics",
    "tree",
    "notebooks/{notebook}",
    "edit/{text}",
    "view/{text}",
)
"""Addresses that need a login to be looked at, of every kind; the pages are last."""

PAGES = LOOKS[-4:]

WRITES = (
    ("PUT", "api/contents/{dir}/w.txt", {"type": "file", "format": "text", "content": "x"}, 201),
    ("POST", "api/contents/{dir}", {"type": "file"}, 201),
    ("PATCH", "api/contents/{text}", {"path": "{dir}/moved.txt"}, 200),
    ("DELETE", "api/contents/{text}", None, 204),
    ("POST", "api/kernels/{kernel}/interrupt", None, 204),
    ("PUT", "files/{dir}/f.bin", "bytes", 201),
    ("POST", "api/events", {"schema_id": "e", "version": "1", "data": {}}, 204),
)

FOREIGN = "https://another.example"

Shown = Callable[[Server], tuple[str, dict[str, str]]]
"""How somebody shows who they are: what is added to the query, and headers."""


def in_header(form: str) -> Shown:
    return lambda server: ("", {"Authorization": form.format(server.token)})


def in_address(server: Server) -> tuple[str, dict[str, str]]:
    return f"token={server.token}", {}


def with_cookie(server: Server) -> tuple[str, dict[str, str]]:
    return "", {"Cookie": server.sign_in().cookie_header()}


RIGHT: dict[str, Shown] = {
    "?token=T": in_address,
    "Authorization: token T": in_header("token {}"),
    "Authorization: Token T": in_header("Token {}"),
    "Authorization: Bearer T": in_header("Bearer {}"),
    "Authorization: bEARER  T": in_header("bEARER  {}"),
    "cookie": with_cookie,
    "header and a stale cookie": lambda server: (
        "",
        {"Authorization": f"token {server.token}", "Cookie": f"{server.cookie_name}=stale; _xsrf=old"},
    ),
}
WRONG: dict[str, Shown] = {
    "nothing": lambda _: ("", {}),
    "?token=wrong": lambda _: ("token=wrong", {}),
    "?token=": lambda _: ("token=", {}),
    "Authorization: token wrong": lambda _: ("", {"Authorization": "token wrong"}),
    "Authorization: T": in_header("{}"),
    "Authorization: Basic T": in_header("Basic {}"),
    "a stale cookie": lambda server: ("", {"Cookie": f"{server.cookie_name}=stale"}),
}


def with_query(path: str, *queries: str) -> str:
    asked = "&".join(one for one in queries if one)
    return f"{path}{'&' if '?' in path else '?'}{asked}" if asked else path


@pytest.mark.parametrize("how", RIGHT)
def test_each_form_opens_each_address(world: World, how: str) -> None:
    query, headers = RIGHT[how](world.server)
    for look in LOOKS:
        answer = world.server.ask("GET", with_query(_filled(look, world), query), headers=headers)
        if look in PAGES and how == "?token=T":
            # The address is clean from then on: the cookie stands for the token.
            assert answer.status == 302, look
            assert "token" not in answer.headers["Location"]
            assert set(answer.cookies()) >= {world.server.cookie_name, "_xsrf"}
            cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies().items())
            answer = world.server.ask(
                "GET", answer.headers["Location"], headers={"Cookie": cookies}, raw=True
            )
        assert answer.status == 200, (look, answer.body)
        if look not in PAGES:
            assert world.server.cookie_name not in answer.cookies()


@pytest.mark.parametrize("how", WRONG)
def test_nothing_else_opens_any(world: World, how: str) -> None:
    query, headers = WRONG[how](world.server)
    for look in LOOKS:
        answer = world.server.ask("GET", with_query(_filled(look, world), query), headers=headers)
        if look in PAGES:
            assert (answer.status, "/login?next=" in answer.headers["Location"]) == (302, True), look
        else:
            assert answer.status == 403, look
            assert answer.json()["reason"] == "login"


@pytest.mark.parametrize("write", WRITES, ids=lambda one: f"{one[0]} {one[1]}")
@pytest.mark.parametrize(
    "how", ["token", "header", "query", "none", "wrong", "of another login", "in the body"]
)
def test_a_cookie_needs_the_xsrf_token_to_change_something(
    world: World, write: tuple[str, str, object, int], how: str
) -> None:
    method, path, value, status = write
    browser = world.server.sign_in()
    send = value if isinstance(value, str) else json.dumps(_filled_in(value, world)) if value else None
    headers = {"Cookie": browser.cookie_header()}
    query = ""
    match how:
        case "token":
            # A script that sends the token and, by the way, a browser's cookies.
            headers["Authorization"] = f"token {world.server.token}"
        case "header":
            headers["X-XSRFToken"] = browser.xsrf
        case "query":
            query = f"_xsrf={quote(browser.xsrf)}"
        case "wrong":
            headers["X-XSRFToken"] = "wrong"
        case "of another login":
            headers["X-XSRFToken"] = world.server.sign_in().xsrf
        case "in the body":
            # Only forms carry it there: JSON is read by nobody before it is admitted.
            send = json.dumps({"_xsrf": browser.xsrf})
        case _:
            pass

    answer = world.server.ask(method, with_query(_filled(path, world), query), send, headers)

    if how in {"token", "header", "query"}:
        assert answer.status == status, answer.body
    else:
        assert (answer.status, answer.json()["reason"]) == (403, "xsrf")


@pytest.mark.parametrize("look", ["api/contents/{text}", "files/{text}", "metrics"])
@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        ({}, True),
        ({"Referer": "{own}/lab"}, True),
        ({"Referer": FOREIGN + "/page"}, False),
        ({"Referer": "{own}.evil.example/"}, False),
        ({"Referer": "http://127.0.0.1:1/"}, False),
        ({"Origin": FOREIGN}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, False),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Referer": "{own}/lab"}, True),
    ],
    ids=str,
)
def test_a_look_with_a_cookie_comes_from_our_own_pages(
    world: World, look: str, headers: dict[str, str], *, admitted: bool
) -> None:
    """Where the browser says where it comes from. With the XSRF token in the address, as JupyterLab sends it, it is ours."""
    browser = world.server.sign_in()
    own = f"http://127.0.0.1:{world.server.port}"
    sent = {name: value.replace("{own}", own) for name, value in headers.items()}
    assert browser.ask("GET", _filled(look, world), headers=sent).status == (200 if admitted else 403)
    if set(headers) <= {"Referer"}:
        with_xsrf = with_query(_filled(look, world), f"_xsrf={quote(browser.xsrf)}")
        assert browser.ask("GET", with_xsrf, headers=sent).status == 200
    # A token says enough.
    _, shown = RIGHT["Authorization: token T"](world.server)
    assert world.server.ask("GET", _filled(look, world), headers={**sent, **shown}).status == 200


# ---- sockets

SOCKETS = (
    "api/kernels/{kernel}/channels?session_id={gone}",
    "terminals/websocket/{terminal}",
    "api/events/subscribe",
    "api/collaboration/room/{room}",
)


def socket(
    server: Server, path: str, headers: Mapping[str, str]
) -> AbstractAsyncContextManager[WebSocketClientConnection]:
    return _Socket(HTTPRequest(server.url.replace("http", "ws", 1) + path, headers=dict(headers)))


class _Socket(AbstractAsyncContextManager[WebSocketClientConnection]):
    def __init__(self, request: HTTPRequest) -> None:
        self.request = request

    async def __aenter__(self) -> WebSocketClientConnection:
        async with asyncio.timeout(PATIENCE_S):
            self.opened = await websocket_connect(self.request)
        return self.opened

    async def __aexit__(self, *_: object) -> None:
        self.opened.close()
        async with asyncio.timeout(PATIENCE_S):
            while await self.opened.read_message() is not None:
                pass


async def refused(opening: AbstractAsyncContextManager[object]) -> int:
    """Return the status that a socket was refused with."""
    try:
        async with opening:
            return 101
    except HTTPClientError as error:
        return error.code


@pytest.mark.parametrize("path", SOCKETS)
async def test_each_form_opens_each_socket(world: World, path: str) -> None:
    address = await asyncio.to_thread(_filled, path, world)
    for how, shown in RIGHT.items():
        query, headers = await asyncio.to_thread(shown, world.server)
        assert await refused(socket(world.server, with_query(address, query), headers)) == 101, how
    for how, shown in WRONG.items():
        query, headers = shown(world.server)
        assert await refused(socket(world.server, with_query(address, query), headers)) == 403, how


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_socket_is_for_our_own_pages_unless_it_has_a_token(world: World, path: str) -> None:
    address = await asyncio.to_thread(_filled, path, world)
    server = world.server
    query, cookie = await asyncio.to_thread(with_cookie, server)
    own = f"http://127.0.0.1:{server.port}"
    assert await refused(socket(server, address, {**cookie, "Origin": own})) == 101
    assert await refused(socket(server, address, {**cookie, "Origin": FOREIGN})) == 403
    assert await refused(socket(server, address, {**cookie, "Origin": "null"})) == 403
    for how in ("?token=T", "Authorization: Bearer T"):
        query, headers = RIGHT[how](server)
        address_with = with_query(address, query)
        assert await refused(socket(server, address_with, {**headers, "Origin": FOREIGN})) == 101


# ---- a password, and clients that look for one

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a password and no token, for pages of one other origin too."""
    options = (
        "--base-url=/base",
        f"--NotebookApp.password={hash_password(PASSWORD)}",
        "--NotebookApp.allow_origin_pat=https://[a-z]+\\.friend\\.example",
        "--NotebookApp.allow_credentials=True",
    )
    with serve(tmp_path_factory.mktemp("password"), *options) as server:
        yield server


def sign_in(server: Server, password: str, *, query: str = "", **more: str) -> Response:
    page = server.ask("GET", f"login?{query}")
    xsrf = page.cookies()["_xsrf"]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"_xsrf={xsrf}"}
    return server.ask(
        "POST", f"login?{query}", urlencode({"_xsrf": xsrf, "password": password, **more}), headers
    )


def test_the_login_form(guarded: Server) -> None:
    wrong = sign_in(guarded, "wrong")
    assert (wrong.status, guarded.cookie_name in wrong.cookies()) == (401, False)

    led = guarded.ask("GET", "tree/a%20b").headers["Location"]
    assert led.startswith("/base/login?next=")
    right = sign_in(guarded, PASSWORD, query=led.partition("?")[2])
    assert (right.status, right.headers["Location"]) == (302, "/base/tree/a%20b")
    first, *_ = right.headers.get_all("Set-Cookie") or [""]
    assert first.startswith(f"{guarded.cookie_name}=")
    assert {"HttpOnly", "Path=/base/", "SameSite=Lax"} <= {part.strip() for part in first.split(";")}
    for elsewhere in ("https://evil.example", "//evil.example", "/outside"):
        led = sign_in(guarded, PASSWORD, query=urlencode({"next": elsewhere}))
        assert (led.status, led.headers["Location"]) == (302, "/base/")

    cookie = "; ".join(f"{name}={value}" for name, value in right.cookies().items())
    assert guarded.ask("GET", "api/status", headers={"Cookie": cookie}).status == 200
    without = guarded.ask("POST", "login", urlencode({"password": PASSWORD}))
    assert (without.status, guarded.cookie_name in without.cookies()) == (403, False)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    ended = guarded.ask("POST", "logout", urlencode({"_xsrf": right.cookies()["_xsrf"]}), form)
    assert ended.status in {200, 302}
    assert guarded.ask("GET", "api/status", headers={"Cookie": cookie}).status == 403


def test_what_vs_code_looks_for(guarded: Server, server: Server) -> None:
    """A password is wanted: the base leads to `/login?`, `tree?` leads away. Not wanted: `tree?` is there."""
    assert "/base/login?" in guarded.ask("GET", "").headers["Location"]
    assert guarded.ask("GET", "tree?").status == 302
    browser = server.sign_in()
    assert browser.ask("GET", "").status == 200
    assert browser.ask("GET", "tree?").status == 200


def test_what_jupyter_mcp_server_does_with_a_password(guarded: Server) -> None:
    """It follows the base to a page that sets `_xsrf`, posts the form, and wants `api/status` to be 200 and `_xsrf` kept."""
    first = guarded.ask("GET", "")
    page = guarded.ask("GET", first.headers["Location"], raw=True)
    xsrf = {**first.cookies(), **page.cookies()}["_xsrf"]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"_xsrf={xsrf}"}
    signed = guarded.ask("POST", "login", urlencode({"_xsrf": xsrf, "password": PASSWORD}), headers)
    cookies = {"_xsrf": xsrf, **signed.cookies()}
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    assert guarded.ask("GET", "api/status", headers=header).status == 200
    assert guarded.ask("POST", "api/kernels", "{}", {**header, "X-XSRFToken": cookies["_xsrf"]}).status == 201


@pytest.mark.parametrize(
    "path", ["api", "api/contents/a.txt", "api/kernels", "api/sessions/0", "files/a.txt"]
)
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://lab.friend.example", True),
        ("https://lab.friend.example.evil.example", False),
        ("http://lab.friend.example", False),
        (FOREIGN, False),
        ("null", False),
    ],
)
def test_a_preflight_of_another_origin(guarded: Server, path: str, origin: str, *, allowed: bool) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    answer = guarded.ask("OPTIONS", path, headers=asked)
    if not allowed:
        assert answer.status in {403, 405}
        assert answer.headers["Access-Control-Allow-Origin"] is None
        return
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert (
        answer.headers["Access-Control-Allow-Headers"] == "accept, content-type, authorization, x-xsrftoken"
    )
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
