"""The link over WebSocket: who may open it, what it carries, how it ends."""

import asyncio
import contextlib
import json
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.core.wire.link import (
    PROTOCOL,
    Bye,
    Follow,
    Hello,
    MoreCells,
    Ping,
    Pong,
    Snapshot,
    ToBrowser,
    Welcome,
)
from carnet.ids import ClientId, NotebookPath
from tests.server.serving import Server, serve
from tests.support.files import code_notebook

USUAL = "permessage-deflate; client_max_window_bits"

encode = msgspec.msgpack.Encoder().encode
decode: Callable[[bytes], ToBrowser] = msgspec.msgpack.Decoder(ToBrowser).decode


@contextlib.asynccontextmanager
async def linked(server: Server, **headers: str) -> AsyncIterator[WebSocketClientConnection]:
    address = server.url.replace("http", "ws") + "link"
    link = await websocket_connect(HTTPRequest(address, headers=headers))
    try:
        yield link
    finally:
        has_ended = link.close_code is not None
        link.close()
        async with asyncio.timeout(10):
            while not has_ended and await link.read_message() is not None:
                pass


async def answer(link: WebSocketClientConnection) -> ToBrowser:
    data = await asyncio.wait_for(link.read_message(), 10)
    assert isinstance(data, bytes)
    return decode(data)


async def test_ws1_frames_go_both_ways(server: Server) -> None:
    cookie = server.sign_in().cookie_header()
    async with linked(server, Cookie=cookie, Origin=server.url.rstrip("/")) as link:
        await link.write_message(encode(Ping(sent_ms=1)), binary=True)
        await link.write_message(encode(Hello(protocol=PROTOCOL, client_id=ClientId("tab"))), binary=True)

        assert await answer(link) == Pong(sent_ms=1)
        welcome = await answer(link)
        assert isinstance(welcome, Welcome)
        assert welcome.protocol == PROTOCOL


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_ws2_a_page_of_another_origin_cannot_open_it(server: Server, origin: str) -> None:
    with pytest.raises(HTTPClientError, match="403"):
        async with linked(server, Cookie=server.sign_in().cookie_header(), Origin=origin):
            pass


async def test_ws2_nor_can_a_stranger(server: Server) -> None:
    with pytest.raises(HTTPClientError, match="403"):
        async with linked(server, Origin=server.url.rstrip("/")):
            pass
    async with linked(server, Authorization=f"Bearer {server.token}") as link:
        await link.write_message(encode(Ping(sent_ms=1)), binary=True)
        assert await answer(link) == Pong(sent_ms=1)


@pytest.mark.parametrize(
    "frame", [b"", b"\xc1", b"\x93\x01\x02", encode({"frame": "nonsense"}), b"\xdf\xff\xff\xff\xff"]
)
async def test_ws3_what_is_no_frame_ends_the_link_and_nothing_else(server: Server, frame: bytes) -> None:
    async with linked(server, Authorization=f"token {server.token}") as link:
        await link.write_message(frame, binary=True)

        assert await asyncio.wait_for(link.read_message(), 10) is None
        assert link.close_code == 1002
        assert server.api("GET", "api/me").status == 200


async def test_ws3_nor_is_text(server: Server) -> None:
    async with linked(server, Authorization=f"token {server.token}") as link:
        await link.write_message("hello")

        assert await asyncio.wait_for(link.read_message(), 10) is None


async def test_ws4_signing_out_closes_the_links_of_that_login(server: Server) -> None:
    ours, theirs = server.sign_in(), server.sign_in()
    async with (
        linked(server, Cookie=ours.cookie_header()) as link,
        linked(server, Cookie=theirs.cookie_header()) as other,
    ):
        for one in (link, other):
            await one.write_message(encode(Hello(protocol=PROTOCOL, client_id=ClientId("tab"))), binary=True)
            await answer(one)
        own_id = next(one["id"] for one in ours.ask("GET", "api/logins").json() if one["is_this"])

        ended = theirs.ask("DELETE", f"api/logins/{own_id}", headers={"X-XSRFToken": theirs.xsrf})

        assert ended.status == 204
        assert await answer(link) == Bye(reason="This device was signed out from another one.", retry_ms=-1)
        assert await asyncio.wait_for(link.read_message(), 10) is None
        assert ours.ask("GET", "api/me").status == 403
        await other.write_message(encode(Ping(sent_ms=2)), binary=True)
        assert await answer(other) == Pong(sent_ms=2)


@pytest.mark.slow
async def test_ws5_a_server_that_stops_says_goodbye(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        async with linked(server, Authorization=f"token {server.token}") as link:
            await link.write_message(encode(Hello(protocol=PROTOCOL, client_id=ClientId("tab"))), binary=True)
            await answer(link)

            server.process.send_signal(signal.SIGTERM)

            said = await answer(link)
            assert isinstance(said, Bye)
            assert said.retry_ms > 0
        assert await asyncio.to_thread(server.stop) == 0


def handshake(server: Server, **headers: str) -> tuple[socket.socket, str]:
    """Open the link by hand; return the line and the answer's head."""
    line = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    lines = [
        f"GET {server.base}link HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions: permessage-deflate",
        f"Authorization: token {server.token}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    line.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += line.recv(1)
    return line, head.decode()


def frame_head(size: int) -> bytes:
    """The beginning of a masked binary message of so many bytes."""
    return b"\x82\xff" + struct.pack(">Q", size) + bytes(4)


def test_ws6_a_frame_of_more_than_100_mib_is_refused_before_it_comes(server: Server) -> None:
    line, _ = handshake(server)
    with line:
        line.sendall(frame_head((100 << 20) + 1))
        answer = line.recv(1 << 16)
    # A closing message (8), for 1009: too big.
    assert (answer[0], answer[2:4]) == (0x88, struct.pack(">H", 1009))


def test_ws6_a_frame_of_100_mib_is_waited_for(server: Server) -> None:
    line, _ = handshake(server)
    with line:
        line.sendall(frame_head(100 << 20) + b"x" * 1000)
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.recv(1)


def test_ws6_frames_are_compressed_for_who_is_far_away(server: Server) -> None:
    for headers, wanted in (({}, False), ({"X_Forwarded_For": "192.0.2.7"}, True)):
        line, head = handshake(server, **headers)
        line.close()
        assert ("permessage-deflate" in head) == wanted


async def test_ws6_while_a_frame_is_handled_the_next_waits(server: Server) -> None:
    (server.notebook_dir / "slow.ipynb").write_text(json.dumps(code_notebook(["1"] * 2000)))
    async with linked(server, Authorization=f"token {server.token}") as link:
        for frame in (
            Hello(protocol=PROTOCOL, client_id=ClientId("tab")),
            Follow(1, NotebookPath("slow.ipynb")),
            Ping(sent_ms=1),
        ):
            await link.write_message(encode(frame), binary=True)
        assert [type(await answer(link)) for _ in range(2)] == [Welcome, Snapshot]
        # The rest of the notebook may come after the pong, which is as small as it; nothing came before the snapshot.
        while not isinstance(said := await answer(link), Pong):
            assert isinstance(said, MoreCells)


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; server_max_window_bits=abc",
        "permessage-deflate; server_max_window_bits=1",
        ";,=",
        "x",
    ],
)
def test_ws6_an_offer_that_nobody_understands_is_not_taken(server: Server, offer: str) -> None:
    headers = {
        "Authorization": f"token {server.token}",
        "X-Forwarded-For": "198.51.100.7",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    usual = server.ask("GET", "link", headers={**headers, "Sec-WebSocket-Extensions": USUAL})
    assert usual.headers["Sec-WebSocket-Extensions"] == "permessage-deflate"

    got = server.ask("GET", "link", headers={**headers, "Sec-WebSocket-Extensions": offer})
    assert (got.status, got.headers.get("Sec-WebSocket-Extensions")) == (101, None)
