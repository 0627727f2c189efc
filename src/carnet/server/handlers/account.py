"""`/account`: devices that are signed in, the password, passkeys, one-time codes, tokens for programs.

For a person at a browser. What weakens the lock, or adds a key to it, is done for
who has just shown the password, or a passkey; who has not is asked, and what was
asked for goes on. Rules AC28 to AC33, AC50 to AC57: docs/specs/access.md.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Final

from carnet.errors import CarnetError, Refused
from carnet.security import headers, passwords, xsrf
from carnet.security.api_tokens import expiry_of
from carnet.security.audit import Event
from carnet.security.logins import Login, device_label
from carnet.security.passkeys import Site, why_no_site
from carnet.security.passwords import SHORTEST
from carnet.security.scopes import parse_scopes, written
from carnet.security.totp import new_secret, setup_url
from carnet.server.handlers.base import Handler
from carnet.server.handlers.logins import revoke
from carnet.server.html.account import Account, account_page
from carnet.server.judging import Given, judge, passkey_options, site
from carnet.server.signing_in import must_confirm, sign_out

LONGEST: Final = 1024

#: What a redirect after a form may say was done.
DONE: Final = {
    "password": "The password is changed. Every other device is signed out.",
    "ended": "Signed out there.",
    "revoked": "The token is revoked.",
    "no-codes": "No codes are asked for any more.",
    "passkey": "The passkey is made. Sign in with it from now on.",
    "no-passkey": "The passkey is removed here. Your device may still list it, and can forget it.",
    "one-factor": "The password alone does again.",
}


#: What adds a key or weakens the lock, in words. Another password asks by itself, every time.
CONFIRMED: Final = {
    "end": "to sign a device out",
    "end-others": "to sign all other devices out",
    "end-all": "to sign every device out",
    "token-create": "to make a token",
    "totp-begin": "to set up one-time codes",
    "totp-confirm": "to ask for one-time codes",
    "totp-remove": "to ask for no codes any more",
    "passkey-begin": "to add a passkey",
    "passkey-remove": "to remove a passkey",
    "two-factors-on": "to require a passkey beside the password",
    "two-factors-off": "to let the password alone do",
}

#: What the forms of these have, to be sent again once it is confirmed.
FIELDS: Final = ("login", "name", "scope", "expires", "secret", "code", "passkey_id")


class AccountPage(Handler):
    """The page, and its forms."""

    _token = ""

    def get(self) -> None:
        """Show it."""
        self._show(done=DONE.get(self.get_query_argument("done", ""), ""))

    async def post(self) -> None:
        """Do what one of its forms asks for."""
        given = self.get_body_argument(xsrf.ARGUMENT, "") or self.request.headers.get(xsrf.HEADER, "")
        if not self.services.gate.is_xsrf_right(self.admission.cookie, self.identity, given):
            self.refuse(403, "xsrf", "This page was too old. Load it again.")
            return
        action = self.get_body_argument("action", "")
        try:
            if action in CONFIRMED and self._must_confirm(action):
                if not self._shows_who():
                    self._ask_who(action)
                    return
                try:
                    await self._confirm()
                except Refused as error:
                    self._ask_who(action, str(error))
                    return
            await self._act(action)
        except CarnetError as error:
            self._show(problem=str(error), acted=action, status=error.status if error.status < 500 else 400)

    async def _act(self, action: str) -> None:
        match action:
            case "password":
                await self._change_password()
            case "end":
                self._end(
                    [one for one in self._logins() if one.login_id == self.get_body_argument("login", "")]
                )
            case "end-others":
                self._end([one for one in self._logins() if one.login_id != self._own_login_id()])
            case "end-all":
                self._end(self._logins())
            case "token-create":
                self._create_token()
            case "token-revoke":
                revoked = self.services.security.tokens.revoke(self.get_body_argument("token", ""))
                self._note("token-revoked", revoked.name)
                self._come_again("revoked")
            case "totp-begin":
                self._show_setup(new_secret())
            case "totp-confirm":
                self._confirm_totp()
            case "totp-remove":
                self.services.security.factors.remove(self._user)
                self._note("totp-removed")
                self._come_again("no-codes")
            case "passkey-begin":
                self._show_new_passkey()
            case "passkey-add":
                self._add_passkey()
            case "passkey-remove":
                self._remove_passkey(self.get_body_argument("passkey_id", ""))
            case "two-factors-on":
                self._require_two_factors()
            case "two-factors-off":
                if self.services.security.factors.require_one(self._user):
                    self._note("two-factors-not-required")
                self._come_again("one-factor")
            case _:
                raise Refused("This form is of another version of Carnet. Load the page again.")

    # -- what the forms do

    async def _change_password(self) -> None:
        await self._confirm()
        new = self.get_body_argument("new", "", strip=False)
        if new != self.get_body_argument("again", "", strip=False):
            raise Refused("Passwords do not match.")
        if not SHORTEST <= len(new) <= LONGEST:
            raise Refused(f"A password needs at least {SHORTEST} characters; a few words are best.")
        hashed = await self.blocking(passwords.hash_password, new)
        configured = self.services.settings.password
        self.services.security.accounts.set_password(self._user, hashed, configured=configured)
        self._note("password-changed", "in the page")
        for one in self._logins():
            if one.login_id != self._own_login_id():
                sign_out(self.services, one.login_id, "password")
        self._come_again("password")

    def _end(self, chosen: Sequence[Login]) -> None:
        own = self._own_login_id()
        for one in chosen:
            revoke(self, one)
        if any(one.login_id == own for one in chosen):
            self.redirect(f"{self.services.base_url}login", status=303)
        else:
            self._come_again("ended")

    def _create_token(self) -> None:
        scopes = parse_scopes(self.get_body_arguments("scope"))
        text, made = self.services.security.tokens.create(
            self.get_body_argument("name", ""),
            user=self._user,
            scopes=scopes,
            expires_ms=expiry_of(self.get_body_argument("expires", ""), self.services.clock.now_ms()),
        )
        self._note("token-created", f"{made.name}: {written(scopes)}")
        self._show(new_token=text)

    def _show_setup(self, secret: str, problem: str = "", status: int = 200) -> None:
        import segno  # only this page needs it

        url = setup_url(secret, user=self._user, host=self.request.host.partition(":")[0])
        image = segno.make(url, micro=False).svg_data_uri(scale=4, border=2)
        self._show(totp_secret=secret, totp_qr=image, problem=problem, status=status)

    def _confirm_totp(self) -> None:
        secret = self.get_body_argument("secret", "")
        try:
            codes = self.services.security.factors.set_up(
                self._user, secret, self.get_body_argument("code", "")
            )
        except ValueError:  # not base 32: not a secret of ours
            raise Refused("This form is of another version of Carnet. Load the page again.") from None
        if codes is None:
            self._show_setup(secret, "That is not the code. Is the telephone's clock right?", status=401)
            return
        self._note("totp-set-up")
        self._show(recovery_codes=codes)

    def _show_new_passkey(self) -> None:
        """Let the browser make one. Its challenge is only given to who has just confirmed."""
        token = self._page_token()
        options = self.services.security.passkeys.creation_options(self._user, self._site(), token)
        self._show(new_passkey=json.dumps(options))

    def _add_passkey(self) -> None:
        made = self.services.security.passkeys.add(
            self._user,
            self.get_body_argument("name", ""),
            self.get_body_argument("passkey", ""),
            site=self._site(),
            bound=self.get_body_argument(xsrf.ARGUMENT, ""),
        )
        self._note("passkey-added", f"{made.name} for {made.rp_id}")
        self._come_again("passkey")

    def _remove_passkey(self, passkey_id: str) -> None:
        security = self.services.security
        is_last = len(security.passkeys.all(self._user)) == 1
        if (
            is_last
            and security.factors.requires_two(self._user)
            and not security.factors.has_totp(self._user)
        ):
            raise Refused("This is the only second factor. Let the password alone do first.")
        gone = security.passkeys.remove(self._user, passkey_id)
        self._note("passkey-removed", gone.name)
        self._come_again("no-passkey")

    def _require_two_factors(self) -> None:
        security = self.services.security
        if not security.passkeys.all(self._user):
            raise Refused("Add a passkey first: it is the second factor.")
        codes = security.factors.require_two(self._user)
        self._note("two-factors-required")
        self._show(recovery_codes=codes)

    def _must_confirm(self, action: str) -> bool:
        is_own = action == "end" and self.get_body_argument("login", "") == self._own_login_id()
        return not is_own and must_confirm(self)

    def _shows_who(self) -> bool:
        return bool(
            self.get_body_argument("current", "", strip=False) or self.get_body_argument("passkey", "")
        )

    def _ask_who(self, action: str, problem: str = "") -> None:
        """Show, in place of the page, what asks for the password, and then goes on."""
        fields = [(name, value) for name in FIELDS for value in self.get_body_arguments(name)]
        self._show(status=403, problem=problem, confirms=action, why=CONFIRMED[action], fields=fields)

    async def _confirm(self) -> None:
        """Make sure that it is the owner who sits there. Raises: Refused."""
        if not self.services.password_hash:
            return
        given = Given(
            self.get_body_argument("current", "", strip=False),
            passkey=self.get_body_argument("passkey", ""),
            bound=self.get_body_argument(xsrf.ARGUMENT, ""),
        )
        judged = await judge(self, given, takes_token=False, takes_code=False)
        if judged.message:
            raise Refused(judged.message)
        if self.identity.login is not None:
            self.services.gate.logins.confirm(self.identity.login.login_id)

    # -- helpers

    @property
    def _user(self) -> str:
        return self.services.gate.rules.user

    def _site(self) -> Site:
        here = site(self)
        if here is None:
            raise Refused(self._why_no_passkeys())
        return here

    def _why_no_passkeys(self) -> str:
        request = self.request
        return (
            why_no_site(request.protocol, request.headers.get("Host", "") or "") if site(self) is None else ""
        )

    def _page_token(self) -> str:
        """Return the XSRF token of this page: the same for all that is on it."""
        if not self._token:
            self._token = self.services.gate.xsrf_token(self.admission.cookie, self.identity)
        return self._token

    def _own_login_id(self) -> str:
        return self.identity.login.login_id if self.identity.login else ""

    def _logins(self) -> Sequence[Login]:
        return self.services.gate.logins.all()

    def _note(self, event: Event, detail: str = "") -> None:
        self.services.security.audit.note(
            event, user=self._user, address=self.request.remote_ip or "", detail=detail
        )

    def _come_again(self, done: str) -> None:
        self.redirect(f"{self.services.base_url}account?done={done}", status=303)

    # `Any`: a part of the fields of Account.
    def _show(self, *, status: int = 200, **more: Any) -> None:
        services = self.services
        factors = services.security.factors
        options = passkey_options(self, self._page_token())
        account = Account(
            base_url=self.base,
            xsrf=self._page_token(),
            user=self._user,
            now_ms=services.clock.now_ms(),
            logins=self._logins(),
            own_login_id=self._own_login_id(),
            tokens=services.security.tokens.all(),
            has_password=bool(services.password_hash),
            has_totp=factors.has_totp(self._user),
            requires_two=factors.requires_two(self._user),
            recovery_codes_left=factors.recovery_codes_left(self._user),
            passkeys=services.security.passkeys.all(self._user),
            no_passkeys=self._why_no_passkeys(),
            passkey=json.dumps(options) if options else "",
            is_plain=self.is_plain,
            device=device_label(self.request.headers.get("User-Agent", "")),
        )
        account = dataclasses.replace(account, **more)
        has_script = bool(account.passkey or account.new_passkey)
        self.set_status(status)
        self.send(headers.plain_page(self.nonce, has_script=has_script))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(account_page(account, nonce=self.nonce))
