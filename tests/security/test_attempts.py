"""Wrong tries that survive a restart (AC11)."""

from carnet.security.attempts import Level
from carnet.security.state import SecurityState


def test_ac11_levels_are_kept_and_forgotten(state: SecurityState) -> None:
    state.attempts.keep({"a": Level(2.5, 1000), "b": Level(0.0, 2000)}, forget_before_ms=0)
    state.attempts.keep({"a": Level(1.5, 3000)}, forget_before_ms=1500)
    assert state.attempts.load() == {"b": Level(0.0, 2000), "a": Level(1.5, 3000)}

    state.attempts.forget("a")
    state.attempts.keep({}, forget_before_ms=2500)

    assert state.attempts.load() == {}
