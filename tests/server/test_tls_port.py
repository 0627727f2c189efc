"""What comes to the port where TLS is spoken (TL10, TL11), over real sockets."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.netutil import bind_sockets

from carnet.security.certificates import make_self_signed, write_pair
from carnet.security.tls import LiveContext
from carnet.server import tls_port
from carnet.server.tls_port import TlsPort
from carnet.testing.fake_clock import FakeClock


def say_hello(request: HTTPServerRequest) -> None:
    """Stand for the app: say how the request came."""
    assert request.connection is not None
    body = f"{request.protocol} {request.path}".encode()
    headers = HTTPHeaders({"Content-Length": str(len(body))})
    request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers, body)
    request.connection.finish()


class Served:
    """A running port."""

    def __init__(self, certfile: Path, clock: FakeClock) -> None:
        self.certfile = certfile
        self.clock = clock
        self.server = HTTPServer(say_hello)
        self.tls = TlsPort(self.server, LiveContext(certfile, None, clock), self.https_url)
        (self.socket,) = bind_sockets(0, "127.0.0.1")
        self.port: int = self.socket.getsockname()[1]
        self.tls.add_sockets([self.socket])

    def https_url(self, request: HTTPServerRequest) -> str:
        return f"https://a.example:{self.port}{request.uri}" if request.host == "a.example" else ""

    async def plain(self, request: bytes) -> bytes:
        """Send bytes without TLS and return the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer

    async def secure(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context(cafile=self.certfile)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname="a.example")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    clock = FakeClock()
    certfile = tmp_path / "pair.pem"
    write_pair(certfile, make_self_signed(["a.example"], now_ms=_real_now_ms()))
    one = Served(certfile, clock)
    yield one
    one.tls.stop()
    one.socket.close()
    await one.server.close_all_connections()


def _real_now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000  # the browser's side looks at the real clock


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return await reader.readexactly(length)


async def test_tl10_tls_goes_to_the_server(served: Served) -> None:
    reader, writer = await served.secure()

    assert await get(reader, writer) == b"https /x"
    writer.close()


async def test_tl10_plain_http_is_sent_to_https(served: Served) -> None:
    answer = await served.plain(b"GET /tree?a=1 HTTP/1.1\r\nHost: a.example\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 308 ")
    assert f"Location: https://a.example:{served.port}/tree?a=1".encode() in head
    assert b"Carnet speaks https here" in body


async def test_tl10_its_page_cannot_be_made_to_act(served: Served) -> None:
    answer = await served.plain(b"GET /\"'><script>alert(1)</script> HTTP/1.1\r\nHost: a.example\r\n\r\n")

    assert b"<script>" not in answer.partition(b"\r\n\r\n")[2]


async def test_tl10_a_foreign_host_is_not_redirected(served: Served) -> None:
    answer = await served.plain(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Location" not in answer


async def test_tl10_head_has_no_body(served: Served) -> None:
    answer = await served.plain(b"HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 308 ")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "noise", [b"\x00", b"\x16", b"\x16\x03\x01\x00\x05hello", b"SSH-2.0-x\r\n\r\n", b"\r\n" * 9]
)
async def test_tl10_noise_hurts_nobody(served: Served, noise: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(noise)
    writer.write_eof()

    reader, secure = await served.secure()

    assert await get(reader, secure) == b"https /x"
    secure.close()
    writer.close()


@pytest.mark.parametrize("begin", [b"", b"\x16"])
async def test_tl11_who_says_nothing_is_hung_up_on(
    served: Served, begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_port, "FIRST_BYTE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(tls_port, "HANDSHAKE_TIMEOUT_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(begin)

    assert await reader.read() == b""
    writer.close()


async def test_tl7_a_certificate_is_renewed_under_a_standing_connection(served: Served) -> None:
    old_reader, old_writer = await served.secure()
    await get(old_reader, old_writer)
    before = served.certfile.read_bytes()

    write_pair(served.certfile, make_self_signed(["a.example"], now_ms=_real_now_ms()))
    served.clock.advance(2)
    new_reader, new_writer = await served.secure()  # it trusts the new certificate only

    assert served.certfile.read_bytes() != before
    assert await get(new_reader, new_writer) == b"https /x"
    assert await get(old_reader, old_writer) == b"https /x"
    new_writer.close()
    old_writer.close()


async def test_no_more_connections_after_stop(served: Served) -> None:
    served.tls.stop()
    served.socket.close()

    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", served.port), timeout=5),
    ):
        pass
