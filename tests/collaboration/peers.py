"""A client of a room, as others write them: pycrdt and jupyter_ydoc, and a line that can be cut."""

import asyncio
from typing import Any

from jupyter_ydoc import YFile, YNotebook
from pycrdt import Map, Text

from carnet.collaboration import protocol
from carnet.collaboration.members import Member
from carnet.collaboration.room import Room
from carnet.collaboration.text_room import TextRoom


class Peer:
    """One client. What it does while it is away, it sends when it comes back."""

    def __init__(self, user: str = "ann", *, may_edit: bool = True, file: YFile | None = None) -> None:
        """`file`: it shares a text file; else a notebook."""
        self.notebook = YNotebook()
        self.file = file
        self.ydoc = self.notebook.ydoc if file is None else file.ydoc
        self.user = user
        self.may_edit = may_edit
        self.room: Room | TextRoom | None = None
        self.member: Member | None = None
        self.ended: tuple[int, str] | None = None
        self.presences: list[protocol.Presence] = []
        self.buffered = 0
        self.raw: list[bytes] = []
        self._out: list[bytes] = []
        self._in: list[bytes] = []
        self._receiving = False
        self._subscription = self.ydoc.observe(self._changed)

    # ---- what a room does with it

    def send_frame(self, frame: bytes) -> None:
        self._in.append(frame)

    def waiting_bytes(self) -> int:
        return self.buffered

    def end(self, code: int, reason: str) -> None:
        self.ended = (code, reason)
        if self.room is not None and self.member is not None:
            self.room.leave(self.member)
        self.room = None

    # ---- the line

    async def come(self, room: Room | TextRoom) -> None:
        """Connect, as y-protocols say: both tell what they have."""
        self.room, self.ended = room, None
        self.member = Member(self, user=self.user, may_edit=self.may_edit)
        self._in.clear()
        self._out.clear()
        await room.join(self.member)
        self._out.append(protocol.what_i_have(self.ydoc.get_state()))

    def go(self) -> None:
        """Lose the line; nobody is told."""
        if self.room is not None and self.member is not None:
            self.room.leave(self.member)
        self.room = None
        self._in.clear()
        self._out.clear()

    async def say(self) -> bool:
        """Send what waits; return whether there was something."""
        said = bool(self._out)
        while self._out and self.room is not None and self.member is not None:
            await self.room.receive(self.member, self._out.pop(0))
        return said

    def hear(self) -> bool:
        """Take what waits; return whether there was something."""
        heard = bool(self._in)
        while self._in:
            self._take(self._in.pop(0))
        return heard

    def _take(self, frame: bytes) -> None:
        message = protocol.decode(frame)
        document = self.ydoc
        if isinstance(message, protocol.WhatIHave):
            self._out.append(protocol.what_you_miss(document.get_update(message.vector)))
        elif isinstance(message, protocol.WhatYouMiss | protocol.Changed):
            self._receiving = True
            document.apply_update(message.update)
            self._receiving = False
        elif isinstance(message, protocol.Presences):
            self.presences += message.of
        else:
            self.raw.append(frame)

    def _changed(self, event: Any) -> None:
        if not self._receiving and self.room is not None:
            self._out.append(protocol.changed(event.update))

    # ---- what people do

    def cells(self) -> list[dict[str, Any]]:
        """The cells, as jupyter_ydoc reads them."""
        return [dict(cell) for cell in self.notebook.get(deduplicate=False)["cells"]]

    def ids(self) -> list[str]:
        return [cell["id"] for cell in self.cells()]

    def sources(self) -> list[str]:
        return [cell["source"] for cell in self.cells()]

    def at(self, cell_id: str) -> Any:
        """The shared map of a cell."""
        return self.notebook.ycells[self.ids().index(cell_id)]

    def type(self, cell_id: str, text: str, at: int | None = None) -> None:
        """Put text in, at a character of the source (None: at its end)."""
        source: Text = self.at(cell_id)["source"]
        start = len(str(source).encode()) if at is None else len(str(source)[:at].encode())
        source.insert(start, text)

    def erase(self, cell_id: str, start: int, end: int) -> None:
        """Delete characters of a source."""
        source: Text = self.at(cell_id)["source"]
        old = str(source)
        del source[len(old[:start].encode()) : len(old[:end].encode())]

    def insert(self, cell_id: str, source: str, at: int, kind: str = "code") -> None:
        cell: dict[str, Any] = {"id": cell_id, "cell_type": kind, "source": source, "metadata": {}}
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
        self.notebook.ycells.insert(at, self.notebook.create_ycell(cell))

    def delete(self, cell_id: str) -> None:
        del self.notebook.ycells[self.ids().index(cell_id)]

    def move(self, cell_id: str, to: int) -> None:
        """As JupyterLab moves: the cell goes, and another one of the same content and id comes."""
        with self.notebook.ydoc.transaction():
            index = self.ids().index(cell_id)
            cell = self.notebook.ycells[index].to_py()
            del self.notebook.ycells[index]
            cell.pop("execution_state", None)
            self.notebook.ycells.insert(to, self.notebook.create_ycell(cell))

    def set_metadata(self, cell_id: str, key: str, value: object) -> None:
        self.at(cell_id)["metadata"][key] = value

    def outputs(self, cell_id: str) -> Any:
        return self.at(cell_id)["outputs"]

    def run_alone(self, cell_id: str, count: int, *outputs: dict[str, Any]) -> None:
        """As clients that run cells by themselves write what came of it."""
        cell: Map[Any] = self.at(cell_id)
        del cell["outputs"][:]
        cell["execution_count"] = None
        cell["execution_state"] = "running"
        for output in outputs:
            cell["outputs"].append(output)
        cell["execution_count"] = float(count)
        cell["execution_state"] = "idle"


async def settle(*peers: Peer) -> None:
    """Let everything that was said arrive."""
    while True:
        await asyncio.sleep(0)  # what the session did is shown when the loop comes to it
        said = [await peer.say() for peer in peers]
        heard = [peer.hear() for peer in peers]
        if not any(said) and not any(heard):
            return
