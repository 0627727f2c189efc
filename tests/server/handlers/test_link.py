"""The link over WebSocket: who may open it, what it carries, how it ends."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.core.wire.link import PROTOCOL, Bye, Hello, Ping, Pong, ToBrowser, Welcome
from carnet.ids import ClientId
from tests.server.serving import Server, serve

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
