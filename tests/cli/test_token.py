"""`carnet token`."""

from carnet.clock import SystemClock
from carnet.security.state import SecurityState
from tests.cli.conftest import Home


def test_a_token_is_printed_once_and_alone(home: Home) -> None:
    done = home.run("token", "create", "ci", "--scope=run,edit")

    assert done.out.startswith("carnet_")
    assert len(done.out.split()) == 1
    assert "It may read run edit, until 2" in done.err
    assert done.out.strip() not in home.run("token", "list").out


def test_a_server_knows_it_until_it_is_revoked(home: Home) -> None:
    text = home.run("token", "create", "ci", "--scope=read", "--expires=never").out.strip()
    state = SecurityState.open(home.state, SystemClock())
    assert state.tokens.find(text) is not None

    assert home.run("token", "revoke", "ci").out == "Revoked ci.\n"

    assert state.tokens.find(text) is None
    assert [one.event for one in state.audit.latest(9)] == ["token-created", "token-revoked"]
    state.close()


def test_list_says_what_each_may_do_and_until_when(home: Home) -> None:
    home.run("token", "create", "ci", "--scope=read", "--expires=never")

    assert home.run("token", "list").out.split() == [
        "ci",
        "read",
        "until",
        "revoked",
        "last",
        "used",
        "never",
    ]


def test_mistakes_are_one_sentence(home: Home) -> None:
    assert "--scope=read, run, edit or admin" in home.run("token", "create", "ci").err
    assert "is not a scope" in home.run("token", "create", "ci", "--scope=write").err
    assert "is not a span" in home.run("token", "create", "ci", "--scope=read", "--expires=soon").err
    assert "no token 'x'" in home.run("token", "revoke", "x").err
    assert "carnet token create NAME" in home.run("token").err
