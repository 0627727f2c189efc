"""Slow, huge, deep and malformed requests are refused with bounded memory, while somebody else notices nothing."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil brings no types
import pytest

from tests.server.serving import Server, serve

MIB = 1 << 20
MEMORY_BYTES = 60 * MIB
HEALTHY_S = 5.0
"""Well above what a loaded machine needs for one small answer; a stall is far longer, or for ever."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    with serve(folder) as running:
        running.api("GET", "api/contents")
        yield running


class Bystander:
    """Somebody who works meanwhile: asks again and again, and remembers the longest wait."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.longest_s = 0.0
        self.answers = 0
        self.statuses: set[int] = set()

    def __enter__(self) -> "Bystander":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.is_set() or not self.answers:
            began_s = time.monotonic()
            self.statuses.add(self._server.api("GET", "api/contents").status)
            self.longest_s = max(self.longest_s, time.monotonic() - began_s)
            self.answers += 1


def connection(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def send(server: Server, *pieces: bytes) -> bytes:
    """Send pieces and return the first line of the answer; empty: it hung up."""
    with connection(server) as one, contextlib.suppress(ConnectionError):
        one.settimeout(2)  # who sends half a request is not answered; that it ends is looked at elsewhere
        for piece in pieces:
            one.sendall(piece)
        with contextlib.suppress(TimeoutError):
            return one.recv(4096).partition(b"\r\n")[0]
    return b""


def head(server: Server, line: str, *headers: str) -> bytes:
    return "\r\n".join([line, f"Host: 127.0.0.1:{server.port}", *headers, "", ""]).encode()


def slow_heads(server: Server) -> None:
    """A hundred requests that never end."""
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            one = stack.enter_context(connection(server))
            one.sendall(b"GET / HTTP/1.1\r\nHost: ")


def long_heads(server: Server) -> None:
    for size in (17_000, 300_000):
        assert b" 200" not in send(server, b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200" not in send(server, head(server, "GET /api HTTP/1.1", "X: " + "a" * size))
    assert b" 200" not in send(server, head(server, "GET /api HTTP/1.1", *["X: a"] * 20_000))


def large_bodies_of_strangers(server: Server) -> None:
    for path in ("/login", "/api/contents/a", "/files/a"):
        for length in (9_000, 10**9, 10**30):
            line = f"{'POST' if path == '/login' else 'PUT'} {path} HTTP/1.1"
            assert b" 2" not in send(server, head(server, line, f"Content-Length: {length}"), b"x" * 9_000)
    chunks = [b"%x\r\n" % MIB + b"x" * MIB + b"\r\n"] * 40
    assert b" 2" not in send(
        server, head(server, "PUT /files/a HTTP/1.1", "Transfer-Encoding: chunked"), *chunks
    )


def malformed(server: Server) -> None:
    port = server.port
    for noise in (
        b"\x00" * 1000,
        b"\xff\xfe GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET /%ff%fe HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode(),
        f"GET /files/%00 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode(),
    ):
        assert b" 200" not in send(server, noise), noise


def many_cookies_and_fields(server: Server) -> None:
    cookie = "; ".join(f"a{number}=b" for number in range(1500))
    assert send(server, head(server, "GET /api HTTP/1.1", f"Cookie: {cookie}")).startswith(b"HTTP/1.1")
    body = "&".join(f"a{number}=b" for number in range(900))
    kind = "Content-Type: application/x-www-form-urlencoded"
    whole = head(server, "POST /login HTTP/1.1", kind, f"Content-Length: {len(body)}") + body.encode()
    assert b" 200" not in send(server, whole)


def deep_json(server: Server) -> None:
    """From somebody who is signed in: refused all the same."""
    deep = "[" * 100_000 + "]" * 100_000
    for body in (deep, '{"a":' * 50_000 + "1" + "}" * 50_000):
        assert server.api("POST", "api/contents", headers={"Content-Length": "0"}).status < 500
        answer = server.ask(
            "PUT",
            "api/contents/deep.ipynb",
            json.dumps({"type": "notebook"})[:-1] + f', "content": {body}}}',
            {"Authorization": f"token {server.token}"},
        )
        assert 400 <= answer.status < 500, answer.body[:200]


@pytest.mark.parametrize(
    "attack",
    [slow_heads, long_heads, large_bodies_of_strangers, malformed, many_cookies_and_fields, deep_json],
)
def test_it_is_refused_with_bounded_memory_and_nobody_notices(
    target: Server, attack: Callable[[Server], None]
) -> None:
    process = psutil.Process(target.process.pid)
    before_bytes = process.memory_info().rss

    with Bystander(target) as bystander:
        attack(target)

    assert bystander.statuses == {200}
    assert bystander.longest_s < HEALTHY_S
    assert process.memory_info().rss - before_bytes < MEMORY_BYTES
    assert "Traceback" not in target.output()
