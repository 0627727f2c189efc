"""Passkeys over HTTP: making one, signing in with it alone or beside the password, and what is refused and noted."""

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from carnet.clock import SystemClock
from carnet.lib import passwd
from carnet.security.audit import Record
from carnet.security.state import SecurityState
from tests.server.serving import Browser, Response, Server, run_cli, serve
from tests.support.authenticator import Authenticator
from tests.support.signing_in import forget_confirmations

PASSWORD = "a long enough one"
HASH = passwd(PASSWORD, "sha1")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Owner:
    """Somebody at a browser, at http://localhost, where browsers have passkeys without TLS."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.origin = f"http://localhost:{server.port}"
        self.here = {"Host": f"localhost:{server.port}"}
        self.browser: Browser | None = None

    def device(self, **more: Any) -> Authenticator:
        return Authenticator(self.origin, "localhost", **more)

    def get(self, path: str) -> Response:
        assert self.browser is not None
        return self.browser.ask("GET", path, headers=self.here)

    def sign_in(self, password: str = "", code: str = "", device: Authenticator | None = None) -> Response:
        """Post the login form."""
        shown = self.server.ask("GET", "login", headers=self.here)
        form = shown.cookies()["_xsrf"]
        answer = device.show(data(shown, "passkey")) if device else ""
        fields = {"password": password, "code": code, "passkey": answer, "_xsrf": form}
        got = self.post_login(fields, form)
        if got.status == 302:
            self.browser = Browser(self.server, got.cookies())
        return got

    def post_login(self, fields: Mapping[str, str], form: str, **headers: str) -> Response:
        cookie = {"Cookie": f"_xsrf={form}"}
        return self.server.ask("POST", "login", urlencode(fields), FORM | self.here | cookie | headers)

    def act(self, action: str, **fields: str) -> Response:
        """Post a form of the account page."""
        assert self.browser is not None
        body = urlencode({"action": action, "_xsrf": self.browser.xsrf, **fields})
        return self.browser.ask("POST", "account", body, FORM | self.here)

    def add(self, device: Authenticator, name: str = "Laptop") -> None:
        begun = self.act("passkey-begin", current=PASSWORD)
        done = self.act("passkey-add", name=name, passkey=device.make(data(begun, "new-passkey")))
        assert (done.status, done.headers["Location"]) == (303, "./account?done=passkey"), said(done)

    def audit(self) -> list[Record]:
        state = SecurityState.open(self.server.state_folder, SystemClock())
        found = list(state.audit.latest(100))
        state.close()
        return found


def data(page: Response, name: str) -> Mapping[str, Any]:
    found = re.search(f' data-{name}="([^"]*)"', page.body.decode())
    assert found is not None, said(page)
    options: Mapping[str, Any] = json.loads(unescape(found[1]))
    return options


def said(page: Response) -> str:
    found = re.search(r'role="alert">([^<]*)<', page.body.decode())
    return unescape(found[1]) if found else ""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    with serve(tmp_path, f"--NotebookApp.password={HASH}") as server:
        owner = Owner(server)
        assert owner.sign_in(PASSWORD).status == 302
        yield owner


def test_ac54_a_passkey_signs_in_without_the_password(owner: Owner) -> None:
    device = owner.device()
    before = owner.server.ask("GET", "login", headers=owner.here)
    assert b"<script" not in before.body
    owner.add(device)

    shown = owner.server.ask("GET", "login", headers=owner.here)
    nonce = re.search(r'<script nonce="([^"]+)">', shown.body.decode())
    assert nonce is not None
    policy = shown.headers["Content-Security-Policy"]
    assert f"script-src 'nonce-{nonce[1]}'; require-trusted-types-for 'script'" in policy
    assert 'autocomplete="current-password webauthn"' in shown.body.decode()
    got = owner.sign_in(device=device)
    assert (got.status, got.headers["Location"]) == (302, "./")
    assert owner.get("api/me").status == 200
    events = {one.event: one.detail for one in owner.audit()}
    assert events["passkey-added"] == "Laptop for localhost"
    assert events["login"].endswith(", by passkey Laptop")
    # At another name there is none, so nothing is asked for.
    assert b"<script" not in owner.server.ask("GET", "login").body


def test_ac54_without_a_pin_or_a_finger_it_is_good_beside_the_password_only(owner: Owner) -> None:
    device = owner.device(verifies=False)
    owner.add(device)

    alone = owner.sign_in(device=device)
    assert (alone.status, said(alone)) == (
        401,
        "This passkey did not ask who you are, by a PIN or a finger. Type the password as well.",
    )
    assert owner.sign_in("wrong", device=device).status == 401
    assert owner.sign_in(PASSWORD, device=device).status == 302
    assert b"only beside the password" in owner.get("account").body


def test_ac55_two_factors_can_be_required(owner: Owner) -> None:
    device, key = owner.device(), owner.device(verifies=False)
    owner.add(device)
    owner.add(key, "Key")

    forget_confirmations(owner.server.state_folder)
    assert owner.act("two-factors-on", current="wrong").status == 403
    on = owner.act("two-factors-on", current=PASSWORD)
    codes = re.findall(r"<li><code>([0-9a-f ]+)</code></li>", on.body.decode())
    assert (on.status, len(codes)) == (200, 8)

    assert owner.sign_in(PASSWORD).status == 401
    assert owner.sign_in(PASSWORD, device=key).status == 302
    assert owner.sign_in(device=device).status == 302
    assert owner.sign_in(PASSWORD, codes[0]).status == 302
    assert owner.sign_in(PASSWORD, codes[0]).status == 401
    assert b"7 recovery codes are left" in owner.get("account").body

    state = SecurityState.open(owner.server.state_folder, SystemClock())
    ids = [one.passkey_id for one in state.passkeys.all(owner.get("api/me").json()["identity"]["username"])]
    state.close()
    assert owner.act("passkey-remove", passkey_id=ids[0]).status == 303
    last = owner.act("passkey-remove", passkey_id=ids[1])
    assert (last.status, said(last)) == (
        403,
        "This is the only second factor. Let the password alone do first.",
    )
    off = owner.act("two-factors-off", current=PASSWORD)
    assert off.status == 303
    assert owner.sign_in(PASSWORD).status == 302
    events = [one.event for one in owner.audit()]
    assert {"two-factors-required", "two-factors-not-required", "second-factor-refused"} <= set(events)


def test_ac52_what_was_sent_once_opens_nothing_again(owner: Owner) -> None:
    device = owner.device()
    owner.add(device)
    shown = owner.server.ask("GET", "login", headers=owner.here)
    form = shown.cookies()["_xsrf"]
    fields = {"passkey": device.show(data(shown, "passkey")), "_xsrf": form}

    assert owner.post_login(fields, form).status == 302
    again = owner.post_login(fields, form)
    assert (again.status, said(again)) == (401, "That took too long, or it was sent twice. Try again.")
    # Nor with the form of another browser.
    other = owner.server.ask("GET", "login", headers=owner.here).cookies()["_xsrf"]
    stolen = device.show(data(shown, "passkey"))
    assert owner.post_login({"passkey": stolen, "_xsrf": other}, other).status == 401


def test_ac52_a_copy_is_noticed_and_noted(owner: Owner) -> None:
    device = owner.device()
    owner.add(device)
    assert owner.sign_in(device=device).status == 302
    device.count = 0
    refused = owner.sign_in(device=device)

    assert refused.status == 401
    assert "there may be a copy of it" in said(refused)
    (noted,) = [one for one in owner.audit() if one.event == "passkey-refused"]
    assert "there may be a copy" in noted.detail


def test_ac9_wrong_passkeys_are_counted(owner: Owner) -> None:
    owner.add(owner.device())
    foreign = owner.device()
    answers = [owner.sign_in(device=foreign) for _ in range(7)]

    assert {one.status for one in answers} == {401, 429}
    assert "Retry-After" in answers[-1].headers
    events = [one.event for one in owner.audit()]
    assert "login-throttled" in events
    assert events.count("passkey-refused") <= 6
    assert not any(foreign.credential_id.hex() in line for line in owner.server.lines)


def test_ac33_a_passkey_confirms_in_place_of_the_password(owner: Owner) -> None:
    device = owner.device()
    owner.add(device)
    new = {"new": "another long one", "again": "another long one"}

    page = owner.get("account")
    done = owner.act("password", current="", passkey=device.show(data(page, "passkey")), **new)
    assert done.status == 303, said(done)
    assert owner.sign_in(PASSWORD).status == 401
    assert owner.sign_in("another long one").status == 302

    # One without a finger does not.
    key = owner.device(verifies=False)
    begun = owner.act("passkey-begin", current="another long one")
    owner.act("passkey-add", name="Key", passkey=key.make(data(begun, "new-passkey")))
    forget_confirmations(owner.server.state_folder)
    shown = key.show(data(owner.get("account"), "passkey"))
    assert owner.act("passkey-begin", current="", passkey=shown).status == 403
    asked = owner.act("token-create", name="robot", scope="read", expires="1d")
    assert asked.status == 403
    made = owner.act(
        "token-create",
        name="robot",
        scope="read",
        expires="1d",
        passkey=device.show(data(asked, "passkey")),
    )
    assert b"carnet_" in made.body


def test_ac50_making_one_needs_the_password_a_name_and_a_place_for_it(owner: Owner) -> None:
    device = owner.device()
    forget_confirmations(owner.server.state_folder)
    assert said(owner.act("passkey-begin", current="wrong")) == "That is not the password."
    begun = owner.act("passkey-begin", current=PASSWORD)
    nameless = owner.act("passkey-add", name=" ", passkey=device.make(data(begun, "new-passkey")))
    assert (nameless.status, said(nameless)) == (403, "A passkey's name has 1 to 60 characters.")
    for junk in ("", "{}", "[]", "x" * 1000):
        assert owner.act("passkey-add", name="a", passkey=junk).status == 403

    assert owner.browser is not None
    elsewhere = owner.browser.ask("GET", "account").body.decode()
    assert f"Open http://localhost:{owner.server.port} in its place." in elsewhere
    assert "Add a passkey" not in elsewhere
    body = urlencode({"action": "passkey-begin", "current": PASSWORD, "_xsrf": owner.browser.xsrf})
    assert owner.browser.ask("POST", "account", body, FORM).status == 403


def test_ac37_the_form_for_programs_says_what_to_ask_a_device_for(owner: Owner) -> None:
    json_form = {"Accept": "application/json"}
    assert owner.server.ask("GET", "login", headers=owner.here | json_form).json()["passkey"] is None
    device = owner.device()
    owner.add(device)
    asked = owner.server.ask("GET", "login", headers=owner.here | json_form)
    form = asked.json()["xsrf"]

    answer = device.show(asked.json()["passkey"])
    got = owner.post_login({"passkey": answer, "_xsrf": form}, form, **json_form)

    assert got.status == 200
    assert set(got.json()) == {"user", "xsrf"}


def test_ac56_a_lost_one_is_removed_on_the_machine_itself(owner: Owner, tmp_path: Path) -> None:
    device = owner.device()
    owner.add(device, "Old phone")
    owner.act("two-factors-on", current=PASSWORD)
    state = f"--state-dir={owner.server.state_folder}"

    listed = run_cli(tmp_path, "passkey", "list", state)
    assert listed.returncode == 0
    assert "Old phone" in listed.stdout
    assert "for localhost" in listed.stdout
    missing = run_cli(tmp_path, "passkey", "remove", "New phone", state)
    assert (missing.returncode, missing.stderr) == (1, "carnet: There is no passkey 'New phone'.\n")
    assert run_cli(tmp_path, "passkey", state).returncode == 1
    gone = run_cli(tmp_path, "passkey", "remove", "Old phone", state)
    assert gone.returncode == 0
    assert "the password alone does again" in gone.stderr

    assert owner.sign_in(PASSWORD).status == 302
    assert "There are no passkeys" in run_cli(tmp_path, "passkey", "list", state).stderr
    assert [one.event for one in owner.audit()][-3:] == [
        "passkey-removed",
        "two-factors-not-required",
        "login",
    ]


def test_ac56_so_is_the_requirement_with_the_codes(owner: Owner) -> None:
    owner.add(owner.device())
    owner.act("two-factors-on", current=PASSWORD)
    state = SecurityState.open(owner.server.state_folder, SystemClock())
    user = owner.get("api/me").json()["identity"]["username"]
    assert state.factors.requires_two(user)
    assert state.factors.require_one(user)
    assert state.factors.recovery_codes_left(user) == 0
    state.close()

    assert owner.sign_in(PASSWORD).status == 302
