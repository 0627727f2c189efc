"""Cells that somebody else's client runs over its kernel socket: the notebook of the kernel is told first.

Rules KW8 to KW10: docs/specs/kernel-socket.md.
"""

from carnet.core.wire.kernel_socket import FromClient, cell_request
from carnet.ids import KernelId, RunId
from carnet.live.session import Session
from carnet.server.workbench import Workbench


class CellRuns:
    """What one client's line tells the open notebook that its kernel belongs to."""

    def __init__(self, bench: Workbench, kernel_id: KernelId, client: str, *, by: str) -> None:
        self._bench = bench
        self._kernel_id = kernel_id
        self._client = client
        self._by = by
        self._last: Session | None = None

    def came(self) -> None:
        """The line is open."""
        session = self._session()
        if session is not None:
            session.elsewhere.came(self._client)

    def left(self) -> None:
        """The line is closed."""
        session = self._session() or self._last
        if session is not None:
            session.elsewhere.left(self._client)

    def asks(self, message: FromClient) -> bool:
        """Return whether this message, which goes to the kernel next, is a run of a cell now."""
        asked = cell_request(message)
        session = self._session() if asked is not None else None
        if asked is None or session is None or self._is_shared(session):
            return False
        return session.elsewhere.asks(
            message.msg_id, asked.cell_id, asked.source, client=self._client, by=self._by
        )

    def sent(self, message: FromClient) -> None:
        """The kernel host has taken it."""
        session = self._session()
        if session is not None:
            session.elsewhere.sent(RunId(message.msg_id))

    def not_sent(self, message: FromClient, *, for_sure: bool) -> None:
        """The kernel host has not."""
        session = self._session()
        if session is not None:
            session.elsewhere.not_sent(RunId(message.msg_id), for_sure=for_sure)

    def answered(self) -> None:
        """The client has answered a question of the kernel."""
        session = self._session()
        if session is not None:
            session.elsewhere.answered()

    def _session(self) -> Session | None:
        session = self._bench.registry.bound_to(self._kernel_id)
        if session is not None:
            self._last = session
        return session

    def _is_shared(self, session: Session) -> bool:
        """Return whether programs write what they run into a shared document of this notebook (CB12)."""
        rooms = self._bench.rooms
        return rooms is not None and rooms.has_members(session.state.journal_id)
