"""Slow, huge, deep and malformed requests are refused with bounded memory, while somebody else notices nothing."""

import contextlib
import gzip
import json
import select
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]  # psutil brings no types
import pytest

from carnet.core.session.intents import Edit
from carnet.core.session.operations import SetMetadata
from carnet.core.wire.link import PROTOCOL, Follow, Hello, Intend
from carnet.ids import ClientId, NotebookPath
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


def smuggled(server: Server) -> None:
    """Two lengths, or a length that two programs read differently: refused, and what follows is no request."""
    login = head(server, "POST /login HTTP/1.1")[:-2]
    second = head(server, "GET /api HTTP/1.1")
    for lines in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\x0b",
        "Transfer-Encoding:\tchunked\r\nContent-Length: 0",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\r\n : chunked",
        "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0x5",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 5, 6",
        "Content-Length: 5 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 0x5",
        "Content-Length: 5_0",
        "Content-Length: \u0665",
        "Content-Length: 1e1",
        "Content-Length: 99999999999999999999999999",
        "Host: evil.example",
        "X: a\x00b",
        "X\x00: a",
        "X: a\rTransfer-Encoding: chunked",
        ": a",
    ):
        whole = login + lines.encode() + b"\r\n\r\n0\r\n\r\n" + second
        with connection(server) as one:
            one.sendall(whole)
            one.settimeout(15)
            got = b""
            with contextlib.suppress(ConnectionError):
                while data := one.recv(65536):
                    got += data
        assert got.count(b"HTTP/1.1 ") <= 1, (lines, got[:300])
        assert b" 200 " not in got.partition(b"\r\n")[0], lines


def bad_chunks(server: Server) -> None:
    token = f"Authorization: token {server.token}"
    line = head(server, "PUT /files/chunks.txt HTTP/1.1", token, "Transfer-Encoding: chunked")
    for chunks in (
        b"zz\r\nx\r\n",
        b"-1\r\nx\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5;" + b"a" * 100_000 + b"\r\nhello\r\n",
        b"ffffffffffffffffffff\r\nx",
        b"7fffffffffffffff\r\nx",
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b" 5 \r\nhello\r\n0\r\n\r\n",
        b"00000000000000000000000000000005\r\nhell",
    ):
        assert b" 20" not in send(server, line, chunks), chunks[:40]


def pipelined(server: Server) -> None:
    """Two thousand requests in one breath: answered in order, and no more of them held than the socket holds."""
    one_request = head(server, "GET /api HTTP/1.1")
    with connection(server) as one:
        writer = threading.Thread(
            target=one.sendall,
            args=(one_request * 1999 + head(server, "GET /api HTTP/1.1", "Connection: close"),),
        )
        writer.start()
        got = b""
        while data := one.recv(1 << 16):
            got += data
        writer.join()
    assert got.count(b"HTTP/1.1 200 OK") == 2000


def ranges(server: Server) -> None:
    (server.notebook_dir / "large.bin").write_bytes(b"x" * (8 * MIB))
    token = {"Authorization": f"token {server.token}"}
    for wanted in (
        "bytes=" + ",".join("0-" for _ in range(1300)),
        "bytes=" + ",".join(f"{at}-{at + 10}" for at in range(0, 5000, 10)),
        "bytes=0-99999999999999999999999999",
        "bytes=-99999999999999999999999999",
        "bytes=99999999999999999999-",
        "bytes=5-1",
        "bytes=--5",
        "bytes=0-0,-1",
        "bytes= 0 - 1 ",
        "lines=1-2",
        "bytes=" + "9" * 10_000 + "-",
    ):
        got = server.ask("GET", "files/large.bin", headers={**token, "Range": wanted})
        assert got.status in {200, 206, 416}, wanted[:40]
        assert len(got.body) <= 8 * MIB


def packed_bodies(server: Server) -> None:
    """A body that says it is packed is not unpacked: forty kilobytes never become forty megabytes."""
    bomb = gzip.compress(b"[" * (40 * MIB))
    for coding in ("gzip", "deflate", "br", "gzip, gzip", "x-gzip"):
        headers = {"Authorization": f"token {server.token}", "Content-Encoding": coding}
        got = server.ask("PUT", "api/contents/bomb.ipynb", bomb, headers)
        assert 400 <= got.status < 500
        assert server.ask("POST", "login", bomb[:8000], {"Content-Encoding": coding}).status in {403, 413}


def deep_files(server: Server) -> None:
    """On disk already, however they came there: opened by the API, by the link and as an export."""
    deep = "[" * 100_000 + "]" * 100_000
    cell = '{"cells":[{"cell_type":"raw","id":"a","source":"","metadata":{"x":%s}}],"metadata":{},"nbformat":4,"nbformat_minor":5}'
    for name, text in (
        ("deep-metadata.ipynb", cell % deep),
        ("deep-top.ipynb", deep),
        ("deep-keys.ipynb", cell % ('{"a":' * 100_000 + "1" + "}" * 100_000)),
        ("no-end.ipynb", "[" * 1_000_000),
        ("numbers.ipynb", cell % ("9" * 1_000_000)),
        ("exponent.ipynb", cell % "1e999999999"),
    ):
        (server.notebook_dir / name).write_text(text)
        got = server.api("GET", f"api/contents/{name}")
        assert got.status < 500, (name, got.body[:200])
        said = on_link(server, [_follow(name)])
        assert not said or b"problem" in said[-1] or b"snapshot" in said[-1], name


ODD_FRAMES = (
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\x91" * 1_000_000,
    b"\x81\xa1a" * 300_000,
    b"\xc9\xff\xff\xff\xff\x01",
    b"\xc1",
    b"\x82\xa5frame\xa4ping\xa7sent_ms\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x82\xa5frame\xa4ping\xa7sent_ms\xca\x7f\xc0\x00\x00",
)


def odd_frames(server: Server) -> None:
    """On the link: lengths that are not there, a million lists in each other, numbers of no size."""
    deep = msgspec.msgpack.encode(Intend(1, ClientId("t"), 1, Edit((SetMetadata({"x": 0}),)))).replace(
        msgspec.msgpack.encode({"x": 0}), b"\x81\xa1x" + b"\x91" * 200_000 + b"\x00"
    )
    for frame in (*ODD_FRAMES, deep):
        on_link(
            server, [msgspec.msgpack.encode(Hello(PROTOCOL, ClientId("t"))), _follow("ranges.ipynb"), frame]
        )


def kernel_frames(server: Server) -> None:
    """On a kernel's socket: what made another server build lists for ever (trust.md calls it by its number)."""
    kernel_id = server.api("POST", "api/kernels", {}).json()["id"]
    frames = [
        struct.pack("<Q", count) + b"\x00" * left
        for count in (0, 1, 2, 6, 7, 1 << 20, 1 << 31, 1 << 40, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)
        for left in (0, 2, 8, 16, 26)
    ]
    frames += [
        struct.pack("<7Q", 6, *offsets) + b"x" * 50
        for offsets in (
            (56, 60, 64, 68, 72, 1 << 62),
            (56, 50, 40, 30, 20, 10),
            (0, 0, 0, 0, 0, 0),
            (106,) * 6,
            ((1 << 64) - 1,) * 6,
        )
    ]
    frames += [b"", b"\xff" * 34, struct.pack(">I", 1 << 31) + b"x", b"{", b"[" * 100_000]
    address = f"/api/kernels/{kernel_id}/channels"
    for sub in ("v1.kernel.websocket.jupyter.org", ""):
        for frame in frames:
            for is_text in (False, True) if sub == "" else (False,):
                with websocket(server, address, sub) as one:
                    one.sendall(ws_frame(frame, opcode=1 if is_text else 2))
                    one.sendall(ws_frame(b"", opcode=8))
                    read_all(one)
    assert server.api("GET", f"api/kernels/{kernel_id}").status == 200
    server.api("DELETE", f"api/kernels/{kernel_id}")


def endless_fragments(server: Server) -> None:
    """A message that goes on for ever, in pieces of a megabyte and in pieces of nothing; and headers that lie."""
    with websocket(server, "/link") as one, contextlib.suppress(ConnectionError):
        one.sendall(ws_frame(b"x" * MIB, opcode=2, fin=False))
        for _ in range(100):
            one.sendall(ws_frame(b"x" * MIB, opcode=0, fin=False))
    with websocket(server, "/link") as one, contextlib.suppress(ConnectionError):
        one.sendall(ws_frame(b"", opcode=2, fin=False) + ws_frame(b"", opcode=0, fin=False) * 100_000)
    for start in (
        b"\x82\xff" + b"\xff" * 8 + b"mask",
        b"\x82\xff" + b"\x7f" + b"\xff" * 7 + b"mask",
        b"\x82\x05hello",
        b"\xf2\x80mask",
        b"\x83\x80mask",
        b"\x80\x80mask",
        b"\x89\xfe\xff\xffmask" + b"x" * 65_535,
        b"\x09\x80mask",
        b"\x81\x82\x00\x00\x00\x00\xff\xfe",
        b"\x88\x81mask\x00",
    ):
        with websocket(server, "/link") as one, contextlib.suppress(ConnectionError):
            one.sendall(start)
            one.shutdown(socket.SHUT_WR)
            read_all(one)


def packed_messages(server: Server) -> None:
    """A hundred kilobytes that unpack to a hundred megabytes, on a link that is compressed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"\x00" * (100 * MIB)) + packer.flush(zlib.Z_SYNC_FLUSH)
    with websocket(server, "/link", extensions="permessage-deflate", forwarded="192.0.2.1") as one:
        one.sendall(ws_frame(bomb[:-4], opcode=2, packed=True))
        read_all(one)


def many_follows(server: Server) -> None:
    """Somebody signed in who follows one notebook ten thousand times."""
    write = '{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}'
    (server.notebook_dir / "ranges.ipynb").write_text(write)
    with websocket(server, "/link") as one:
        one.sendall(ws_frame(msgspec.msgpack.encode(Hello(PROTOCOL, ClientId("t"))), opcode=2))
        for number in range(10_000):
            one.sendall(ws_frame(_follow("ranges.ipynb", number), opcode=2))
        one.sendall(ws_frame(b"", opcode=8))
        read_all(one)


# ---- sockets, by hand: no client would send these


@contextlib.contextmanager
def websocket(
    server: Server, path: str, sub: str = "", *, extensions: str = "", forwarded: str = ""
) -> Iterator[socket.socket]:
    lines = [f"GET {path} HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Authorization: token {server.token}"]
    lines += [f"Sec-WebSocket-Protocol: {sub}"] if sub else []
    lines += [f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []
    lines += [f"X-Forwarded-For: {forwarded}"] if forwarded else []
    with connection(server) as one:
        one.sendall(head(server, *lines))
        got = b""
        while b"\r\n\r\n" not in got:
            got += one.recv(1)
        assert got.startswith(b"HTTP/1.1 101"), got
        yield one


def ws_frame(data: bytes, *, opcode: int, fin: bool = True, packed: bool = False) -> bytes:
    size = len(data)
    start = bytes([(0x80 if fin else 0) | (0x40 if packed else 0) | opcode])
    if size < 126:
        start += bytes([0x80 | size])
    elif size < 1 << 16:
        start += b"\xfe" + struct.pack(">H", size)
    else:
        start += b"\xff" + struct.pack(">Q", size)
    # A mask of nothing is a mask.
    return start + b"\x00" * 4 + data


def read_all(one: socket.socket) -> bytes:
    one.settimeout(20)
    got = b""
    with contextlib.suppress(ConnectionError):
        while data := one.recv(1 << 16):
            got += data
    return got


def _follow(name: str, number: int = 1) -> bytes:
    return msgspec.msgpack.encode(Follow(follow=number, path=NotebookPath(name)))


def on_link(server: Server, frames: list[bytes]) -> list[bytes]:
    """Say these on a link, after a greeting, and a goodbye; return what came, in pieces."""
    with websocket(server, "/link") as one, contextlib.suppress(ConnectionError):
        if frames[0] != msgspec.msgpack.encode(Hello(PROTOCOL, ClientId("t"))):
            one.sendall(ws_frame(msgspec.msgpack.encode(Hello(PROTOCOL, ClientId("t"))), opcode=2))
        for frame in frames:
            one.sendall(ws_frame(frame, opcode=2))
        one.sendall(ws_frame(b"", opcode=8))
        return [read_all(one)]
    return []


@pytest.mark.parametrize(
    "attack",
    [
        slow_heads,
        long_heads,
        large_bodies_of_strangers,
        malformed,
        many_cookies_and_fields,
        deep_json,
        smuggled,
        bad_chunks,
        pipelined,
        ranges,
        packed_bodies,
        deep_files,
        many_follows,
        odd_frames,
        kernel_frames,
        endless_fragments,
        packed_messages,
    ],
)
def test_it_is_refused_with_bounded_memory_and_nobody_notices(
    target: Server, attack: Callable[[Server], None]
) -> None:
    process = psutil.Process(target.process.pid)
    before_bytes, said = process.memory_info().rss, len(target.output())

    with Bystander(target) as bystander:
        attack(target)

    assert bystander.statuses == {200}
    assert bystander.longest_s < HEALTHY_S
    assert process.memory_info().rss - before_bytes < MEMORY_BYTES
    assert "Traceback" not in target.output()[said:]


# ---- slow ones

PATIENCE_S = 45.0
"""By then none of them is held any more: heads and handshakes have 30 s at most, bodies of strangers 10 s."""


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("tls"), "--tls=auto") as running:
        yield running


def drip(sockets: list[socket.socket], until_s: float) -> list[socket.socket]:
    """Send one byte after another on each until the server hangs up; return those that it still holds at that time."""
    held = list(sockets)
    while held and time.monotonic() < until_s:
        # Whoever has hung up can be read from: nothing, or a last answer and then nothing.
        select.select(held, [], [], 1.0)
        still = []
        for one in held:
            try:
                one.send(b"a", socket.MSG_DONTWAIT)
                over = one.recv(65536, socket.MSG_DONTWAIT) == b""
            except BlockingIOError:
                over = False
            except OSError:
                over = True
            if not over:
                still.append(one)
        held = still
    return held


@pytest.mark.timeout(150)
def test_two_hundred_slow_connections_are_let_go(over_tls: Server, target: Server) -> None:
    """Of heads, bodies and handshakes that come a byte at a time, and of nothing at all."""
    body = head(target, "POST /login HTTP/1.1", "Content-Length: 5000")
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for server, start in (
            (target, b"GET / HTTP/1.1\r\nX-Slow: "),
            (target, body),
            (target, b""),
            (over_tls, b"\x16\x03\x01\x40\x00\x01"),
            (over_tls, b"GET / HTTP/1.1\r\nX-Slow: "),
        ):
            for _ in range(40):
                one = stack.enter_context(connection(server))
                one.sendall(start)
                sockets.append(one)
        process = psutil.Process(target.process.pid)
        before_bytes = process.memory_info().rss

        with Bystander(target) as bystander:
            held = drip(sockets, time.monotonic() + PATIENCE_S)

        assert held == []
        assert bystander.statuses == {200}
        assert bystander.longest_s < HEALTHY_S
        assert process.memory_info().rss - before_bytes < MEMORY_BYTES
