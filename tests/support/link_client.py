"""A browser tab without a browser: follows one notebook over the link, keeps a replica, resends intents.

It applies entries with the same pure function as the server, so that a test can
compare replicas with `==`. It keeps the rules of docs/specs/link.md that bind
clients: numbers its intents, keeps each until acknowledged, resumes by number.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Self

import msgspec
from tornado.httpclient import HTTPRequest
from tornado.iostream import IOStream
from tornado.netutil import Resolver
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.core.notebook.model import Cell, Json, Stream
from carnet.core.session.apply import apply_entry
from carnet.core.session.intents import ChangeSourceFrom, Edit, IntentBody, RunCells, RunRequest, SendComm
from carnet.core.session.operations import CommHandled, Entry, InsertCells, QueueRuns, TellComm
from carnet.core.session.state import CellState, Comm, CommBuffer, SessionState
from carnet.core.text.changes import diff
from carnet.core.wire.link import (
    PROTOCOL,
    Answer,
    Ask,
    Bye,
    Entries,
    Follow,
    Hello,
    Intend,
    MoreCells,
    Problem,
    Question,
    Refused,
    Seen,
    SessionView,
    Snapshot,
    Stalled,
    ToBrowser,
    Welcome,
)
from carnet.ids import BatchId, CellId, ClientId, CommId, NotebookPath, RunId, SendId, new_cell_id, new_id

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ToBrowser)

WAIT_S = 60.0
"""A test that waits longer than this for something has failed."""


class LinkProblem(Exception):
    """The server said that this notebook cannot be followed."""


class LinkClient:
    """One tab on one notebook."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        path: str,
        *,
        ssl_context: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`ssl_context`, `resolver`: for a server, or a proxy, with a name and a certificate of its own."""
        self._ssl_context = ssl_context
        self._resolver = resolver
        self.url = url
        self.headers = headers
        self.path = NotebookPath(path)
        self.client_id = ClientId(new_id())
        self.state: SessionState | None = None
        self.refused: list[Refused] = []
        self.snapshots = 0
        self.entries = 0
        self.received_bytes = 0
        self.reconnects = 0
        self.decided: list[tuple[ClientId, int]] = []
        """Intents of all clients whose entries came, in order."""
        self.queued: list[RunId] = []
        """Runs of all clients that entries put into the queue, in order."""
        self.handled: set[SendId] = set()
        """Messages to comms that the kernel is done with."""
        self.told: list[TellComm] = []
        """What comms were told, in order."""
        self.problem: Problem | None = None
        self.stalled: Stalled | None = None
        """What the server says of its journal: set while nothing can be recorded."""
        self._number = 0
        self._pending: dict[int, IntentBody] = {}
        self._asks: dict[int, asyncio.Future[Answer]] = {}
        self._changed = asyncio.Condition()
        self._socket: WebSocketClientConnection | None = None
        self._runner: asyncio.Task[None] | None = None
        self._connecting: asyncio.Future[WebSocketClientConnection] | None = None
        self._following = False
        self._missing = False
        self._failure: Exception | None = None
        """Why this tab follows no more: the server said what it must not say."""

    async def __aenter__(self) -> Self:
        self._runner = asyncio.create_task(self._run())
        await self.wait(lambda: (self.state is not None and not self._missing) or self.problem is not None)
        if self.problem is not None:
            await self.__aexit__()
            raise LinkProblem(self.problem.message)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self._runner.cancel()
        await asyncio.wait([self._runner])
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
            if self._connecting.exception() is None:
                _hang_up(self._connecting.result())

    # ---- what a test reads

    @property
    def pending(self) -> int:
        """How many intents are not acknowledged."""
        return len(self._pending)

    @property
    def now(self) -> SessionState:
        """The replica."""
        assert self.state is not None
        return self.state

    def cell(self, index: int) -> CellState:
        """Return the cell at this place."""
        return self.now.cells[self.now.order[index]]

    def text(self, index: int, name: str = "stdout") -> str:
        """Return what a cell has printed, without what was spilled to blobs."""
        return "".join(
            output.head + output.text
            for output in self.cell(index).cell.outputs
            if isinstance(output, Stream) and output.name == name
        )

    async def wait(self, true: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
        """Return as soon as this is true of the replica."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self._failure or true()), timeout_s)
        if self._failure is not None:
            raise self._failure

    async def wait_done(self, index: int) -> CellState:
        """Return a cell when none of its runs is queued or running."""
        cell_id = self.now.order[index]
        await self.wait(
            lambda: (
                not any(run.cell_id == cell_id for run in self.now.runs)
                and self.now.cells[cell_id].last is not None
            )
        )
        return self.now.cells[cell_id]

    # ---- what a test does

    async def intend(self, body: IntentBody) -> int:
        """Send an intent and return its number; `acknowledged` waits for it."""
        self._number += 1
        self._pending[self._number] = body
        self._send_intent(self._number, body)
        return self._number

    async def acknowledged(self, number: int) -> None:
        """Return when the intent of this number was decided."""
        await self.wait(lambda: number not in self._pending)

    async def add_cell(self, source: str, *, after: CellId | None = None, kind: str = "code") -> CellId:
        """Insert a cell (at the end by default) and wait until it is there."""
        cell_id = new_cell_id()
        place = after if after is not None else (self.now.order[-1] if self.now.order else None)
        cell = msgspec.convert({"id": cell_id, "kind": kind, "source": source}, Cell)
        await self.acknowledged(await self.intend(Edit(edits=(InsertCells(after=place, cells=(cell,)),))))
        return cell_id

    async def write(self, index: int, source: str) -> int:
        """Type so that a cell holds this source; return the intent's number, and do not wait for anything."""
        cell = self.cell(index)
        changes = diff(cell.cell.source, source).to_json()
        edit = ChangeSourceFrom(cell_id=cell.cell.id, base=cell.version, changes=changes)
        return await self.intend(Edit(edits=(edit,)))

    async def run(self, *cell_ids: CellId) -> list[RunId]:
        """Ask to run cells, in order; return the run ids when the session has decided."""
        runs = tuple(RunRequest(run_id=RunId(new_id()), cell_id=cell_id) for cell_id in cell_ids)
        await self.acknowledged(await self.intend(RunCells(batch_id=BatchId(new_id()), runs=runs)))
        return [run.run_id for run in runs]

    async def press_run(self, *cell_ids: CellId) -> int:
        """Ask to run cells, and do not wait for anything; return the intent's number."""
        runs = tuple(RunRequest(run_id=RunId(new_id()), cell_id=cell_id) for cell_id in cell_ids)
        return await self.intend(RunCells(batch_id=BatchId(new_id()), runs=runs))

    def widget(self, **wanted: Json) -> CommId:
        """Return the newest live widget whose state has these values."""
        for comm_id, comm in reversed(self.now.comms.items()):
            if comm.live and all(comm.data.get(key) == value for key, value in wanted.items()):
                return comm_id
        raise LookupError(f"no widget has {wanted}")

    def comm(self, comm_id: CommId) -> Comm:
        """Return a comm as it is now."""
        return self.now.comms[comm_id]

    async def send_comm(
        self, comm_id: CommId, data: dict[str, Json], *buffers: CommBuffer, cell: int | None = None
    ) -> SendId:
        """Send a message to a comm, and do not wait for anything; `cell`: the place of the one that shows it."""
        body = SendComm(
            SendId(new_id()),
            comm_id,
            data,
            buffers,
            cell_id=self.now.order[cell] if cell is not None else None,
        )
        await self.intend(body)
        return body.send_id

    async def set_widget(self, comm_id: CommId, *, cell: int | None = None, **state: Json) -> None:
        """Set a widget's state as its view does, and return when the kernel has handled it."""
        send_id = await self.send_comm(comm_id, {"method": "update", "state": state}, cell=cell)
        await self.wait(lambda: send_id in self.handled)

    async def ask(self, question: Question) -> Answer:
        """Ask the kernel."""
        number = len(self._asks) + 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asks[number] = future
        self._send(Ask(follow=1, ask=number, question=question))
        return await asyncio.wait_for(future, WAIT_S)

    def cut(self) -> None:
        """Drop the connection without a goodbye; it comes back by itself."""
        stream = _stream_of(self._socket) if self._socket is not None else None
        if stream is not None:
            stream.close()

    # ---- inside

    async def _run(self) -> None:
        try:
            await self._follow()
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            async with self._changed:
                self._failure = error
                self._changed.notify_all()

    async def _follow(self) -> None:
        while True:
            try:
                request = HTTPRequest(
                    self.url,
                    headers=self.headers,
                    connect_timeout=5,
                    request_timeout=5,
                    ssl_options=self._ssl_context,
                )
                connecting = websocket_connect(request, max_message_size=1 << 30, resolver=self._resolver)
                self._connecting = asyncio.ensure_future(connecting)
                self._socket = await asyncio.shield(self._connecting)
            except Exception:  # noqa: BLE001 - whatever the broken line does, a tab tries again
                await asyncio.sleep(0.05)
                continue
            stream = _stream_of(self._socket)
            if stream is not None:
                # As browsers do: else each intent waits for a delayed ACK.
                stream.set_nodelay(True)
            self.reconnects += 1
            self._following = False
            self.stalled = None
            self._send(Hello(protocol=PROTOCOL, client_id=self.client_id))
            have = self.state
            whole = have is not None and not self._missing
            self._send(
                Follow(
                    follow=1,
                    path=self.path,
                    journal_id=have.journal_id if have is not None and whole else None,
                    have=have.seq if have is not None and whole else 0,
                )
            )
            for number, body in tuple(self._pending.items()):
                self._send_intent(number, body)
            while (data := await self._socket.read_message()) is not None:
                assert isinstance(data, bytes)
                self.received_bytes += len(data)
                async with self._changed:
                    self._receive(frame_of(data))
                    self._changed.notify_all()
                if self.problem is not None:
                    return
            _hang_up(self._socket)
            await asyncio.sleep(0.01)

    def _send(self, frame: object) -> None:
        if self._socket is not None:
            try:
                sent = self._socket.write_message(_encoder.encode(frame), binary=True)
            except Exception:  # noqa: BLE001 - the line is cut; everything unacknowledged is sent again
                return
            sent.add_done_callback(_looked_at)

    def _send_intent(self, number: int, body: IntentBody) -> None:
        self._send(Intend(follow=1, client_id=self.client_id, number=number, body=body))

    def _receive(self, frame: ToBrowser) -> None:
        match frame:
            case Snapshot():
                self.snapshots += 1
                self.state = _state_of(frame.session)
                self._missing = frame.more
                for number in tuple(self._pending):
                    if number <= frame.numbered:
                        del self._pending[number]
                self._seen()
            case MoreCells(cells=cells, more=more, comms=comms):
                self.state = msgspec.structs.replace(
                    self.now, cells={**self.now.cells, **cells}, comms={**self.now.comms, **comms}
                )
                self._missing = more
            case Entries(entries=entries):
                for entry in entries:
                    assert entry.seq == self.now.seq + 1, f"entry {entry.seq} after {self.now.seq}"
                    self.state, _ = apply_entry(self.now, entry)
                    self.entries += 1
                    self._note(entry)
                    if entry.client_id == self.client_id and entry.intent is not None:
                        self._pending.pop(entry.intent, None)
                self._seen()
            case Refused():
                self.refused.append(frame)
                self._pending.pop(frame.number, None)
            case Answer(ask=ask):
                future = self._asks.get(ask)
                if future is not None and not future.done():
                    future.set_result(frame)
            case Problem():
                self.problem = frame
            case Stalled():
                self.stalled = frame if frame.reason else None
            case Welcome() | Bye():
                pass
            case _:
                pass

    def _note(self, entry: Entry) -> None:
        if entry.client_id is not None and entry.intent is not None:
            self.decided.append((entry.client_id, entry.intent))
        for operation in entry.ops:
            if isinstance(operation, QueueRuns):
                self.queued += [run.id for run in operation.runs]
            elif isinstance(operation, CommHandled):
                self.handled.add(operation.send_id)
            elif isinstance(operation, TellComm):
                self.told.append(operation)

    def _seen(self) -> None:
        self._send(Seen(follow=1, seq=self.now.seq))


class _Tag(msgspec.Struct):
    frame: str


class _AnswerOnTheWire(msgspec.Struct):
    ask: int
    value: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: str = ""


def frame_of(data: bytes) -> ToBrowser:
    """Return the frame that the server sent."""
    # msgspec writes `Raw | None`, but does not read it.
    if msgspec.msgpack.decode(data, type=_Tag).frame == "answer":
        answer = msgspec.msgpack.decode(data, type=_AnswerOnTheWire)
        return Answer(ask=answer.ask, value=None if answer.error else answer.value, error=answer.error)
    frame: ToBrowser = _decoder.decode(data)
    return frame


def _stream_of(socket: WebSocketClientConnection) -> IOStream | None:
    return socket.protocol.stream if socket.protocol is not None else None


def _hang_up(socket: WebSocketClientConnection) -> None:
    """Say goodbye, and do not wait for the answer."""
    stream = _stream_of(socket)
    socket.close()
    if stream is not None:
        stream.close()


def _looked_at(sent: "asyncio.Future[None]") -> None:
    if not sent.cancelled():
        sent.exception()  # The line was cut meanwhile: as above.


def visible(state: SessionState) -> SessionState:
    """Return what a browser can know of a state: two replicas at one number have the same."""
    return msgspec.structs.replace(
        state,
        extra={},
        clients={},
        refused={},
        changes={},
        displays={},
        spilling={},
        sends={},
        capturing={},
        comm_bytes=0,
        comm_seq=0,
    )


def _state_of(view: SessionView) -> SessionState:
    return SessionState(
        journal_id=view.journal_id,
        path=view.path,
        seq=view.seq,
        changed_seq=view.changed_seq,
        order=view.order,
        cells=dict(view.cells),
        metadata=view.metadata,
        nbformat=view.nbformat,
        nbformat_minor=view.nbformat_minor,
        runs=view.runs,
        kernel=view.kernel,
        saved=view.saved,
        notices=view.notices,
        bin=view.bin,
        comms=view.comms,
        displays=_displays_of(view),
    )


def _displays_of(view: SessionView) -> dict[str, tuple[CellId, ...]]:
    """A replica that joined late finds display ids where they stand."""
    found: dict[str, tuple[CellId, ...]] = {}
    for cell_id in view.order:
        state = view.cells.get(cell_id)
        for output in state.cell.outputs if state is not None else ():
            display_id = getattr(output, "display_id", None)
            if display_id is not None and cell_id not in found.get(display_id, ()):
                found[display_id] = (*found.get(display_id, ()), cell_id)
    return found
