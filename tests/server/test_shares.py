"""What one login or token may hold of the server, and that others do not feel it (AC60 to AC66)."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.clock import SystemClock
from carnet.config.settings import MIB, Settings
from carnet.core.wire.link import PROTOCOL, Follow, Hello, Ping, Pong, Problem, Snapshot, Unfollow
from carnet.errors import TooMuch
from carnet.ids import ClientId, NotebookPath
from carnet.security.access import Identity
from carnet.security.scopes import parse_scopes
from carnet.security.state import SecurityState
from carnet.server.handlers.socket import TOO_MUCH
from carnet.server.shares import READER_PART, Shares, Thing, holder_of, uncounted
from carnet.server.uploads import append_chunk, upload_file
from tests.server.handlers.test_link import decode, encode
from tests.server.serving import Response, Server, closed, serve

ADA = Identity("ada", "api-token", None, parse_scopes(["edit"]), "one")
EVE = Identity("ada", "api-token", None, parse_scopes(["read"]), "two")
SETTINGS = Settings(holder_sockets=2, holder_memory_bytes=80 * MIB, max_body_bytes=10 * MIB)


def test_ac60_a_share_is_the_holders_own() -> None:
    shares = Shares(SETTINGS)
    mine = [shares.lease(ADA, "1.2.3.4", Thing.SOCKETS) for _ in range(3)]
    mine[0].hold(1)
    mine[1].hold(1)

    with pytest.raises(TooMuch, match=r"2 sockets open.*c\.NotebookApp\.holder_sockets"):
        mine[2].hold(1)
    shares.lease(EVE, "1.2.3.4", Thing.SOCKETS).hold(2)
    mine[0].release()
    mine[0].release()
    mine[2].hold(1)

    assert shares.held(holder_of(ADA), Thing.SOCKETS) == 2


def test_ac60_who_has_no_name_is_an_address() -> None:
    nobody = Identity("ada", "open")
    assert holder_of(nobody, "1.2.3.4") != holder_of(nobody, "1.2.3.5")
    assert holder_of(ADA, "1.2.3.4") == holder_of(ADA, "1.2.3.5")


def test_ac60_what_is_over_holds_nothing_any_more() -> None:
    shares = Shares(SETTINGS)
    lease = shares.lease(ADA, "", Thing.MEMORY)
    lease.hold(5)
    lease.hold(3)
    assert shares.held(holder_of(ADA), Thing.MEMORY) == 3
    lease.release()
    lease.hold(7)
    assert (lease.amount, shares.held(holder_of(ADA), Thing.MEMORY)) == (0, 0)
    uncounted().hold(1 << 60)


def test_ac63_who_may_only_read_has_a_part_of_the_memory() -> None:
    shares = Shares(SETTINGS)
    shares.lease(ADA, "", Thing.MEMORY).hold(80 * MIB)
    with pytest.raises(TooMuch, match="holder_memory_bytes"):
        shares.lease(EVE, "", Thing.MEMORY).hold(80 * MIB // READER_PART + 1)
    shares.lease(EVE, "", Thing.MEMORY).hold(80 * MIB // READER_PART)


def test_ac63_one_request_of_the_largest_kind_is_always_possible() -> None:
    shares = Shares(Settings(holder_memory_bytes=MIB, max_body_bytes=10 * MIB))
    shares.lease(ADA, "", Thing.MEMORY).hold(10 * MIB)


def test_ac65_uploads_in_pieces_are_counted_by_holder(tmp_path: Path) -> None:
    ada, eve = holder_of(ADA), holder_of(EVE)
    for name in ("a", "b"):
        append_chunk(upload_file(tmp_path, ada, NotebookPath(name)), 1, b"x", uploads_limit=2)

    with pytest.raises(TooMuch, match="holder_uploads"):
        append_chunk(upload_file(tmp_path, ada, NotebookPath("c")), 1, b"x", uploads_limit=2)
    append_chunk(upload_file(tmp_path, ada, NotebookPath("a")), 1, b"x", uploads_limit=2)
    append_chunk(upload_file(tmp_path, ada, NotebookPath("a")), 2, b"z", uploads_limit=2)
    append_chunk(upload_file(tmp_path, eve, NotebookPath("a")), 1, b"other", uploads_limit=2)

    assert upload_file(tmp_path, ada, NotebookPath("a")).read_bytes() == b"xz"
    assert upload_file(tmp_path, eve, NotebookPath("a")).read_bytes() == b"other"


# ---- a server


class House:
    """A server with small shares, and tokens."""

    def __init__(self, server: Server) -> None:
        self.server = server
        state = SecurityState.open(server.state_folder, SystemClock())
        self.tokens = {
            name: state.tokens.create(name, user="ada", scopes=parse_scopes([scope]))[0]
            for name, scope in {"eve": "read", "bob": "read", "ada": "admin"}.items()
        }
        state.close()

    def as_(self, name: str) -> dict[str, str]:
        return {"Authorization": f"token {self.tokens[name]}"}

    def ask(self, name: str, method: str, path: str, body: bytes | str | None = None) -> Response:
        return self.server.ask(method, path, body, self.as_(name))

    @contextlib.asynccontextmanager
    async def socket(self, name: str, path: str) -> AsyncIterator[WebSocketClientConnection]:
        address = self.server.url.replace("http", "ws") + path
        line = await websocket_connect(HTTPRequest(address, headers=self.as_(name)))
        try:
            yield line
        finally:
            await closed(line)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    limits = (
        "--NotebookApp.holder_sockets=3",
        "--NotebookApp.holder_links=2",
        "--NotebookApp.holder_requests=3",
        "--NotebookApp.holder_notebooks=2",
        f"--NotebookApp.holder_memory_bytes={8 * MIB}",
        f"--NotebookApp.max_body_bytes={8 * MIB}",
        "--NotebookApp.holder_uploads=1",
        "--NotebookApp.holder_conversions=2",
    )
    folder = tmp_path_factory.mktemp("shares")
    with serve(folder, *limits) as server:
        for name in "abc":
            assert server.api("PUT", f"api/contents/{name}.ipynb", {"type": "notebook"}).status == 201
        yield House(server)


def room_of(house: House) -> str:
    said = house.ask("ada", "PUT", "api/collaboration/session/a.ipynb", '{"type": "notebook"}').json()
    return f"api/collaboration/room/json:notebook:{said['fileId']}?sessionId={said['sessionId']}"


async def test_ac61_sockets_of_all_kinds_are_counted_together(house: House) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for path in ("link", "api/events/subscribe", room_of(house)):
            await stack.enter_async_context(house.socket("eve", path))
        for path in ("link", "api/events/subscribe", room_of(house)):
            with pytest.raises(HTTPClientError) as refused:
                await stack.enter_async_context(house.socket("eve", path))
            assert refused.value.code == 429
            assert refused.value.response is not None
            said = json.loads(refused.value.response.body)
            assert said["reason"] == "TooMuch"
            assert "3 sockets" in said["message"]
            assert "c.NotebookApp.holder_sockets" in said["message"]
        await stack.enter_async_context(house.socket("bob", "link"))  # others do not feel it

    async with house.socket("eve", "link"):  # what was closed counts no more
        pass


async def test_ac61_what_never_became_a_socket_is_not_counted(house: House) -> None:
    headers = {
        **house.as_("ada"),
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
    }
    for _ in range(5):
        assert house.server.ask("GET", "api/kernels/nope/channels", headers=headers).status == 404
        assert house.server.ask("GET", "link", headers=headers).status == 400  # no key
        assert (
            house.server.ask("GET", "link", headers={**headers, "Sec-WebSocket-Version": "7"}).status == 426
        )
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(house.socket("ada", "link"))


def test_ac61_links_without_websocket_are_counted(house: House) -> None:
    carriers = [house.ask("eve", "POST", "link/http") for _ in range(3)]

    assert [one.status for one in carriers] == [201, 201, 429]
    assert "c.NotebookApp.holder_links" in carriers[-1].json()["message"]
    assert house.ask("bob", "POST", "link/http").status == 201
    for one in carriers[:2]:
        assert house.ask("eve", "DELETE", f"link/http/{one.json()['id']}").status == 204
    assert house.ask("eve", "POST", "link/http").status == 201


def half_a_frame(size: int) -> bytes:
    """A piece of a frame that goes on in the next one."""
    return struct.pack(">BI", 1, size) + bytes(size)


def test_hl14_ac63_unfinished_frames_of_one_holder_are_bounded_together(house: House) -> None:
    """A token that may only read held 200 frames of 100 MB each."""
    address = f"link/http/{house.ask('bob', 'POST', 'link/http').json()['id']}"
    answers = []
    for number in range(1, 6):
        answers.append(house.ask("bob", "POST", f"{address}?number={number}&has=0", half_a_frame(400 << 10)))
        if answers[-1].status != 204:
            break

    # An eighth of 8 MiB, and the body of the request itself.
    assert [one.status for one in answers] == [204, 429]
    assert "c.NotebookApp.holder_memory_bytes" in answers[-1].json()["message"]
    assert house.ask("bob", "POST", f"{address}?number=3&has=0", b"").status == 404, "it has ended"
    assert house.ask("bob", "GET", "api/me").status == 200


async def test_ac63_messages_that_do_not_end_are_bounded_together(house: House) -> None:
    async with house.socket("eve", "link") as line, house.socket("bob", "link") as other:
        stream = line.protocol.stream if line.protocol is not None else None
        assert stream is not None  # that of the client, to send what no client sends
        await stream.write(b"\x02\xff" + struct.pack(">Q", 700 << 10) + bytes(4) + bytes(700 << 10))
        await stream.write(b"\x00\xff" + struct.pack(">Q", 700 << 10) + bytes(4))

        assert await asyncio.wait_for(line.read_message(), 20) is None
        assert line.close_code == TOO_MUCH
        assert line.close_reason is not None
        assert "more than 1048576 bytes" in line.close_reason
        await other.write_message(encode(Ping(sent_ms=1)), binary=True)
        answer = await asyncio.wait_for(other.read_message(), 20)
        assert isinstance(answer, bytes)
        assert decode(answer) == Pong(sent_ms=1)


async def test_ac63_whole_messages_are_not_counted_any_more(house: House) -> None:
    async with house.socket("eve", "link") as line:
        for number in range(10):
            await line.write_message(encode(Ping(sent_ms=number)), binary=True)
            assert await asyncio.wait_for(line.read_message(), 20) is not None
        big = encode(Hello(protocol=PROTOCOL, client_id=ClientId("x" * (300 << 10))))
        for _ in range(5):
            await line.write_message(big, binary=True)
            assert await asyncio.wait_for(line.read_message(), 20) is not None


def test_ac63_bodies_of_one_holder_are_bounded_together(house: House) -> None:
    # Only the head: it is refused for what it announces, and who went on sending might find the line closed.
    with socket.create_connection(("127.0.0.1", house.server.port), 20) as line:
        line.sendall(
            f"POST {house.server.base}nbconvert/html HTTP/1.1\r\nHost: 127.0.0.1:{house.server.port}\r\n"
            f"Authorization: token {house.tokens['eve']}\r\nContent-Length: {2 * MIB}\r\n\r\n".encode()
        )
        refused = b"".join(iter(lambda: line.recv(65536), b""))
    assert refused.startswith(b"HTTP/1.1 429 ")
    assert b"c.NotebookApp.holder_memory_bytes" in refused
    assert house.ask("ada", "POST", "nbconvert/html", bytes(2 * MIB)).status != 429


@pytest.mark.parametrize("length", ["length", "chunks"])
def test_ac62_requests_of_one_holder_are_counted_until_they_are_answered(house: House, length: str) -> None:
    told = "Content-Length: 100" if length == "length" else "Transfer-Encoding: chunked"
    head = (
        f"PUT {house.server.base}api/contents/x.txt HTTP/1.1\r\nHost: 127.0.0.1:{house.server.port}\r\n"
        f"Authorization: token {house.tokens['ada']}\r\n{told}\r\nExpect: 100-continue\r\n\r\n"
    )
    lines = [socket.create_connection(("127.0.0.1", house.server.port), 20) for _ in range(3)]
    try:
        for line in lines:
            line.sendall(head.encode())
            assert line.recv(100).startswith(b"HTTP/1.1 100 "), "it has been seen"
        answer = house.ask("ada", "GET", "api/me").json()
        assert "c.NotebookApp.holder_requests" in answer["message"]
        assert house.ask("bob", "GET", "api/me").status == 200
    finally:
        for line in lines:
            line.close()
    while house.ask("ada", "GET", "api/me").status == 429:
        pass  # until it has seen that they are gone


def test_ac63_a_body_without_a_length_is_counted_as_it_comes(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.server.port), 20) as line:
        line.sendall(
            f"POST {house.server.base}nbconvert/html HTTP/1.1\r\nHost: 127.0.0.1:{house.server.port}\r\n"
            f"Authorization: token {house.tokens['eve']}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError):  # it ends while we send
            for _ in range(20):
                line.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(100) == b""
    assert house.ask("eve", "GET", "api/me").status == 200


async def test_ac64_notebooks_that_pages_follow_are_counted(house: House) -> None:
    async with house.socket("eve", "link") as one, house.socket("eve", "link") as two:
        for line in (one, two):
            await line.write_message(encode(Hello(protocol=PROTOCOL, client_id=ClientId("tab"))), binary=True)
            assert await line.read_message() is not None

        async def follow(line: WebSocketClientConnection, number: int, name: str) -> object:
            await line.write_message(encode(Follow(follow=number, path=NotebookPath(name))), binary=True)
            while True:
                data = await asyncio.wait_for(line.read_message(), 20)
                assert isinstance(data, bytes)
                frame = decode(data)
                if isinstance(frame, Snapshot | Problem) and frame.follow == number:
                    return frame

        assert isinstance(await follow(one, 1, "a.ipynb"), Snapshot)
        assert isinstance(await follow(two, 2, "b.ipynb"), Snapshot)
        refused = await follow(two, 3, "c.ipynb")
        assert isinstance(refused, Problem)
        assert refused.status == 429
        assert "c.NotebookApp.holder_notebooks" in refused.message
        assert isinstance(await follow(one, 1, "c.ipynb"), Snapshot), "in place of the one before"
        assert isinstance(await follow(one, 9, "nope.ipynb"), Problem)
        await one.write_message(encode(Unfollow(follow=1)), binary=True)
        assert isinstance(await follow(two, 4, "c.ipynb"), Snapshot)
    async with house.socket("eve", "link") as line:
        await line.write_message(encode(Hello(protocol=PROTOCOL, client_id=ClientId("tab"))), binary=True)
        assert await line.read_message() is not None
        assert isinstance(await follow(line, 1, "a.ipynb"), Snapshot), "links that ended hold nothing"


def test_ac65_uploads_in_pieces_that_were_not_finished(house: House) -> None:
    def piece(name: str, path: str, chunk: int) -> Response:
        body = {"type": "file", "format": "text", "content": "x", "chunk": chunk}
        return house.ask(name, "PUT", f"api/contents/{path}", json.dumps(body))

    assert piece("ada", "one.txt", 1).status == 201
    refused = piece("ada", "two.txt", 1)
    assert refused.status == 429
    assert "c.NotebookApp.holder_uploads" in refused.json()["message"]
    assert piece("ada", "one.txt", -1).status == 201
    assert piece("ada", "two.txt", 1).status == 201


def test_ac66_who_does_not_read_events_is_let_go(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.server.port), 20) as line:
        line.sendall(
            f"GET {house.server.base}api/events/subscribe HTTP/1.1\r\nHost: 127.0.0.1:{house.server.port}\r\n"
            f"Authorization: token {house.tokens['ada']}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b" 101 " in line.recv(1 << 10)
        event = {"schema_id": "x", "version": "1", "data": {"text": "x" * 900_000}}
        for _ in range(30):
            assert house.ask("ada", "POST", "api/events", json.dumps(event)).status == 204
        received = bytearray()
        while part := line.recv(1 << 20):
            received += part

    assert len(received) < 25 * 900_000, "what came later was not kept for it"
    assert struct.pack(">H", 4408) in received[-64:]


def test_ac68_answers_that_nobody_takes_are_counted(house: House) -> None:
    (house.server.notebook_dir / "large.txt").write_text("x" * (6 * MIB))
    request = (
        f"GET {house.server.base}api/contents/large.txt HTTP/1.1\r\nHost: 127.0.0.1:{house.server.port}\r\n"
        f"Authorization: token {house.tokens['eve']}\r\n\r\n"
    ).encode()
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", house.server.port))
        line.sendall(request)
        assert line.recv(12) == b"HTTP/1.1 200"

        refused = house.ask("eve", "GET", "api/contents/large.txt")
        assert refused.status == 429
        assert "c.NotebookApp.holder_memory_bytes" in refused.json()["message"]
        assert house.ask("bob", "GET", "api/contents/large.txt").status == 200
        assert house.ask("eve", "GET", "api/me").status == 200
    while house.ask("eve", "GET", "api/contents/large.txt").status == 429:
        pass  # until the server has seen that the other one is gone


async def test_ac68_conversions_are_counted(house: House) -> None:
    body = json.dumps({"content": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}})
    answers = await asyncio.gather(
        *(asyncio.to_thread(house.ask, "ada", "POST", "nbconvert/html", body) for _ in range(3))
    )
    refused = [one for one in answers if one.status == 429]
    assert len(refused) == 1
    assert "c.NotebookApp.holder_conversions" in refused[0].json()["message"]
