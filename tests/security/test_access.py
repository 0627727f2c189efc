"""The gate, fact by fact. That every route goes through it: tests/server/test_front.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet.clock import SystemClock
from carnet.security.access import Asked, Gate, GateRules, Identity, Kind, Refusal, Who
from carnet.security.logins import LoginTable
from carnet.security.throttle import ADDRESS_BURST, Throttle
from carnet.security.xsrf import token_of_login

BASE = Asked(
    method="GET", host="localhost:8888", scheme="http", local_address="127.0.0.1", remote_address="127.0.0.1"
)


@pytest.fixture
def logins(tmp_path: Path) -> Iterator[LoginTable]:
    table = LoginTable(tmp_path, SystemClock())
    yield table
    table.close()


def gate(
    logins: LoginTable, *, token: str = "t" * 48, has_password: bool = False, chosen: bool = False
) -> Gate:
    rules = GateRules(
        user="ann",
        token=token,
        has_password=has_password,
        token_is_chosen=chosen,
        host_names=frozenset({"mine"}),
    )
    return Gate(rules, logins, Throttle(), SystemClock())


def reason(verdict: Identity | Refusal) -> str:
    return verdict.reason if isinstance(verdict, Refusal) else verdict.how


def test_ac1_the_order_is_host_origin_login_xsrf(logins: LoginTable) -> None:
    door = gate(logins)
    secret, _ = logins.create("ann", user_agent="", address="")
    asked = BASE._replace(method="POST", host="evil", origin="http://evil")
    steps = []
    for better in (
        {},
        {"host": "mine"},
        {"origin": "http://mine"},
        {"cookie": secret},
        {"xsrf": token_of_login(secret)},
    ):
        asked = asked._replace(**better)
        steps.append(reason(door.admit(asked, Who.LOGIN, Kind.API)))

    assert steps == ["host", "origin", "login", "xsrf", "login"]
    assert isinstance(door.admit(asked, Who.LOGIN, Kind.API), Identity)


def test_ac3_a_token_needs_no_origin_and_no_xsrf_but_the_right_host(logins: LoginTable) -> None:
    door = gate(logins)
    asked = BASE._replace(method="DELETE", token="t" * 48, origin="http://evil", fetch_site="cross-site")

    assert door.admit(asked, Who.LOGIN, Kind.API) == Identity("ann", "token")
    assert reason(door.admit(asked._replace(host="evil"), Who.LOGIN, Kind.API)) == "host"
    assert reason(door.admit(asked._replace(token="wrong"), Who.LOGIN, Kind.API)) == "origin"


def test_ac5_fetch_metadata_only_refuses(logins: LoginTable) -> None:
    door = gate(logins)
    same = BASE._replace(fetch_site="same-origin", origin="http://evil")

    assert reason(door.admit(same, Who.PUBLIC, Kind.STATIC)) == "origin"
    for kind in Kind:
        link = BASE._replace(fetch_site="cross-site", fetch_mode="navigate", fetch_dest="document")
        expected = "nobody" if kind in {Kind.PAGE, Kind.FILE, Kind.FORM} else "origin"
        assert reason(door.admit(link, Who.PUBLIC, kind)) == expected
        assert reason(door.admit(link._replace(fetch_dest="iframe"), Who.PUBLIC, kind)) == "origin"
        assert reason(door.admit(link._replace(method="POST"), Who.PUBLIC, kind)) == "origin"


def test_ac5_a_referer_only_refuses_and_only_where_nothing_else_says_so(logins: LoginTable) -> None:
    door = gate(logins, token="")
    led = BASE._replace(referer="https://evil.example/page")
    own = f"{BASE.scheme}://{BASE.host}"

    assert reason(door.admit(led, Who.LOGIN, Kind.API)) == "origin"
    assert reason(door.admit(led, Who.LOGIN, Kind.FILE)) == "origin"
    for kind in (Kind.PAGE, Kind.FORM):
        assert reason(door.admit(led, Who.LOGIN, kind)) == "open"
    for better in (
        {"xsrf": door.form_tokens.make()},
        {"referer": own},
        {"referer": f"{own}/lab?x=https://evil.example"},
        {"fetch_site": "same-origin"},
        {"origin": own},
        {"referer": None},
    ):
        assert reason(door.admit(led._replace(**better), Who.LOGIN, Kind.API)) == "open"
    for worse in (f"{own}.evil.example/", f"{own}@evil.example/", "evil", "", f"ftp://{BASE.host}/"):
        assert reason(door.admit(led._replace(referer=worse), Who.LOGIN, Kind.API)) == "origin"
    assert reason(door.admit(led, Who.PUBLIC, Kind.STATIC)) == "open"


def test_ac6_an_open_server_still_refuses_foreign_pages(logins: LoginTable) -> None:
    door = gate(logins, token="")
    write = BASE._replace(method="PUT")

    assert door.admit(BASE, Who.LOGIN, Kind.API) == Identity("ann", "open")
    assert reason(door.admit(write, Who.LOGIN, Kind.API)) == "xsrf"
    assert reason(door.admit(write._replace(xsrf=door.form_tokens.make()), Who.LOGIN, Kind.API)) == "open"
    assert reason(door.admit(BASE._replace(origin="http://evil"), Who.LOGIN, Kind.SOCKET)) == "origin"
    assert reason(door.admit(BASE._replace(token=""), Who.LOGIN, Kind.API)) == "open"


def test_ac6_a_password_alone_makes_a_server_closed(logins: LoginTable) -> None:
    assert reason(gate(logins, token="", has_password=True).admit(BASE, Who.LOGIN, Kind.API)) == "login"
    assert (
        reason(gate(logins, token="", has_password=True).admit(BASE._replace(token=""), Who.LOGIN, Kind.API))
        == "login"
    )


def test_ac9_a_token_that_a_person_chose_is_throttled_like_a_password(logins: LoginTable) -> None:
    door = gate(logins, token="short", chosen=True)
    wrong = BASE._replace(token="x")
    reasons = [reason(door.admit(wrong, Who.LOGIN, Kind.API)) for _ in range(ADDRESS_BURST + 1)]

    assert reasons == ["login"] * ADDRESS_BURST + ["throttled"]
    assert reason(door.admit(BASE._replace(token="short"), Who.LOGIN, Kind.API)) == "throttled"


def test_ac9_a_generated_one_is_not_so_an_old_tab_locks_nobody_out(logins: LoginTable) -> None:
    door = gate(logins)
    reasons = {reason(door.admit(BASE._replace(token="old"), Who.LOGIN, Kind.API)) for _ in range(100)}

    assert reasons == {"login"}
