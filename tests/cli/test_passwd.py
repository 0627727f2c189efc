"""`carnet passwd`."""

import pytest

from carnet.clock import SystemClock
from carnet.security.logins import LoginTable
from carnet.security.owner import owner_name
from carnet.security.passwords import check_password
from carnet.security.state import SecurityState
from carnet.security.totp import code_at, new_secret
from tests.cli.conftest import Home, Ran

pytestmark = pytest.mark.slow  # argon2


def test_it_prints_a_hash_and_nothing_else(home: Home) -> None:
    home.types("a few long words", "a few long words")

    done = home.run("passwd")

    assert check_password(done.out.strip(), "a few long words")
    assert "c.NotebookApp.password" in done.err


def test_a_short_one_is_asked_for_again(home: Home) -> None:
    home.types("short", "short", "long enough now", "long enough now")

    done = home.run("passwd")

    assert "at least 12 characters" in done.err
    assert check_password(done.out.strip(), "long enough now")


def test_without_a_terminal_the_first_line_is_the_password(home: Home) -> None:
    home.gets("a few long words\nanother line\n")
    assert check_password(home.run("passwd").out.strip(), "a few long words")

    home.gets("short\n")
    assert "it needs at least 12 characters" in home.run("passwd").err


@pytest.mark.parametrize(
    ("pressed", "code", "said"),
    [(KeyboardInterrupt, 130, "\n"), (EOFError, 1, "\ncarnet: Nobody answered: the input has ended.\n")],
)
def test_who_presses_ctrl_c_is_not_shown_a_traceback(
    home: Home, pressed: type[BaseException], code: int, said: str
) -> None:
    home.presses(pressed)

    assert home.run("passwd") == Ran(code, "", said)


def test_save_sets_it_for_the_server_and_signs_all_out(home: Home) -> None:
    logins = LoginTable(home.state, SystemClock())
    secret, _ = logins.create("ada", user_agent="", address="")
    home.types("a few long words", "a few long words")

    done = home.run("passwd", "--save")

    state = SecurityState.open(home.state, SystemClock())
    assert (done.code, done.out) == (0, "")
    assert check_password(state.accounts.password_hash(owner_name(), ""), "a few long words")
    assert logins.find(secret) is None
    logins.close()
    state.close()


def test_a_password_on_the_command_line_is_refused(home: Home) -> None:
    done = home.run("passwd", "secret")

    assert (done.code, done.out) == (1, "")
    assert "others can read" in done.err


def test_who_lost_the_telephone_gets_in_again_from_the_machine(home: Home) -> None:
    clock, user, secret = SystemClock(), owner_name(), new_secret()
    state = SecurityState.open(home.state, clock)
    code = code_at(secret, clock.now_ms() // 30_000)
    assert state.factors.set_up(user, secret, code) is not None
    home.types("a few long words", "a few long words")

    assert home.run("passwd", "--without-codes").code == 1
    assert home.run("passwd", "--save", "--without-codes").code == 0

    assert not state.factors.has_totp(user)
    state.close()
