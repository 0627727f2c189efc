"""Second factors of a person (AC31 to AC33)."""

from carnet.security.state import SecurityState
from carnet.security.totp import code_at, new_secret
from carnet.testing.fake_clock import FakeClock


def code_now(secret: str, clock: FakeClock) -> str:
    return code_at(secret, clock.now_ms() // 30_000)


def test_ac32_it_is_set_up_only_with_a_code_of_the_app(state: SecurityState) -> None:
    assert state.factors.set_up("ada", new_secret(), "000 000") is None
    assert not state.factors.has_totp("ada")


def test_ac32_a_code_works_once(state: SecurityState, clock: FakeClock) -> None:
    secret = new_secret()
    assert state.factors.set_up("ada", secret, code_now(secret, clock)) is not None
    assert not state.factors.take("ada", code_now(secret, clock))  # it was used to set up

    clock.advance(30)
    code = code_now(secret, clock)

    assert state.factors.take("ada", code)
    assert not state.factors.take("ada", code)
    assert not state.factors.take("bob", code)


def test_ac33_each_recovery_code_works_once(state: SecurityState, clock: FakeClock) -> None:
    secret = new_secret()
    codes = state.factors.set_up("ada", secret, code_now(secret, clock))
    assert codes is not None
    assert len(set(codes)) == 8

    assert state.factors.take("ada", codes[3].upper().replace(" ", ""))
    assert not state.factors.take("ada", codes[3])
    assert state.factors.recovery_codes_left("ada") == 7


def test_ac33_nothing_is_left_of_a_removed_factor(state: SecurityState, clock: FakeClock) -> None:
    secret = new_secret()
    codes = state.factors.set_up("ada", secret, code_now(secret, clock))
    assert codes is not None

    assert state.factors.remove("ada")

    assert not state.factors.has_totp("ada")
    assert not state.factors.take("ada", codes[0])
    assert not state.factors.remove("ada")
