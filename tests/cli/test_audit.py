"""`carnet audit`."""

import json

from carnet.clock import SystemClock
from carnet.security.state import SecurityState
from tests.cli.conftest import Home


def test_it_shows_what_happened_the_last_record_at_the_end(home: Home) -> None:
    state = SecurityState.open(home.state, SystemClock())
    state.audit.note("login-refused", address="192.0.2.1")
    state.audit.note("login", user="ada", address="192.0.2.1", detail="Firefox on Linux")
    state.close()

    first, second = home.run("audit").out.splitlines()

    assert first.split()[3:] == ["login-refused", "from", "192.0.2.1"]
    assert second.split()[3:] == ["login", "ada", "from", "192.0.2.1", "Firefox", "on", "Linux"]
    assert [
        json.loads(line)["event"] for line in home.run("audit", "--json", "--last=1").out.splitlines()
    ] == ["login"]
    assert "login-refused" in home.run("audit", "--event=login-refused").out


def test_mistakes_are_one_sentence(home: Home) -> None:
    assert "a number is wanted" in home.run("audit", "--last=all").err
    assert "there is no event 'x'" in home.run("audit", "--event=x").err
