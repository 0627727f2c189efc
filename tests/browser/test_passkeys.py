"""Passkeys in a real browser, with a device that the browser plays; and the account page around them."""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from carnet.lib import passwd
from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.browser.conftest import PATIENCE_MS
from tests.browser.notebook_page import NotebookPage
from tests.browser.test_accessibility import is_accessible
from tests.browser.visits import NAME, Scheme, Visits
from tests.support.server import CarnetServer
from tests.support.signing_in import end_logins, forget_confirmations, forget_passkeys

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "a long enough one"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """One with a password and no token."""
    settings = {"password": passwd(PASSWORD), "token": ""}
    with CarnetServer(tmp_path_factory.mktemp("carnet"), settings=settings) as started:
        yield started


@pytest.fixture(autouse=True)
def fresh(server: CarnetServer, visits: Visits) -> None:
    """No passkeys and no logins from the test before."""
    visits.announce("40[13]|WebSocket connection to .* failed")
    forget_passkeys(server.state)
    end_logins(server.state, "signed-out")


class Device:
    """A virtual authenticator (the WebAuthn domain of Chromium's debugging protocol)."""

    def __init__(self, page: Page, *, verifies: bool = True) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            # What asks for nothing is an old key that is plugged in.
            "transport": "internal" if verifies else "usb",
            "hasResidentKey": verifies,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            # Nobody touches it before `touch`.
            "automaticPresenceSimulation": False,
        }
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id: str = made["authenticatorId"]

    def touch(self, *, enabled: bool = True) -> None:
        """From now on, somebody touches it whenever it asks."""
        self._session.send(
            "WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self._id, "enabled": enabled}
        )

    def recognises(self, *, enabled: bool) -> None:
        """Whether the finger is the right one."""
        self._session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": enabled}
        )

    def turn_back(self) -> None:
        """Go back to an older copy of what is in it."""
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"]
        self._session.send("WebAuthn.clearCredentials", {"authenticatorId": self._id})
        for one in found:
            credential = {**one, "signCount": 0}
            self._session.send(
                "WebAuthn.addCredential", {"authenticatorId": self._id, "credential": credential}
            )


class Owner:
    """Somebody with one browser, at http://localhost."""

    def __init__(
        self,
        visits: Visits,
        *,
        scheme: Scheme = "light",
        is_phone: bool = False,
        verifies: bool = True,
        url: str = "",
    ) -> None:
        self.url = url or f"http://localhost:{visits.server.port}/"
        self.profile: BrowserContext = visits.profile(is_signed_in=False, scheme=scheme, is_phone=is_phone)
        self.page = self.profile.new_page()
        self.device = Device(self.page, verifies=verifies)

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, password: str = PASSWORD) -> Page:
        self.open("login")
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("button", name="New", exact=True)).to_be_visible()
        return self.page

    def add(self, name: str = "Laptop") -> Page:
        page = self.open("account")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_label("What to call it").fill(name)
        self.device.touch()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("The passkey is made. Sign in with it from now on.")
        self.device.touch(enabled=False)
        return page

    def sign_out(self) -> None:
        page = self.open("account")
        page.get_by_role("banner").get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Signed out")).to_be_visible()


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """A server that speaks TLS, with a certificate of its own, and is known by a name."""
    settings = {
        "password": passwd(PASSWORD),
        "token": "",
        "tls": "auto",
        "local_hostnames": f"localhost,{NAME}",
    }
    with CarnetServer(tmp_path_factory.mktemp("named"), settings=settings) as started:
        yield started


@pytest.fixture
def from_afar(browser: Browser, named: CarnetServer) -> Iterator[Visits]:
    """Visits to it by that name, in a browser that trusts its certificate and no other."""
    certificate = x509.load_pem_x509_certificate((named.state / "tls" / "self-signed.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    launched = browser.browser_type.launch(
        executable_path=chromium_path(),
        args=[
            *ARGUMENTS,
            f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            f"--ignore-certificate-errors-spki-list={b64encode(sha256(key).digest()).decode()}",
        ],
    )
    visits = Visits(launched, named, PATIENCE_MS)
    visits.announce("40[13]")
    yield visits
    visits.close()
    launched.close()
    assert visits.faults() == []


def test_ac50_ac54_over_https_at_a_name_a_passkey_is_made_and_signs_in(
    from_afar: Visits, named: CarnetServer
) -> None:
    owner = Owner(from_afar, url=f"https://{NAME}:{named.port}/")
    page = owner.sign_in()
    assert page.evaluate("isSecureContext")
    (cookie,) = [one for one in owner.profile.cookies() if one["name"].endswith(f"carnet-{named.port}")]
    assert cookie["name"] == f"__Host-carnet-{named.port}"
    owner.add("Blue laptop")
    expect(page.get_by_role("listitem").filter(has_text="Blue laptop")).to_contain_text(f"for {NAME}")
    owner.sign_out()

    owner.open("login")
    owner.device.touch()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="New", exact=True)).to_be_visible()
    owner.device.touch(enabled=False)

    # It confirms there too, in place of the password.
    forget_confirmations(named.state)
    owner.open("account")
    page.get_by_role("listitem").filter(has_text="Blue laptop").get_by_role("button", name="Remove").click()
    owner.device.touch()
    page.get_by_role("button", name="Go on with a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey is removed here.")


def test_ac52_a_passkey_of_another_name_does_not_sign_in(from_afar: Visits, named: CarnetServer) -> None:
    owner = Owner(from_afar, url=f"https://{NAME}:{named.port}/")
    owner.sign_in()
    owner.add()
    # The same server by its other name knows it, and does not ask for it.
    owner.url = f"https://localhost:{named.port}/"
    page = owner.open("login")

    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)


def test_ac54_a_passkey_is_made_and_signs_in(visits: Visits) -> None:
    owner = Owner(visits)
    owner.sign_in()
    page = owner.add("Blue laptop")
    expect(page.get_by_role("listitem").filter(has_text="Blue laptop")).to_contain_text("not used yet")
    owner.sign_out()
    page.get_by_role("link", name="Sign in again").click()

    # The wrong finger, first.
    owner.device.recognises(enabled=False)
    owner.device.touch()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").locator("visible=true")).to_have_text(
        "No passkey was shown. Try again, or type the password."
    )
    owner.device.recognises(enabled=True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="New", exact=True)).to_be_visible()
    owner.open("account")
    row = page.get_by_role("listitem").filter(has_text="Blue laptop")
    expect(row).to_contain_text("for localhost · used just now")
    # Removed here, it opens nothing any more.
    row.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey is removed here.")
    owner.sign_out()
    owner.open("login")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)


def test_ac54_the_browser_offers_it_by_itself(visits: Visits, server: CarnetServer) -> None:
    server.write("wanted.ipynb", ["1"])
    owner = Owner(visits)
    owner.sign_in()
    owner.add()
    owner.sign_out()
    # Who chooses it from the list at the field is not asked for more.
    owner.device.touch()
    page = owner.open("notebooks/wanted.ipynb")

    expect(page).to_have_url(re.compile("/notebooks/wanted.ipynb$"))
    expect(page.locator(".cm-content")).to_have_text("1")


def test_ac53_a_copy_of_a_device_is_refused(visits: Visits) -> None:
    owner = Owner(visits)
    # Nothing by itself: the device counts on with each try.
    owner.page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
    owner.sign_in()
    owner.add()
    owner.sign_out()
    page = owner.open("login")
    owner.device.touch()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="New", exact=True)).to_be_visible()
    owner.device.touch(enabled=False)
    owner.sign_out()
    owner.open("login")
    owner.device.turn_back()
    owner.device.touch()
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("alert").locator("visible=true")).to_contain_text("there may be a copy of it")


def test_ac55_a_key_without_a_pin_comes_beside_the_password(visits: Visits) -> None:
    owner = Owner(visits, verifies=False)
    owner.sign_in()
    page = owner.add("Key")
    expect(page.get_by_role("listitem").filter(has_text="Key")).to_contain_text("only beside the password")
    page.get_by_role("button", name="Require a passkey beside the password").click()
    expect(page.get_by_role("region", name="Recovery codes").get_by_role("listitem")).to_have_count(8)
    is_accessible(page)
    owner.sign_out()

    owner.open("login")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").locator("visible=true")).to_have_text(
        "That is not the password and code."
    )
    page.get_by_label("Password").fill(PASSWORD)
    owner.device.touch()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="New", exact=True)).to_be_visible()


def test_ac39_a_login_that_ended_is_renewed_with_a_passkey(visits: Visits, server: CarnetServer) -> None:
    server.write("renewed.ipynb", ["start = 1"])
    owner = Owner(visits)
    owner.sign_in()
    owner.add()
    notebook = NotebookPage(owner.open("notebooks/renewed.ipynb")).ready()
    notebook.source(1).click()
    notebook.keys("Control+End")
    end_logins(server.state, "elsewhere")
    notebook.page.keyboard.type("  # typed")
    dialog = notebook.page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_be_visible()
    is_accessible(notebook.page)
    owner.device.touch()
    dialog.get_by_role("button", name="Use a passkey").click()

    expect(dialog).to_have_count(0)
    notebook.is_live()
    notebook.is_saved()
    expect(notebook.source(1)).to_be_focused()
    notebook.has_source(1, "start = 1  # typed")


def test_ac57_after_ten_minutes_the_page_asks_in_place_and_goes_on(
    visits: Visits, server: CarnetServer
) -> None:
    owner = Owner(visits)
    page = owner.sign_in()
    owner.open("account")
    forget_confirmations(server.state)
    page.locator("summary", has_text="Make a token").click()
    page.get_by_label("Name").fill("My script")
    page.get_by_label("run", exact=True).check()
    page.get_by_role("button", name="Make it").click()

    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    expect(page.get_by_role("heading", name="Signed in")).to_have_count(0)
    is_accessible(page)
    page.get_by_label("Password now").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").locator("visible=true")).to_have_text("That is not the password.")
    page.get_by_label("Password now").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("This is the token. It is not shown again.")
    row = page.get_by_role("listitem").filter(has_text="My script")
    expect(row).to_contain_text("may read run")
    # Just confirmed: the next thing goes through.
    owner.add()
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_have_text("The token is revoked.")

    forget_confirmations(server.state)
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
    expect(page.get_by_text("this device")).to_be_visible()


def test_ac33_a_passkey_confirms_in_place_of_the_password(visits: Visits, server: CarnetServer) -> None:
    owner = Owner(visits)
    owner.sign_in()
    page = owner.add()
    forget_confirmations(server.state)
    page.get_by_role("button", name="Set up").click()
    owner.device.touch()
    page.get_by_role("button", name="Go on with a passkey").click()

    expect(page.get_by_alt_text("QR code with the key")).to_be_visible()
    is_accessible(page)

    # Who forgot the password sets another.
    owner.open("account")
    page.locator("summary", has_text="Change password").click()
    by_passkey = page.get_by_role("button", name="Change it with a passkey")
    by_passkey.click()
    expect(page.get_by_label("New password")).to_be_focused()
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    by_passkey.click()
    expect(page.get_by_role("status")).to_contain_text("The password is changed.")


def test_without_scripts_the_password_signs_in_as_ever(visits: Visits) -> None:
    owner = Owner(visits)
    owner.sign_in()
    owner.add()
    context = visits.browser.new_context(java_script_enabled=False)
    visits.contexts.append(context)
    page = context.new_page()
    page.goto(owner.url + "login?next=/account")
    expect(page.get_by_text("Sign in with a passkey")).to_be_hidden()
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/account$"))
    page.get_by_text("Change password").first.click()
    expect(page.get_by_label("Once more")).to_be_visible()


def test_ac50_at_an_address_the_page_says_where_there_are_passkeys(
    visits: Visits, server: CarnetServer
) -> None:
    owner = Owner(visits)
    owner.url = server.url
    owner.sign_in()
    page = owner.open("account")

    expect(page.get_by_role("region", name="Passkeys")).to_contain_text(
        f"Open http://localhost:{server.port} in its place."
    )


def test_every_page_leads_to_the_account_and_out(visits: Visits, server: CarnetServer) -> None:
    server.write("left.ipynb", ["1"])
    (server.notebooks / "words.txt").write_text("words")
    owner = Owner(visits)
    page = owner.sign_in()
    for path in ("", "edit/words.txt"):
        owner.open(path)
        page.get_by_role("button", name="Account").click()
        page.get_by_role("menuitem", name="Account and devices").click()
        expect(page.get_by_role("heading", name="Signed in")).to_be_visible()

    notebook = NotebookPage(owner.open("notebooks/left.ipynb")).ready()
    with owner.profile.expect_page() as opened:
        notebook.menu("Help", "Account and devices")
    expect(opened.value.get_by_role("heading", name="Signed in")).to_be_visible()
    notebook.menu("Help", "Sign out")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()


@pytest.mark.parametrize("is_phone", [False, True], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_account_page_is_for_everybody(visits: Visits, scheme: Scheme, is_phone: bool) -> None:
    owner = Owner(visits, scheme=scheme, is_phone=is_phone)
    owner.sign_in()
    page = owner.add()
    is_accessible(page)
    for fold in page.locator("summary").all():
        fold.focus()
        page.keyboard.press("Enter")
    is_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Name").locator("visible=true").fill(f"nightly {scheme} {is_phone}")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text(re.compile("^carnet_"))).to_be_visible()
    is_accessible(page)
    owner.sign_out()
    is_accessible(page)
    page.get_by_role("link", name="Sign in again").click()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    is_accessible(page)
