"""Connections of strangers make room for who has a key (AC67)."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from carnet.core.wire.link import Ping, Pong
from carnet.server.doors import LEFT_LEAST, Strangers
from tests.server.handlers.test_link import decode, encode
from tests.server.serving import Server, closed, serve

DESCRIPTORS = 256
FEW_SCRIPT = (
    "import resource, runpy, sys\n"
    f"resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))\n"
    "sys.argv[0] = 'carnet'\n"
    "runpy.run_module('carnet', run_name='__main__')"
)


def test_ac67_the_oldest_of_the_address_that_has_most_makes_room() -> None:
    strangers, ended = Strangers(), list[str]()
    for name, address in (("a", "1"), ("b", "2"), ("c", "2"), ("d", "2"), ("e", "1")):
        strangers.add(name, address, lambda name=name: ended.append(name))  # type: ignore[misc]
    strangers.remove("c")
    strangers.remove("c")
    strangers.remove("nobody")

    while strangers.make_room():
        pass

    assert sorted(ended[:2]) == ["a", "b"]
    assert sorted(ended) == ["a", "b", "d", "e"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    """A server that may have few descriptors."""
    with serve(tmp_path, "--NotebookApp.tls=off", before=("-c", FEW_SCRIPT)) as server:
        yield server


@contextlib.contextmanager
def flood(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """Connections that say nothing."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
            for _ in range(count)
        ]


async def test_ac67_a_flood_of_strangers_keeps_nobody_with_a_key_out(small: Server) -> None:
    assert small.api("GET", "api/contents").status == 200
    headers = {"Authorization": f"token {small.token}"}
    link = await websocket_connect(HTTPRequest(small.url.replace("http", "ws") + "link", headers=headers))
    with flood(small, 2 * DESCRIPTORS) as lines:
        assert small.api("GET", "api/me").status == 200
        assert small.ask("GET", "login").status == 200
        lines[0].settimeout(20)
        assert lines[0].recv(1) == b"", "the oldest was ended"
        await link.write_message(encode(Ping(sent_ms=1)), binary=True)
        answer = await link.read_message()
        assert isinstance(answer, bytes)
        assert decode(answer) == Pong(sent_ms=1), "what has a key is not"
    await closed(link)

    assert small.api("GET", "api/me").status == 200
    assert len(small.lines) < LEFT_LEAST, small.output()
