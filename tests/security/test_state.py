"""The tables together."""

from pathlib import Path

from carnet.security.state import SecurityState
from carnet.testing.fake_clock import FakeClock


def test_two_processes_share_the_tables(tmp_path: Path, clock: FakeClock) -> None:
    server, command = SecurityState.open(tmp_path, clock), SecurityState.open(tmp_path, clock)

    command.audit.note("server-started")

    assert [one.event for one in server.audit.latest(5)] == ["server-started"]
    server.close()
    command.close()


def test_the_database_is_its_owners_only(tmp_path: Path, clock: FakeClock) -> None:
    SecurityState.open(tmp_path / "new", clock).close()

    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}
