"""The account page: password, one-time codes, devices, tokens; and what the audit says of all of it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from carnet.clock import SystemClock
from carnet.lib import passwd
from carnet.security.state import SecurityState
from carnet.security.totp import code_at
from carnet.server.handlers.account import CONFIRMED
from tests.server.serving import Browser, Response, Server, serve
from tests.support.signing_in import forget_confirmations

PASSWORD = "a long enough one"
OLD = passwd(PASSWORD, "sha1")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path, f"--NotebookApp.password={OLD}") as running:
        yield running


def sign_in(server: Server, password: str, code: str = "") -> Browser | None:
    form = server.ask("GET", "login").cookies()["_xsrf"]
    body = urlencode({"password": password, "_xsrf": form, "code": code})
    got = server.ask(
        "POST", "login", body, {**FORM, "Cookie": f"_xsrf={form}", "User-Agent": "Firefox/9 Linux"}
    )
    return Browser(server, got.cookies()) if got.status == 302 else None


def signed_in(server: Server, password: str = PASSWORD, code: str = "") -> Browser:
    browser = sign_in(server, password, code)
    assert browser is not None
    return browser


def act(browser: Browser, action: str, **fields: str | list[str]) -> Response:
    body = urlencode({"action": action, "_xsrf": browser.xsrf, **fields}, doseq=True)
    return browser.ask("POST", "account", body, FORM)


def events(server: Server) -> list[str]:
    state = SecurityState.open(server.state_folder, SystemClock())
    found = [one.event for one in state.audit.latest(100)]
    state.close()
    return found


def test_an_old_hash_is_renewed_at_the_next_login_and_the_file_is_not_touched(locked: Server) -> None:
    signed_in(locked)

    state = SecurityState.open(locked.state_folder, SystemClock())
    (user,) = [one.user for one in state.audit.latest(9, event="password-renewed")]
    assert state.accounts.password_hash(user, OLD).startswith("argon2:$argon2id$")
    state.close()
    assert events(locked) == ["server-started", "password-renewed", "login"]
    assert sign_in(locked, PASSWORD) is not None


def test_a_new_password_signs_every_other_device_out(locked: Server) -> None:
    other, browser = signed_in(locked), signed_in(locked)

    done = act(browser, "password", current=PASSWORD, new="another long one", again="another long one")

    assert (done.status, done.headers["Location"]) == (303, "./account?done=password")
    assert browser.ask("GET", "api/me").status == 200
    assert other.ask("GET", "api/me").status == 403
    assert sign_in(locked, PASSWORD) is None
    assert sign_in(locked, "another long one") is not None
    assert "password-changed" in events(locked)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"current": "wrong", "new": "another long one", "again": "another long one"},
            "That is not the password.",
        ),
        ({"current": PASSWORD, "new": "another long one", "again": "different"}, "do not match"),
        ({"current": PASSWORD, "new": "short", "again": "short"}, "at least 12"),
    ],
)
def test_a_password_that_is_not_changed(locked: Server, fields: dict[str, str], words: str) -> None:
    browser = signed_in(locked)

    done = act(browser, "password", **fields)

    assert done.status == 403
    assert words in done.body.decode()
    assert sign_in(locked, PASSWORD) is not None


def test_devices_are_listed_and_signed_out(locked: Server) -> None:
    first, second, third = (signed_in(locked) for _ in range(3))
    page = first.ask("GET", "account").body.decode()
    assert page.count("<strong>Firefox on Linux") == 3
    assert page.count("this device") == 1

    act(first, "end-others")
    assert [one.ask("GET", "api/me").status for one in (first, second, third)] == [200, 403, 403]

    gone = act(first, "end-all")
    assert gone.headers["Location"] == "./login"
    assert first.ask("GET", "api/me").status == 403
    assert events(locked).count("login-revoked") == 3


def test_a_token_is_shown_once_and_can_be_revoked(locked: Server) -> None:
    browser = signed_in(locked)

    page = act(browser, "token-create", name="<b>ci</b>", scope=["read", "run"], expires="90d").body.decode()

    token = re.search(r"carnet_[0-9a-f]{8}_[\w-]{43}", page)
    assert token is not None
    assert "&lt;b&gt;ci&lt;/b&gt;" in page
    assert "<b>ci" not in page
    header = {"Authorization": f"Bearer {token[0]}"}
    assert locked.ask("GET", "api/status", headers=header).status == 200
    again = browser.ask("GET", "account").body.decode()
    assert token[0] not in again
    identifier = re.search(r'name="token" value="([0-9a-f]{8})"', again)
    assert identifier is not None

    act(browser, "token-revoke", token=identifier[1])

    assert locked.ask("GET", "api/status", headers=header).status == 403
    assert {"token-created", "token-revoked"} <= set(events(locked))


def test_one_time_codes_are_set_up_asked_for_and_removed(locked: Server) -> None:
    browser = signed_in(locked)
    page = act(browser, "totp-begin", current=PASSWORD).body.decode()
    secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert secret is not None
    assert 'src="data:image/svg+xml' in page

    wrong = act(browser, "totp-confirm", secret=secret[1], code="000000")
    assert wrong.status == 401
    step = time.time_ns() // 10**9 // 30
    right = act(browser, "totp-confirm", secret=secret[1], code=code_at(secret[1], step)).body.decode()
    recovery = re.findall(r"<li><code>([0-9a-f ]+)</code></li>", right)

    assert len(recovery) == 8
    assert b"One-time code" in locked.ask("GET", "login").body
    assert sign_in(locked, PASSWORD) is None
    assert sign_in(locked, PASSWORD, recovery[0]) is not None
    assert sign_in(locked, PASSWORD, recovery[0]) is None
    assert sign_in(locked, PASSWORD, code_at(secret[1], step + 1)) is not None
    assert act(browser, "totp-remove", current=PASSWORD).headers["Location"] == "./account?done=no-codes"
    assert sign_in(locked, PASSWORD) is not None
    assert {"totp-set-up", "totp-removed", "second-factor-refused"} <= set(events(locked))


TOKEN_FIELDS: dict[str, str | list[str]] = {"name": "robot", "scope": ["read", "run"], "expires": "1d"}


@pytest.mark.parametrize("action", CONFIRMED)
def test_ac57_what_adds_a_key_or_weakens_the_lock_asks_after_ten_minutes(locked: Server, action: str) -> None:
    browser = signed_in(locked)
    forget_confirmations(locked.state_folder)

    asked = act(browser, action, **TOKEN_FIELDS, secret="A" * 32, code="1", login="other", passkey_id="x")

    assert asked.status == 403
    page = asked.body.decode()
    assert "Confirm that it is you" in page
    assert CONFIRMED[action] in page
    assert page.count('type="password"') == 1
    for field in ('name="scope" value="read"', 'name="scope" value="run"', 'name="login" value="other"'):
        assert field in page, "what was asked for goes on after it"
    wrong = act(browser, action, **TOKEN_FIELDS, current="wrong")
    assert wrong.status == 403
    assert "That is not the password." in wrong.body.decode()
    assert not {"token-created", "login-revoked", "totp-set-up"} & set(events(locked))


def test_ac57_once_confirmed_it_goes_on_and_is_not_asked_again(locked: Server) -> None:
    browser, other = signed_in(locked), signed_in(locked)
    forget_confirmations(locked.state_folder)

    made = act(browser, "token-create", **TOKEN_FIELDS, current=PASSWORD)
    assert re.search(r"carnet_[0-9a-f]{8}_", made.body.decode())
    assert act(browser, "token-create", **{**TOKEN_FIELDS, "name": "second"}).status == 200
    # It is this login that showed who it is, and no other.
    assert act(other, "token-create", **TOKEN_FIELDS).status == 403
    # And a password is never changed without it.
    refused = act(browser, "password", new="another long one", again="another long one")
    assert (refused.status, events(locked).count("password-changed")) == (403, 0)


def test_ac57_a_stolen_cookie_sets_up_no_codes_of_its_own(locked: Server) -> None:
    browser = signed_in(locked)
    forget_confirmations(locked.state_folder)
    secret = "A" * 32
    step = time.time_ns() // 10**9 // 30

    assert act(browser, "totp-confirm", secret=secret, code=code_at(secret, step)).status == 403
    assert sign_in(locked, PASSWORD) is not None


def test_ac57_signing_oneself_out_and_revoking_ask_for_nothing(locked: Server) -> None:
    browser = signed_in(locked)
    made = act(browser, "token-create", **TOKEN_FIELDS)
    token = re.search(r'name="token" value="([0-9a-f]{8})"', made.body.decode())
    assert token is not None
    forget_confirmations(locked.state_folder)
    assert act(browser, "token-revoke", token=token[1]).status == 303
    own = re.search(r'name="login" value="([0-9a-f]{64})"', browser.ask("GET", "account").body.decode())
    assert own is not None
    assert act(browser, "end", login=own[1]).headers["Location"] == "./login"


def test_ac57_the_servers_own_token_signs_in_and_confirms_nothing(tmp_path: Path) -> None:
    with serve(tmp_path, f"--NotebookApp.password={OLD}", token="T0ken-of-a-test") as server:
        for browser in (
            Browser(server, server.ask("GET", "?token=T0ken-of-a-test").cookies()),
            signed_in(server, "T0ken-of-a-test"),
        ):
            assert act(browser, "token-create", **TOKEN_FIELDS).status == 403
            assert act(browser, "token-create", **TOKEN_FIELDS, current="T0ken-of-a-test").status == 403
        assert act(signed_in(server), "token-create", **TOKEN_FIELDS).status == 200


def test_ac57_a_program_with_a_token_shows_the_password_each_time(locked: Server) -> None:
    made = act(signed_in(locked), "token-create", name="robot", scope="admin", expires="1d").body.decode()
    token = re.search(r"carnet_[0-9a-f]{8}_[\w-]+", made)
    assert token is not None
    form = locked.ask("GET", "login").cookies()["_xsrf"]

    def ask(**fields: str) -> int:
        body = urlencode(
            {"action": "token-create", **TOKEN_FIELDS, "name": "two", "_xsrf": form, **fields}, doseq=True
        )
        headers = {**FORM, "Authorization": f"token {token[0]}", "Cookie": f"_xsrf={form}"}
        return locked.ask("POST", "account", body, headers).status

    assert [ask(), ask(current="wrong"), ask(current=PASSWORD), ask()] == [403, 403, 200, 403]


def test_ac58_pages_sign_others_out_through_the_api_once_confirmed(locked: Server) -> None:
    browser, other = signed_in(locked), signed_in(locked)
    forget_confirmations(locked.state_folder)
    logins = browser.ask("GET", "api/logins").json()
    theirs, own = (next(one["id"] for one in logins if one["is_this"] is is_own) for is_own in (False, True))
    headers = {"X-XSRFToken": browser.xsrf}

    for path in ("api/logins", f"api/logins/{theirs}"):
        refused = browser.ask("DELETE", path, headers=headers)
        assert (refused.status, refused.json()["reason"]) == (403, "confirm")
    assert other.ask("GET", "api/me").status == 200
    act(browser, "token-create", **TOKEN_FIELDS, current=PASSWORD)
    assert browser.ask("DELETE", f"api/logins/{theirs}", headers=headers).status == 204
    assert other.ask("GET", "api/me").status == 403
    forget_confirmations(locked.state_folder)
    assert browser.ask("DELETE", f"api/logins/{own}", headers=headers).status == 204


def test_a_form_without_its_xsrf_token_does_nothing(locked: Server) -> None:
    browser = signed_in(locked)
    body = urlencode({"action": "end-all"})

    assert browser.ask("POST", "account", body, FORM).status == 403
    assert act(browser, "no-such-action").status == 403
    assert browser.ask("GET", "api/me").status == 200


def test_the_page_is_for_who_is_signed_in(locked: Server) -> None:
    answer = locked.ask("GET", "account")

    assert (answer.status, answer.headers["Location"]) == (302, "./login?next=%2Faccount")


def test_ac37_an_open_page_signs_in_again_in_place(locked: Server) -> None:
    json = {"Accept": "application/json"}
    asked = locked.ask("GET", "login", headers=json)
    form = asked.json()
    assert {name: form[name] for name in ("wants", "code", "message")} == {
        "wants": "Password",
        "code": False,
        "message": "",
    }
    cookie = {"Cookie": f"_xsrf={asked.cookies()['_xsrf']}"}
    wrong = locked.ask(
        "POST", "login", urlencode({"password": "no", "_xsrf": form["xsrf"]}), {**FORM, **json, **cookie}
    )
    right = locked.ask(
        "POST", "login", urlencode({"password": PASSWORD, "_xsrf": form["xsrf"]}), {**FORM, **json, **cookie}
    )

    assert (wrong.status, wrong.json()["message"]) == (401, "That is not the password.")
    browser = Browser(locked, right.cookies())
    assert right.status == 200
    assert browser.ask("POST", "api/contents", b"{}", {"X-XSRFToken": right.json()["xsrf"]}).status == 201


def test_ac37_who_asks_and_is_signed_in_gets_the_right_xsrf_token_back(locked: Server) -> None:
    json = {"Accept": "application/json"}
    browser = signed_in(locked)
    login = {name: value for name, value in browser.cookies.items() if name != "_xsrf"}
    # Another tab showed the form, and with it came a cookie of the same name.
    mixed = Browser(locked, {**login, "_xsrf": locked.ask("GET", "login").cookies()["_xsrf"]})

    answer = mixed.ask("GET", "login", headers=json)

    assert answer.status == 200
    assert answer.json() == {
        "user": browser.ask("GET", "api/me").json()["identity"]["username"],
        "xsrf": browser.xsrf,
    }
    assert mixed.xsrf == browser.xsrf


def test_ac38_a_browser_is_told_why_it_is_not_signed_in_any_more(locked: Server) -> None:
    def why(browser: Browser) -> str:
        answer = browser.ask("GET", "login", headers={"Accept": "application/json"})
        assert answer.json()["reason"] == "login"
        return str(answer.json()["why"])

    first, second, third = (signed_in(locked) for _ in range(3))
    first.ask("POST", "logout", urlencode({"_xsrf": first.xsrf}), FORM)
    first.cookies.pop(locked.cookie_name)
    act(second, "end-others")
    act(second, "password", current=PASSWORD, new="another long one", again="another long one")
    fourth = signed_in(locked, "another long one")
    act(fourth, "password", current="another long one", new=PASSWORD, again=PASSWORD)

    assert [why(one) for one in (first, third, second)] == [
        "You signed out in this browser.",
        "This device was signed out from another one.",
        "The password was changed, and every device signed out.",
    ]


def test_another_configured_password_signs_all_out(tmp_path: Path) -> None:
    with serve(tmp_path, f"--NotebookApp.password={OLD}") as first:
        browser, port = signed_in(first), first.port
    with serve(tmp_path, f"--NotebookApp.password={passwd('another', 'sha1')}", f"--port={port}") as second:
        assert second.ask("GET", "api/me", headers={"Cookie": browser.cookie_header()}).status == 403


def test_wrong_tries_survive_a_restart(tmp_path: Path) -> None:
    with serve(tmp_path, f"--NotebookApp.password={OLD}") as first:
        for _ in range(5):
            assert sign_in(first, "wrong") is None
    with serve(tmp_path, f"--NotebookApp.password={OLD}") as second:
        form = second.ask("GET", "login").cookies()["_xsrf"]
        body = urlencode({"password": PASSWORD, "_xsrf": form})
        answer = second.ask("POST", "login", body, {**FORM, "Cookie": f"_xsrf={form}"})

        assert answer.status == 429
        assert events(second).count("login-refused") == 5
        assert "login-throttled" in events(second)
