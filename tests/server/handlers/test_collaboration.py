"""The addresses of collaboration rooms, on a real server (CB1 to CB3, CB18 to CB20, CB24, LB19)."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.clock import SystemClock
from carnet.collaboration import members, protocol
from carnet.security.scopes import Scope
from carnet.security.state import SecurityState
from carnet.server.tabs import TAB_HEADER
from tests.live.conftest import write_notebook
from tests.server.serving import Server, serve

WAIT_S = 20.0


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("rooms"), "--base-url=/some/where") as running:
        yield running


def asked(server: Server, path: str, **body: str) -> "tuple[int, dict[str, str]]":
    answer = server.api(
        "PUT", f"api/collaboration/session/{quote(path)}", body or {"format": "json", "type": "notebook"}
    )
    return answer.status, answer.json()


def address(session: "dict[str, str]") -> str:
    name = f"{session['format']}:{session['type']}:{session['fileId']}"
    return f"api/collaboration/room/{name}?sessionId={session['sessionId']}"


@asynccontextmanager
async def entered(server: Server, path: str, token: str = "") -> AsyncIterator[WebSocketClientConnection]:
    url = server.url.replace("http", "ws") + path
    request = HTTPRequest(url, headers={"Authorization": f"token {token or server.token}"})
    socket = await websocket_connect(request)
    try:
        yield socket
    finally:
        socket.close()


async def heard(socket: WebSocketClientConnection) -> protocol.Message | None:
    frame = await asyncio.wait_for(socket.read_message(), WAIT_S)
    assert isinstance(frame, bytes), (socket.close_code, socket.close_reason)
    return protocol.decode(frame)


async def closed(socket: WebSocketClientConnection) -> int | None:
    while await asyncio.wait_for(socket.read_message(), WAIT_S) is not None:
        pass
    return socket.close_code


def test_cb1_a_notebooks_room_begins_once(own: Server) -> None:
    write_notebook(own.notebook_dir, "1", name="ä b.ipynb")

    status, first = asked(own, "ä b.ipynb")
    again, second = asked(own, "ä b.ipynb")

    assert (status, again) == (201, 200)
    assert first == second
    assert set(first) == {"format", "type", "fileId", "sessionId"}


def test_cb1_other_files_have_none(own: Server) -> None:
    (own.notebook_dir / "a.txt").write_text("x")

    status, body = asked(own, "a.txt", format="base64", type="file")
    assert status == 404
    assert "Rooms are for notebooks" in body["message"]
    assert asked(own, "a.txt")[0] == 422
    assert asked(own, "nothing.ipynb")[0] == 404


def test_cb24_a_text_files_room_begins_once_and_follows_its_file(own: Server) -> None:
    (own.notebook_dir / "ä.txt").write_text("x")

    status, first = asked(own, "ä.txt", format="text", type="file")
    again, second = asked(own, "ä.txt", format="text", type="file")
    assert (status, again) == (201, 200)
    assert first == second
    assert own.api("PATCH", f"api/contents/{quote('ä.txt')}", {"path": "b.txt"}).status == 200
    assert asked(own, "b.txt", format="text", type="file") == (200, first)
    assert asked(own, "ä.txt", format="text", type="file")[0] == 404

    assert own.api("DELETE", "api/contents/b.txt").status == 204
    (own.notebook_dir / "b.txt").write_text("x")
    assert asked(own, "b.txt", format="text", type="file")[1]["fileId"] != first["fileId"]


def test_lb19_a_tab_that_shares_a_document_hears_one_hash(own: Server) -> None:
    write_notebook(own.notebook_dir, "1")
    (own.notebook_dir / "a.txt").write_text("x")
    (own.notebook_dir / "a.png").write_bytes(b"\xff")
    one, other = {TAB_HEADER: "0" * 24}, {TAB_HEADER: "1" * 24}

    def hash_of(path: str, more: str = "", headers: dict[str, str] | None = None) -> object:
        answer = own.api("GET", f"api/contents/{path}?hash=1{more}", headers=headers)
        return answer.json()["hash"] if answer.status == 200 else answer.json()["message"]

    for path, begins in (("a.ipynb", "&type=notebook&format=json"), ("a.txt", "&type=file&format=text")):
        real = hash_of(path)
        assert hash_of(path, "&content=0", one) == real
        assert hash_of(path, "&content=0" + begins) == real
        assert hash_of(path, "&content=0" + begins, one) == protocol.ROOM_HASH
        assert hash_of(path, "&content=0", one) == protocol.ROOM_HASH
        assert hash_of(path, "&content=0", other) == real
        assert hash_of(path, "", one) == real
    assert "not UTF-8 text" in str(hash_of("a.png", "&content=0&type=file&format=text", one))
    answer = own.api("PATCH", "api/contents/a.txt", {"path": "renamed.txt"}, headers=one)
    assert answer.json()["hash"] == protocol.ROOM_HASH
    assert hash_of("renamed.txt", "&content=0", one) == protocol.ROOM_HASH


def test_cb1_without_pycrdt_it_says_what_to_install(tmp_path: Path) -> None:
    config = tmp_path / "without.py"
    config.write_text("import sys\nsys.modules['pycrdt'] = None\n")
    with serve(tmp_path, f"--config={config}") as server:
        write_notebook(server.notebook_dir, "1")

        status, body = asked(server, "a.ipynb")

        assert status == 501
        assert "pip install 'carnet[collaboration]'" in body["message"]


async def test_cb2_a_client_of_another_history_is_told_to_reload(own: Server) -> None:
    write_notebook(own.notebook_dir, "1")
    _, session = asked(own, "a.ipynb")

    async with entered(own, address({**session, "sessionId": "old"})) as socket:
        assert await closed(socket) == 1003
        assert json.loads(socket.close_reason or "") == {"reason": "session_expired", "reloadable": True}
    async with entered(own, address(session)) as socket:
        assert isinstance(await heard(socket), protocol.WhatIHave)
        await socket.write_message(protocol.what_i_have(b"\x00"), binary=True)
        answer = await heard(socket)
        while isinstance(answer, protocol.Changed):  # the file was saved meanwhile, and its hash is told
            answer = await heard(socket)
        assert isinstance(answer, protocol.WhatYouMiss)


@pytest.mark.parametrize("name", ["json:notebook:none", "text:file:x", "nonsense"])
async def test_cb2_a_room_that_is_not(own: Server, name: str) -> None:
    with pytest.raises(HTTPClientError) as error:
        async with entered(own, f"api/collaboration/room/{name}"):
            pass

    assert error.value.code == 404
    assert own.api("GET", f"api/collaboration/room/{name}").status == 426


async def test_cb3_who_is_here_at_all(own: Server) -> None:
    path = "api/collaboration/room/JupyterLab:globalAwareness"
    async with entered(own, path) as ann, entered(own, path) as bob:
        for one in (ann, bob):
            assert await heard(one) == protocol.WhatIHave(b"\x00")
        said = protocol.Presence(5, 1, '{"user":"ann"}')

        await ann.write_message(protocol.presences([said]), binary=True)

        assert await heard(bob) == protocol.Presences((said,))
        assert await heard(ann) == protocol.Presences((said,))
        await ann.write_message(protocol.what_i_have(b"\x00"), binary=True)
        assert await heard(ann) == protocol.WhatYouMiss(protocol.NOTHING)
        await bob.write_message(b"\x03", binary=True)
        assert await heard(bob) == protocol.Presences((said,))
        ann.close()
        assert await heard(bob) == protocol.Presences((protocol.Presence(5, 2, "null"),))
        await bob.write_message(protocol.changed(b"\x01"), binary=True)
        assert await closed(bob) == members.MALFORMED


async def test_cb20_what_is_malformed_ends_its_socket_and_no_other(own: Server) -> None:
    write_notebook(own.notebook_dir, "1")
    _, session = asked(own, "a.ipynb")
    async with entered(own, address(session)) as good:
        for frame, binary in (
            (b"\x00\x02\x05\x01", True),
            ("text", False),
            (protocol.changed(b"\x01\x07"), True),
        ):
            async with entered(own, address(session)) as bad:
                await bad.write_message(frame, binary=binary)
                assert await closed(bad) == members.MALFORMED
        await heard(good)
        await good.write_message(b"\x03", binary=True)
        assert await heard(good) == protocol.Presences(())


async def test_cb18_cb19_a_token_that_may_look_and_is_revoked(own: Server) -> None:
    write_notebook(own.notebook_dir, "1")
    _, session = asked(own, "a.ipynb")
    state = SecurityState.open(own.state_folder, SystemClock())
    token, _ = state.tokens.create("looks", user="ada", scopes=frozenset({Scope.READ}))
    async with entered(own, address(session), token) as socket:
        await socket.write_message(protocol.what_i_have(b"\x00"), binary=True)
        assert isinstance(await heard(socket), protocol.WhatYouMiss)
        await socket.write_message(protocol.changed(b"\x01\x01\x05\x00\x01\x01\x01m\x01\x00"), binary=True)
        assert await closed(socket) == members.FORBIDDEN
    async with entered(own, address(session), token) as socket:
        state.tokens.revoke("looks")

        assert await closed(socket) == 1001
    state.close()
