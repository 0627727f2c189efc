"""Sign in and out. The password or token comes in a POST body, never in an address.

Every wrong try takes the same time and gets the same answer; tries are counted
by address. Rules AC9 to AC12: docs/specs/access.md.
"""

import json
import logging
from typing import Final

from carnet.security import headers, xsrf
from carnet.security.logins import ENDINGS
from carnet.security.redirects import safe_next
from carnet.server.front import cookie_name
from carnet.server.handlers.base import Handler
from carnet.server.html import LoginForm, login_page, logout_page
from carnet.server.judging import Given, judge, passkey_options, wants, wants_code
from carnet.server.signing_in import sign_in, sign_out

log = logging.getLogger("carnet.logins")

EXPIRED: Final = "This form was too old. Try again."


class LoginPage(Handler):
    """The login form, which needs no script, but for passkeys."""

    def get(self) -> None:
        """Show the form; who is signed in already goes on."""
        wanted = safe_next(self.get_query_argument("next", "", strip=False), self.services.base_url)
        if self.admission.token_in_url and self.identity.how == "token":
            sign_in(self, self.identity.user)
            self.redirect(wanted)
        elif self.identity.is_signed_in and self._wants_json():
            self._answer_signed_in()
        elif self.identity.is_signed_in:
            self.redirect(wanted)
        else:
            self._show(wanted)

    async def post(self) -> None:
        """Check what was typed."""
        # Our form has it in its body; what was written for Jupyter's, in the address.
        asked = self.get_body_argument("next", "", strip=False) or self.get_query_argument(
            "next", "", strip=False
        )
        wanted = safe_next(asked, self.services.base_url)
        form_token = self.get_body_argument(xsrf.ARGUMENT, "") or self.request.headers.get(xsrf.HEADER, "")
        if (
            not self.services.gate.form_tokens.is_ours(form_token)
            or self.get_cookie(xsrf.COOKIE) != form_token
        ):
            self._show(wanted, EXPIRED, status=403)
            return
        # As it was typed: a password may begin or end with a space.
        judged = await judge(
            self,
            Given(
                self.get_body_argument("password", "", strip=False),
                self.get_body_argument("code", ""),
                self.get_body_argument("passkey", ""),
                form_token,
            ),
        )
        if judged.message:
            if judged.retry_s:
                self.set_header("Retry-After", str(judged.retry_s))
            self._show(wanted, judged.message, status=judged.status)
            return
        token = sign_in(
            self,
            self.services.gate.rules.user,
            form_token=form_token,
            how=judged.how,
            is_confirmed=not judged.by_token,
        )
        log.info("login from %s", self.request.remote_ip)
        if self._wants_json():
            self.send(headers.api())
            self.answer({"user": self.services.gate.rules.user, "xsrf": token})
        else:
            self.redirect(wanted)

    def _answer_signed_in(self) -> None:
        """Tell a page that asks how things stand. Another tab may have signed in."""
        token = self.services.gate.xsrf_token(self.admission.cookie, self.identity)
        if self.identity.login is not None and self.get_cookie(xsrf.COOKIE) != token:
            self._set_xsrf_cookie(token)
        self.send(headers.api())
        self.answer({"user": self.identity.user, "xsrf": token})

    def _set_xsrf_cookie(self, token: str) -> None:
        self.set_cookie(
            xsrf.COOKIE,
            token,
            path=self.services.base_url,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )

    def _why(self) -> str:
        """Say why this browser is not signed in any more, by the cookie of the login that ended. Signing out clears it."""
        cookie = self.admission.cookie
        return ENDINGS["signed-out"] if cookie is None else self.services.gate.logins.why_secret_ended(cookie)

    def _wants_json(self) -> bool:
        """A page that is open signs in again where it stands, and keeps what is on it."""
        return self.request.headers.get("Accept", "").startswith("application/json")

    def _show(self, next_url: str, problem: str = "", status: int = 200) -> None:
        token = self.get_cookie(xsrf.COOKIE) or ""
        if not self.services.gate.form_tokens.is_ours(token):
            token = self.services.gate.form_tokens.make()
            self._set_xsrf_cookie(token)
        passkey = passkey_options(self, token)
        if self._wants_json():
            self.send(headers.api())
            self.answer(
                {
                    "message": problem,
                    "reason": "login",
                    "wants": wants(self),
                    "code": wants_code(self),
                    "passkey": passkey,
                    "why": self._why(),
                    "xsrf": token,
                },
                status,
            )
            return
        form = LoginForm(
            base_url=self.base,
            next_url=next_url,
            xsrf=token,
            wants=wants(self).removesuffix(" and code"),
            wants_code=wants_code(self),
            problem=problem,
            is_plain=self.is_plain,
            passkey=json.dumps(passkey) if passkey else "",
        )
        self.set_status(status)
        self.send(headers.plain_page(self.nonce, has_script=bool(passkey)))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(login_page(form, nonce=self.nonce))


class LogoutPage(Handler):
    """Sign this device out. A GET only asks: nothing changes by following a link."""

    def get(self) -> None:
        """Ask."""
        self._show(is_done=not self.identity.is_signed_in)

    def post(self) -> None:
        """End the login and its links."""
        given = self.get_body_argument(xsrf.ARGUMENT, "") or self.request.headers.get(xsrf.HEADER, "")
        login = self.identity.login
        if login is not None:
            if not self.services.gate.is_xsrf_right(self.admission.cookie, self.identity, given):
                self.refuse(403, "xsrf", EXPIRED)
                return
            sign_out(self.services, login.login_id, "signed-out")
            self.services.security.audit.note("logout", user=login.user, address=self.request.remote_ip or "")
            log.info("logout from %s", self.request.remote_ip)
        self.clear_cookie(
            cookie_name(self.services, self.request.protocol),
            path=self.services.base_url,
            httponly=True,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )
        self.clear_cookie(xsrf.COOKIE, path=self.services.base_url)
        self._show(is_done=True)

    def _show(self, *, is_done: bool) -> None:
        token = self.services.gate.xsrf_token(self.admission.cookie, self.identity)
        page = logout_page(base_url=self.base, xsrf=token, nonce=self.nonce, is_done=is_done)
        self.send(headers.plain_page(self.nonce))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page)
