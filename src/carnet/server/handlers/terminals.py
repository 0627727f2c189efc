"""Terminals, in terminado's protocol: JSON lists over a WebSocket, and a list of them. Rules JT1 to JT3: docs/specs/jupyter-api.md."""

import asyncio
import codecs
import json
import logging
from pathlib import Path
from typing import Any, Final

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from carnet.core.wire.host import TerminalEnded, TerminalInfo, TerminalSaid
from carnet.errors import KernelError, NotFound, PeerError
from carnet.ids import NotebookPath
from carnet.kernels.client import HostClient, HostState
from carnet.server.handlers.base import Handler
from carnet.server.handlers.contents import path_of
from carnet.server.handlers.socket import Socket
from carnet.server.times import iso_time
from carnet.server.workbench import Workbench, notebook_folder

log = logging.getLogger("carnet.terminals")

NAME_CHARACTERS: Final = 64

_PING: Final = b"carnet "


class Terminals(Handler):
    """The terminals; or open one."""

    async def get(self) -> None:
        """List them. No host is started to look."""
        self.answer([_model(one) for one in await _all(await self.workbench())])

    async def post(self) -> None:
        """Open one: `cwd` is a folder below the root, or an absolute one."""
        bench, body = await self.workbench(), self.json_body()
        name, cwd = body.get("name", ""), body.get("cwd", "")
        if not isinstance(name, str) or not isinstance(cwd, str) or not (name.isalnum() or not name):
            raise PeerError("name is letters and digits, cwd a folder; both may be left out.")
        if len(name) > NAME_CHARACTERS:
            raise PeerError(f"name: at most {NAME_CHARACTERS} characters; no address leads to a longer one.")
        root = notebook_folder(self.services.loaded)
        folder = root
        if cwd and Path(cwd).is_absolute() and await self.blocking(Path(cwd).is_dir):
            folder = Path(cwd)
        elif cwd:
            folder = bench.storage.local_path(NotebookPath(path_of(cwd))) or root
        host = await bench.connected_host()
        self.answer(_model(await host.start_terminal(cwd=str(folder), name=name)))


class OneTerminal(Handler):
    """A terminal; or end it."""

    async def get(self, name: str) -> None:
        """Answer with it."""
        self.answer(_model(await _find(await self.workbench(), name)))

    async def delete(self, name: str) -> None:
        """End it and all that runs in it."""
        bench = await self.workbench()
        await _find(bench, name)
        await (await bench.connected_host()).end_terminal(name)
        self.answer_nothing()


class TerminalSocket(Socket):
    """A client's socket to a terminal: keys in, screen out."""

    host: HostClient | None = None
    name = ""
    _offset = 0
    """How much of the terminal's output was sent."""
    _pinged = False
    _leaving: "asyncio.Future[None] | None" = None

    async def ready(self) -> None:
        """Answer 404 where there is no such terminal."""
        bench = await self.workbench()
        self.name = (await _find(bench, self.path_args[0])).name
        self.host = bench.terminal_line()
        self.host.on_state = self._line_changed
        self.host.on_terminal = self._on_terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    async def opened(self) -> None:
        """Show what there is, and go on."""
        assert self.host is not None
        self._send(["setup", {}])
        try:
            await self.host.connect()
            await self.host.read_terminal(self.name)
        except KernelError as error:
            self._end(str(error))

    async def receive(self, message: str | bytes) -> None:
        """Type, or change the size."""
        if self.host is None:
            return
        try:
            match json.loads(message):
                case ["stdin", str(text), *_]:
                    await self.host.write_terminal(self.name, text.encode("utf-8", "surrogatepass"))
                case ["set_size", int(rows), int(columns), *_]:
                    await self.host.resize_terminal(self.name, rows, columns)
                case _:
                    pass  # terminado's clients may know more words than we do
        except ValueError:
            self.close(1002, "a message is a JSON list")
        except KernelError as error:
            self._end(str(error))

    def on_pong(self, data: bytes) -> None:
        """Count what has arrived."""
        offset = data.removeprefix(_PING)
        if self.host is not None and data.startswith(_PING) and offset.isdigit():
            self._pinged = False
            self.host.acknowledge_terminal(self.name, int(offset))
            if int(offset) < self._offset:
                self._ping()

    def left(self) -> None:
        """The terminal goes on."""
        if self.host is not None:
            self._leaving = asyncio.ensure_future(self.host.close())

    # ---- inside

    def _on_terminal(self, said: TerminalSaid | TerminalEnded) -> None:
        if said.name != self.name:
            return
        if isinstance(said, TerminalEnded):
            self._send(["disconnect", 1])
            self.close(1000, "the terminal has ended")
            return
        text = self._decoder.decode(said.data)
        if text:
            self._send(["stdout", text])
        self._offset = said.offset + len(said.data)
        if not self._pinged:
            self._ping()

    def _ping(self) -> None:
        self._pinged = True
        try:
            self.ping(_PING + str(self._offset).encode())
        except (WebSocketClosedError, StreamClosedError):
            pass  # `left` follows

    def _send(self, message: list[Any]) -> None:
        self.post(json.dumps(message))

    def _line_changed(self, state: HostState) -> None:
        if state == "lost" and self.ws_connection is not None:
            # The host is gone, and its terminals with it; or it is back, and the client begins anew.
            self.close(1011, "the line to the terminal broke")

    def _end(self, reason: str) -> None:
        log.info("terminal %s: %s", self.name, reason)
        self._send(["disconnect", 1])
        self.close(1000, "the terminal has ended")


async def _all(bench: Workbench) -> list[TerminalInfo]:
    await bench.kernels_if_any()
    return await bench.host.terminals() if bench.host.info is not None else []


async def _find(bench: Workbench, name: str) -> TerminalInfo:
    for one in await _all(bench):
        if one.name == name:
            return one
    raise NotFound(f"There is no terminal {name}; it may have ended.")


def _model(terminal: TerminalInfo) -> dict[str, Any]:
    return {"name": terminal.name, "last_activity": iso_time(terminal.last_activity_ms)}
