"""A follower puts a flood together, and holds nothing back that somebody waits for."""

import msgspec

from carnet.core.session.operations import FinishRun
from carnet.core.wire.link import Entries, ToBrowser
from carnet.ids import CellId, ClientId
from carnet.live.follower import Follower
from carnet.live.rate import RateGate
from tests.live.conftest import World, until
from tests.live.test_session import a_run, a_session

AN_HOUR_S = 3600.0


class Line:
    """A line that takes everything at once."""

    def __init__(self) -> None:
        self.frames: list[ToBrowser] = []

    def send(self, data: bytes) -> None:
        self.frames.append(msgspec.msgpack.decode(data, type=ToBrowser))

    def buffered_bytes(self) -> int:
        return 0

    def finished(self) -> bool:
        """Whether the end of a run has come."""
        entries = [entry for frame in self.frames if isinstance(frame, Entries) for entry in frame.entries]
        return any(isinstance(op, FinishRun) for entry in entries for op in entry.ops)


async def test_what_ends_the_last_run_is_sent_at_once(world: World) -> None:
    session = await a_session(world, "pass")
    kernel_id = await a_run(world, session, "c1")
    line = Line()
    follower = Follower(session, follow=1, client_id=ClientId("tab"), journal_id=None, have=0, line=line)
    follower._gate = RateGate(burst=1, interval_s=AN_HOUR_S)
    follower._gate.acted(session.around.clock.monotonic_s())

    fake = world.host.fakes[kernel_id]
    fake.play(fake.runs[0], [("stream", {"name": "stdout", "text": "x"})])
    await until(session, line.finished)

    assert session.state.cells[CellId("c1")].cell.outputs
    follower.leave()
