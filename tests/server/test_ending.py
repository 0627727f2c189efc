"""Whatever was opened with a token ends when it is revoked, or its time is over (AC20, AC23)."""

import asyncio
import contextlib
import http.client
import socket
from collections.abc import Callable, Iterator

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.clock import SystemClock
from carnet.security.scopes import ALL
from carnet.security.state import SecurityState
from tests.server.serving import Server, serve

pytestmark = pytest.mark.slow

WAIT_S = 30.0
"""A fault, not a measure."""

LONG_MS = 10**7

LARGE_BYTES = 1 << 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("ending")) as running:
        yield running


class Key:
    """A named token that may do everything."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._state = SecurityState.open(server.state_folder, SystemClock())
        clock = SystemClock()
        self.text, self.token = self._state.tokens.create(
            f"key-{clock.now_ms()}", user="ada", scopes=ALL, expires_ms=clock.now_ms() + LONG_MS
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.text}"}

    def revoke(self) -> None:
        self._state.tokens.revoke(self.token.token_id)

    def close(self) -> None:
        self._state.close()


@pytest.fixture
def key(server: Server) -> Iterator[Key]:
    made = Key(server)
    yield made
    made.close()


def room(server: Server) -> str:
    server.api("PUT", "api/contents/a.ipynb", {"type": "notebook"})
    said = server.api("PUT", "api/collaboration/session/a.ipynb", {"type": "notebook"}).json()
    return f"api/collaboration/room/json:notebook:{said['fileId']}?sessionId={said['sessionId']}"


def kernel(server: Server) -> str:
    made = server.api("POST", "api/kernels", {"name": "python3"}).json()
    return f"api/kernels/{made['id']}/channels?session_id=one"


def terminal(server: Server) -> str:
    return f"terminals/websocket/{server.api('POST', 'api/terminals', {}).json()['name']}"


SOCKETS: dict[str, Callable[[Server], str]] = {
    "link": lambda _: "link",
    "events": lambda _: "api/events/subscribe",
    "lobby": lambda _: "api/collaboration/room/JupyterLab:globalAwareness",
    "room": room,
    "kernel": kernel,
    "terminal": terminal,
}


async def ended(line: WebSocketClientConnection) -> None:
    async with asyncio.timeout(WAIT_S):
        while await line.read_message() is not None:
            pass


@pytest.mark.parametrize("kind", SOCKETS)
async def test_ac23_sockets_of_every_kind_end_with_their_token(server: Server, key: Key, kind: str) -> None:
    path = await asyncio.to_thread(SOCKETS[kind], server)
    address = server.url.replace("http", "ws") + path
    line = await websocket_connect(HTTPRequest(address, headers=key.headers))
    key.revoke()

    await ended(line)

    assert line.close_code == 1001
    line.close()


def long_run(server: Server) -> str:
    made = server.api("POST", "api/kernels", {"name": "python3"}).json()
    run = server.api("POST", f"api/kernels/{made['id']}/execute", {"code": "print(1, flush=True); input()"})
    return f"{run.headers['Location'].removeprefix(server.base)}?stream=1"


def large_download(server: Server) -> str:
    with (server.notebook_dir / "large.bin").open("wb") as file:
        file.truncate(LARGE_BYTES)
    return "files/large.bin"


REQUESTS: dict[str, Callable[[Server], str]] = {
    "a run that is followed": long_run,
    "a download": large_download,
    "the doctor's": lambda _: "api/doctor/stream?quiet=100",
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_ac23_requests_that_last_end_with_their_token(server: Server, key: Key, kind: str) -> None:
    path = REQUESTS[kind](server)
    with socket.create_connection(("127.0.0.1", server.port), WAIT_S) as line:
        line.sendall(
            f"GET {server.base}{path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: token {key.text}\r\n\r\n".encode()
        )
        assert line.recv(12) == b"HTTP/1.1 200"
        key.revoke()
        size, last = 0, b""
        with contextlib.suppress(ConnectionResetError):
            # Slowly: what is there to read at once must not be all of it.
            while part := line.recv(1 << 20 if key_works(server, key) else 1 << 26):
                size, last = size + len(part), (last + part)[-5:]

    assert size < LARGE_BYTES
    assert last != b"0\r\n\r\n", "it was ended, and not at its end"


def key_works(server: Server, key: Key) -> bool:
    return server.ask("GET", "api/me", headers=key.headers).status == 200


def test_hl11_a_stream_of_a_link_over_http_ends_with_its_token(server: Server, key: Key) -> None:
    carrier = server.ask("POST", "link/http", "", key.headers).json()["id"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)
    with contextlib.closing(connection):
        connection.request("GET", f"{server.base}link/http/{carrier}/stream?after=0", headers=key.headers)
        response = connection.getresponse()
        assert response.read(4) == bytes(4)
        key.revoke()
        assert b"bye" in response.read()
