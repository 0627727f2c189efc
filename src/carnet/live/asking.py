"""Put questions to a kernel (complete, inspect) and hear what it answers, also while a cell runs.

A kernel that has subshells answers in one of them beside the running cell; of
one that has none we say at once that it is busy, rather than wait. A question
is not journaled and changes nothing.

Rules LV10, LV21, LV22: docs/specs/live.md.
"""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, assert_never

import msgspec
from msgspec import Struct

from carnet.core.session.state import KernelState
from carnet.core.wire.host import Record
from carnet.core.wire.link import Complete, Inspect, IsComplete, Question
from carnet.errors import KernelError
from carnet.ids import KernelId, new_id

if TYPE_CHECKING:
    from carnet.live.session import Session

ANSWER_S = 10.0
"""A question that is not answered by then is given up."""

CONTROL_S = 2.0
"""A kernel answers on its control channel within this, also while a cell runs, or has no subshells."""

BUSY = "The kernel is busy with a cell and can answer nothing else."


class _KernelInfo(Struct, frozen=True):
    supported_features: tuple[str, ...] = ()


class _Subshell(Struct, frozen=True):
    status: str = "ok"
    subshell_id: str = ""


class Asker:
    """Asks the kernel of one session."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._open: dict[str, asyncio.Future[msgspec.Raw]] = {}
        self._subshell: asyncio.Task[str] | None = None
        self._subshell_of: tuple[KernelId | None, int] = (None, 0)
        """Kernel and lineage that the subshell belongs to."""

    async def ask(self, question: Question) -> msgspec.Raw:
        """Put a question to the kernel and return its reply's content, as JSON.

        Raises:
            KernelError: there is no kernel, it is busy and has no subshell, or it did not answer in time.
        """
        state = self._session.state
        kernel = state.kernel
        if kernel.id is None or kernel.status not in ("idle", "busy"):
            raise KernelError("There is no kernel to ask. Run a cell to start one.")
        msg_type, content = _message_of(question)
        if not any(run.started_ms is not None for run in state.runs):
            return await self._request(kernel.id, "shell", msg_type, content, ANSWER_S)
        subshell_id = await self._subshell_id(kernel)
        if not subshell_id:
            raise KernelError(BUSY)
        return await self._request(kernel.id, "shell", msg_type, content, ANSWER_S, subshell_id)

    def heard(self, record: Record) -> None:
        """Give a reply to who waits for it."""
        future = self._open.get(record.parent_id)
        if future is not None and not future.done():
            future.set_result(msgspec.Raw(record.content))

    # ---- inside

    async def _request(
        self,
        kernel_id: KernelId,
        channel: Literal["shell", "control"],
        msg_type: str,
        content: bytes,
        timeout_s: float,
        subshell_id: str = "",
    ) -> msgspec.Raw:
        host = self._session.around.host
        msg_id = f"ask-{new_id()}"
        future: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._open[msg_id] = future
        try:
            if subshell_id:
                await host.send_raw(
                    kernel_id,
                    channel,
                    msg_type,
                    msg_id,
                    header=self._header(msg_id, msg_type, subshell_id),
                    parent_header=b"{}",
                    metadata=b"{}",
                    content=content,
                )
            else:
                await host.send(kernel_id, channel, msg_type, msg_id, content)
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            raise KernelError("The kernel is busy and has not answered.") from None
        finally:
            del self._open[msg_id]

    async def _subshell_id(self, kernel: KernelState) -> str:
        """Return this kernel's subshell, made when first needed; empty: it has none."""
        making = self._subshell
        if making is None or self._subshell_of != (kernel.id, kernel.lineage):
            assert kernel.id is not None
            self._subshell_of = (kernel.id, kernel.lineage)
            making = self._subshell = self._session.start(self._make_subshell(kernel.id), "subshell")
        # One who asks may go away; the others wait for the same subshell.
        return await asyncio.shield(making)

    async def _make_subshell(self, kernel_id: KernelId) -> str:
        try:
            info = await self._request(kernel_id, "control", "kernel_info_request", b"{}", CONTROL_S)
            if "kernel subshells" not in msgspec.json.decode(info, type=_KernelInfo).supported_features:
                return ""
            made = await self._request(kernel_id, "control", "create_subshell_request", b"{}", CONTROL_S)
            reply = msgspec.json.decode(made, type=_Subshell)
        except (KernelError, msgspec.MsgspecError):
            return ""
        return reply.subshell_id if reply.status == "ok" else ""

    def _header(self, msg_id: str, msg_type: str, subshell_id: str) -> bytes:
        now_s = self._session.around.clock.now_ms() / 1000
        return msgspec.json.encode(
            {
                "msg_id": msg_id,
                "msg_type": msg_type,
                "username": "carnet",
                "session": f"ask-{self._session.state.journal_id}",
                "date": datetime.fromtimestamp(now_s, UTC).isoformat(),
                "version": "5.5",
                "subshell_id": subshell_id,
            }
        )


def _message_of(question: Question) -> tuple[str, bytes]:
    match question:
        case Complete(code=code, cursor=cursor):
            return "complete_request", msgspec.json.encode({"code": code, "cursor_pos": cursor})
        case Inspect(code=code, cursor=cursor, detail=detail):
            return "inspect_request", msgspec.json.encode(
                {"code": code, "cursor_pos": cursor, "detail_level": detail}
            )
        case IsComplete(code=code):
            return "is_complete_request", msgspec.json.encode({"code": code})
        case _:
            assert_never(question)
