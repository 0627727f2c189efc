"""Terminals over the link (TE1 to TE9), on a real server with real shells."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from carnet.clock import SystemClock
from carnet.core.wire.link import (
    PROTOCOL,
    Attach,
    Attached,
    Bye,
    Detach,
    Drawn,
    Ended,
    Hello,
    NoTerminal,
    Ping,
    Pong,
    Resize,
    Shown,
    ToBrowser,
    Type,
    Typed,
    Welcome,
)
from carnet.ids import ClientId, new_id
from carnet.kernels.spawn import find
from carnet.security.scopes import parse_scopes
from carnet.security.state import SecurityState
from tests.server.serving import Server, serve

pytestmark = pytest.mark.slow

PATIENCE_S = 60
PLAIN = b"exec /bin/sh\nPS1=; stty -echo; echo begun''\n"

encode = msgspec.msgpack.Encoder().encode
decode: Callable[[bytes], ToBrowser] = msgspec.msgpack.Decoder(ToBrowser).decode


def plain(folder: Path) -> dict[str, str]:
    """What makes shells read nobody's profile, which may wait for who knows what."""
    return {"HOME": str(folder), "SHELL": "/bin/sh"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with serve(folder, env=plain(folder)) as running:
        yield running


class Tab:
    """A tab that shows one terminal, and draws at once what comes."""

    def __init__(self, name: str, client_id: str = "") -> None:
        self.name = name
        self.client_id = ClientId(client_id or new_id())
        self.frames: list[ToBrowser] = []
        self.data = b""
        self.life = ""
        self.have = 0
        self.number = 0
        self.draws = True
        self.socket: WebSocketClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def link(self, server: Server, headers: dict[str, str] | None = None) -> None:
        address = server.url.replace("http", "ws") + "link"
        self.socket = await websocket_connect(
            HTTPRequest(address, headers=headers or {"Authorization": f"token {server.token}"})
        )
        self._reader = asyncio.create_task(self._read())
        await self.send(Hello(protocol=PROTOCOL, client_id=self.client_id))
        await self.until(lambda: any(isinstance(one, Welcome) for one in self.frames))

    async def attach(self, **more: int) -> None:
        seen = len(self.frames)
        await self.send(Attach(1, self.name, self.life, self.have, **more))
        await self.until(lambda: any(isinstance(one, Attached | NoTerminal) for one in self.frames[seen:]))

    async def send(self, frame: msgspec.Struct) -> None:
        assert self.socket is not None
        await self.socket.write_message(encode(frame), binary=True)

    async def write(self, data: bytes, number: int = 0) -> None:
        self.number = number or self.number + 1
        await self.send(Type(1, self.number, data))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def cut(self) -> None:
        assert self.socket is not None
        assert self._reader is not None
        self.socket.close()
        await self._reader

    def last(self, kind: type) -> ToBrowser:
        return next(one for one in reversed(self.frames) if isinstance(one, kind))

    async def _read(self) -> None:
        assert self.socket is not None
        while (message := await self.socket.read_message()) is not None:
            assert isinstance(message, bytes)
            frame = decode(message)
            if isinstance(frame, Attached):
                if frame.fresh:
                    self.data = b""
                else:
                    assert frame.offset == self.have
                self.life, self.have = frame.life, frame.offset
            elif isinstance(frame, Shown):
                assert frame.offset == self.have, "no gap, nothing twice"
                self.data += frame.data
                self.have += len(frame.data)
                if self.draws:
                    with contextlib.suppress(WebSocketClosedError):  # cut while this came
                        await self.send(Drawn(1, self.have))
            self.frames.append(frame)
            self._news.set()
        self.socket.close()


@contextlib.asynccontextmanager
async def showing(server: Server) -> AsyncIterator[Tab]:
    """A tab on a new terminal with a plain shell."""
    name = server.api("POST", "api/terminals").json()["name"]
    tab = Tab(name)
    await tab.link(server)
    await tab.attach(rows=30, columns=100)
    await tab.write(PLAIN)
    await tab.until(lambda: b"begun\r\n" in tab.data)
    try:
        yield tab
    finally:
        await tab.cut()
        server.api("DELETE", f"api/terminals/{name}")


async def test_te1_a_terminal_from_attach_to_end(server: Server) -> None:
    async with showing(server) as tab:
        await tab.write(b"stty size\n")
        await tab.until(lambda: b"30 100\r\n" in tab.data)
        await tab.send(Resize(1, 40, 120))
        await tab.write(b"stty size; exit 3\n")
        await tab.until(lambda: isinstance(tab.frames[-1], Ended))

        assert b"40 120\r\n" in tab.data
        assert tab.frames[-1] == Ended(1, 3)
        tab.life, tab.have, tab.data = "", 0, b""
        await tab.attach()
        await tab.until(lambda: isinstance(tab.frames[-1], Ended))
        assert b"40 120\r\n" in tab.data  # who comes late still sees the end


async def test_te2_a_tab_that_was_away_gets_what_it_missed(server: Server) -> None:
    async with showing(server) as tab:
        await tab.write(b"for i in $(seq 1 5000); do echo line $i; done; echo all''\n")
        await tab.until(lambda: b"line 100\r\n" in tab.data)
        await tab.cut()
        await tab.link(server)
        await tab.attach()
        await tab.until(lambda: b"all\r\n" in tab.data)

        lines = tab.data.partition(b"begun\r\n")[2].decode().splitlines()
        assert lines == [*(f"line {n}" for n in range(1, 5001)), "all"]
        attached = tab.last(Attached)
        assert isinstance(attached, Attached)
        assert not attached.fresh


async def test_te3_what_is_not_kept_begins_afresh(server: Server) -> None:
    async with showing(server) as tab:
        tab.draws = True
        await tab.write(b"printf '\\033[?2004h'; seq 300000; echo all''\n")
        await tab.until(lambda: tab.data.endswith(b"all\r\n"))
        await tab.cut()
        tab.have = 5
        await tab.link(server)
        await tab.attach()
        await tab.until(lambda: tab.data.endswith(b"all\r\n"))

        attached = tab.last(Attached)
        assert isinstance(attached, Attached)
        assert (attached.fresh, attached.modes, len(tab.data)) == (True, b"\x1b[?2004h", 1 << 20)
        assert attached.end == attached.offset + (1 << 20)


async def test_te4_the_tab_says_how_fast(server: Server) -> None:
    async with showing(server) as tab:
        tab.draws = False
        before = tab.have
        await tab.write(b"seq 300000; echo all''\n")
        await tab.until(lambda: tab.have - before > 128 << 10)
        await tab.send(Ping(sent_ms=7))
        await tab.until(lambda: isinstance(tab.frames[-1], Pong))
        assert tab.have - before < 512 << 10
        tab.draws = True
        await tab.send(Drawn(1, tab.have))
        await tab.until(lambda: tab.data.endswith(b"all\r\n"))


async def test_te5_what_is_sent_again_is_typed_once(server: Server) -> None:
    async with showing(server) as tab:
        await tab.write(b"echo one''\n", 10)
        await tab.until(lambda: Typed(1, 10) in tab.frames)
        await tab.cut()
        await tab.link(server)
        await tab.attach()
        await tab.write(b"echo one''\n", 10)
        await tab.write(b"echo two''\n", 11)
        await tab.until(lambda: b"two\r\n" in tab.data)
        assert tab.data.partition(b"begun\r\n")[2].split() == [b"one", b"two"]
        assert tab.frames.count(Typed(1, 10)) == 2


async def test_te6_there_is_none(server: Server) -> None:
    tab = Tab("no-such")
    await tab.link(server)
    await tab.attach()
    assert tab.frames[-1] == NoTerminal(1, 404, "There is no terminal no-such; it may have ended.")
    # Late frames of a terminal that is gone are normal.
    for frame in (Type(1, 1, b"x"), Resize(1, 2, 2), Drawn(1, 3), Detach(1), Detach(1), Ping(sent_ms=1)):
        await tab.send(frame)
    await tab.until(lambda: isinstance(tab.frames[-1], Pong))
    await tab.cut()


async def test_te6_a_tab_shows_only_so_many(server: Server) -> None:
    async with showing(server) as tab:
        for attach in range(2, 12):
            await tab.send(Attach(attach, tab.name))
        await tab.until(lambda: sum(isinstance(one, NoTerminal) for one in tab.frames) == 3)
        refused = tab.last(NoTerminal)
        assert isinstance(refused, NoTerminal)
        assert refused.status == 429


async def test_te7_it_needs_the_scope_run(server: Server) -> None:
    state = SecurityState.open(server.state_folder, SystemClock())
    token, _ = state.tokens.create("looker", user="ada", scopes=parse_scopes(["edit"]))
    state.close()
    async with showing(server) as tab:
        looker = Tab(tab.name)
        await looker.link(server, {"Authorization": f"Bearer {token}"})
        await looker.attach()
        assert looker.frames[-1] == NoTerminal(1, 403, "This token may read edit; this needs run.")
        await looker.write(b"echo no''\n")
        await looker.cut()


async def test_te7_it_ends_with_the_login(server: Server) -> None:
    browser = server.sign_in()
    async with showing(server) as tab:
        mine = Tab(tab.name)
        await mine.link(server, {"Cookie": browser.cookie_header(), "Origin": server.url.rstrip("/")})
        await mine.attach()
        [login] = [one for one in browser.ask("GET", "api/logins").json() if one["is_this"]]
        server.api("DELETE", f"api/logins/{login['id']}")
        await mine.until(lambda: isinstance(mine.frames[-1], Bye))
        await tab.write(b"echo still''\n")
        await tab.until(lambda: b"still\r\n" in tab.data)
        assert b"still\r\n" not in mine.data


async def test_te8_switched_off_there_is_nothing(tmp_path: Path) -> None:
    with serve(tmp_path, "--NotebookApp.terminals_enabled=False") as server:
        for method, path in (
            ("GET", "api/terminals"),
            ("POST", "api/terminals"),
            ("DELETE", "api/terminals/1"),
            ("GET", "terminals/websocket/1"),
            ("GET", "terminals/1"),
        ):
            assert server.api(method, path).status == 404, path
        shell = server.api("GET", "tree").body.decode()
        assert (
            "terminals" not in shell.partition('name="carnet-extras" content="')[2].partition('"')[0].split()
        )
        assert "terminals" not in server.api("GET", "api/spec.yaml").body.decode()
        tab = Tab("1")
        await tab.link(server)
        await tab.attach()
        assert tab.frames[-1] == NoTerminal(
            1, 404, "Terminals are switched off on this server (terminals_enabled)."
        )
        await tab.cut()


async def test_te9_a_lost_host_is_said(tmp_path: Path) -> None:
    with serve(tmp_path, env=plain(tmp_path)) as server:
        async with showing(server) as tab:
            host = find(server.state_folder / "host")
            assert host is not None
            os.kill(host.pid, signal.SIGKILL)
            await tab.until(lambda: isinstance(tab.frames[-1], NoTerminal))
            assert tab.frames[-1] == NoTerminal(1, 503, "The line to the terminal broke.")
            await tab.attach()
            assert tab.frames[-1] == NoTerminal(
                1, 404, f"There is no terminal {tab.name}; it may have ended."
            )


def test_jt1_a_name_that_no_address_leads_to_is_refused(server: Server) -> None:
    answer = server.api("POST", "api/terminals", {"name": "x" * 65})
    assert (answer.status, "64" in answer.json()["message"]) == (400, True)
    assert server.api("GET", "api/terminals").json() == []
