"""Passwords that stand in for the configured one (AC28 to AC30)."""

from pathlib import Path

from carnet.security.state import SecurityState
from carnet.testing.fake_clock import FakeClock


def test_ac28_without_more_the_configured_hash_is_in_force(state: SecurityState) -> None:
    assert state.accounts.password_hash("ada", "sha1:a:b") == "sha1:a:b"
    assert state.accounts.password_hash("ada", "") == ""


def test_ac28_a_new_hash_stands_in_for_the_configured_one(state: SecurityState) -> None:
    state.accounts.set_password("ada", "argon2:new", configured="sha1:a:b")

    assert state.accounts.password_hash("ada", "sha1:a:b") == "argon2:new"
    assert state.accounts.password_hash("bob", "sha1:a:b") == "sha1:a:b"


def test_ac29_another_configured_hash_wins_again(state: SecurityState) -> None:
    state.accounts.set_password("ada", "argon2:new", configured="sha1:a:b")

    assert state.accounts.password_hash("ada", "sha1:c:d") == "sha1:c:d"


def test_ac29_it_is_told_when_the_configuration_says_something_else(state: SecurityState) -> None:
    said = [state.accounts.note_configured("ada", one) for one in ("", "", "sha1:a:b", "sha1:a:b", "")]

    assert said == [False, False, True, False, True]


def test_ac30_it_survives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    first = SecurityState.open(tmp_path, clock)
    first.accounts.set_password("ada", "argon2:new", configured="")
    first.close()

    second = SecurityState.open(tmp_path, clock)

    assert second.accounts.password_hash("ada", "") == "argon2:new"
    second.close()
