"""`/account`: the password, one-time codes, devices that are signed in, tokens for programs.

For a person at a browser. What weakens the lock asks for the password again.
Rules AC28 to AC33: docs/specs/access.md.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from carnet.errors import CarnetError, Refused
from carnet.security import headers, passwords, xsrf
from carnet.security.api_tokens import expiry_of
from carnet.security.audit import Event
from carnet.security.logins import Login
from carnet.security.scopes import parse_scopes, written
from carnet.security.totp import new_secret, setup_url
from carnet.server.handlers.base import Handler
from carnet.server.handlers.logins import revoke
from carnet.server.html.account import Account, account_page
from carnet.server.judging import judge
from carnet.server.signing_in import sign_out

SHORTEST: Final = 8
LONGEST: Final = 1024

#: What a redirect after a form may say was done.
DONE: Final = {
    "password": "The password is changed. Every other device is signed out.",
    "ended": "Signed out there.",
    "revoked": "The token is revoked.",
    "no-codes": "No codes are asked for any more.",
}


class AccountPage(Handler):
    """The page, and its forms."""

    def get(self) -> None:
        """Show it."""
        self._show(done=DONE.get(self.get_query_argument("done", ""), ""))

    async def post(self) -> None:
        """Do what one of its forms asks for."""
        given = self.get_body_argument(xsrf.ARGUMENT, "") or self.request.headers.get(xsrf.HEADER, "")
        if not self.services.gate.is_xsrf_right(self.admission.cookie, self.identity, given):
            self.refuse(403, "xsrf", "This page was too old. Load it again.")
            return
        try:
            await self._act(self.get_body_argument("action", ""))
        except CarnetError as error:
            self._show(problem=str(error), status=error.status if error.status < 500 else 400)

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
                await self._ask_password()
                self._show_setup(new_secret())
            case "totp-confirm":
                self._confirm_totp()
            case "totp-remove":
                await self._ask_password()
                self.services.security.factors.remove(self._user)
                self._note("totp-removed")
                self._come_again("no-codes")
            case _:
                raise Refused("This form is of another version of Carnet. Load the page again.")

    # -- what the forms do

    async def _change_password(self) -> None:
        await self._ask_password()
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

    async def _ask_password(self) -> None:
        """Make sure that it is the owner who sits there. Raises: Refused."""
        if not self.services.password_hash:
            return
        typed = self.get_body_argument("current", "", strip=False)
        judged = await judge(self, typed, takes_token=False, takes_code=False)
        if judged.message:
            raise Refused(judged.message)

    # -- helpers

    @property
    def _user(self) -> str:
        return self.services.gate.rules.user

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
        account = Account(
            base_url=services.base_url,
            xsrf=services.gate.xsrf_token(self.admission.cookie, self.identity),
            user=self._user,
            logins=self._logins(),
            own_login_id=self._own_login_id(),
            tokens=services.security.tokens.all(),
            has_password=bool(services.password_hash),
            has_totp=factors.has_totp(self._user),
            recovery_codes_left=factors.recovery_codes_left(self._user),
        )
        self.set_status(status)
        self.send(headers.plain_page(self.nonce))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(account_page(dataclasses.replace(account, **more), nonce=self.nonce))
