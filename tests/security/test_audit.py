"""The audit record (AC25 to AC27)."""

from carnet.security.audit import Audit, Record
from carnet.security.state import SecurityState
from carnet.testing.fake_clock import FakeClock


def test_ac25_what_happened_is_there_in_order(state: SecurityState, clock: FakeClock) -> None:
    first_ms = clock.now_ms()
    state.audit.note("login-refused", address="192.0.2.1")
    clock.advance(1)
    state.audit.note("login", user="ada", address="192.0.2.1", detail="Firefox on Linux")

    assert state.audit.latest(10) == [
        Record(1, first_ms, "login-refused", "", "192.0.2.1", ""),
        Record(2, first_ms + 1000, "login", "ada", "192.0.2.1", "Firefox on Linux"),
    ]
    assert [one.event for one in state.audit.latest(1)] == ["login"]
    assert [one.event for one in state.audit.latest(10, event="login-refused")] == ["login-refused"]


def test_ac26_it_does_not_grow_without_end(state: SecurityState, clock: FakeClock) -> None:
    audit = Audit(state.connection, clock, kept=3)
    for number in range(10):
        audit.note("login", detail=str(number))

    assert [one.detail for one in audit.latest(10)] == ["7", "8", "9"]


def test_ac27_nobody_can_write_lines_of_their_own_into_it(state: SecurityState) -> None:
    state.audit.note("login", detail="Firefox\n2026-01-01 login\x1b[2J" + "x" * 1000)

    (record,) = state.audit.latest(1)

    assert record.detail.isprintable()
    assert len(record.detail) == 200
