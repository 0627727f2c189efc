"""Sign in and out. The password or token comes in a POST body, never in an address.

Every wrong try takes the same time and gets the same answer; tries are counted
by address. Rules AC9 to AC12: docs/specs/access.md.
"""

import asyncio
import logging
from typing import Final

from carnet.security import headers, passwords, xsrf
from carnet.security.access import too_many
from carnet.security.origins import is_loopback
from carnet.security.redirects import safe_next
from carnet.security.tokens import equal
from carnet.server.front import cookie_name
from carnet.server.handlers.base import Handler
from carnet.server.html import LoginForm, login_page, logout_page
from carnet.server.signing_in import sign_in, sign_out

log = logging.getLogger("carnet.logins")

#: Each takes 64 MiB and a core while it lasts.
_CHECKS_AT_ONCE: Final = asyncio.Semaphore(2)

EXPIRED: Final = "This form was too old. Try again."


class LoginPage(Handler):
    """The login form, which needs no script."""

    def get(self) -> None:
        """Show the form; who is signed in already goes on."""
        wanted = safe_next(self.get_query_argument("next", "", strip=False), self.services.base_url)
        if self.admission.token_in_url and self.identity.how == "token":
            sign_in(self, self.identity.user)
            self.redirect(wanted)
        elif self.identity.is_signed_in:
            self.redirect(wanted)
        else:
            self._show(wanted)

    async def post(self) -> None:
        """Check what was typed."""
        wanted = safe_next(self.get_body_argument("next", "", strip=False), self.services.base_url)
        form_token = self.get_body_argument(xsrf.ARGUMENT, "") or self.request.headers.get(xsrf.HEADER, "")
        if (
            not self.services.gate.form_tokens.is_ours(form_token)
            or self.get_cookie(xsrf.COOKIE) != form_token
        ):
            self._show(wanted, EXPIRED, status=403)
            return
        address = self.request.remote_ip or ""
        throttle, now_s = self.services.gate.throttle, self.services.clock.monotonic_s()
        wait_s = throttle.wait_s(address, now_s)
        if wait_s > 0:
            refusal = too_many(wait_s)
            self.set_header("Retry-After", str(refusal.retry_s))
            self._show(wanted, refusal.message, status=refusal.status)
            return
        throttle.begin(address, now_s)
        # As it was typed: a password may begin or end with a space.
        if not await self._is_right(self.get_body_argument("password", "", strip=False)):
            log.info("login refused for %s", address)
            self._show(wanted, f"That is not the {self._wants().lower()}.", status=401)
            return
        sign_in(self, self.services.gate.rules.user, form_token=form_token)
        log.info("login from %s", address)
        self.redirect(wanted)

    async def _is_right(self, typed: str) -> bool:
        rules, hashed = self.services.gate.rules, self.services.settings.password
        is_token = bool(rules.token) and equal(typed.strip(), rules.token)
        if not hashed:
            return is_token
        async with _CHECKS_AT_ONCE:
            # Also when it is the token: how long it takes must not tell.
            return await self.blocking(passwords.check_password, hashed, typed) or is_token

    def _show(self, next_url: str, problem: str = "", status: int = 200) -> None:
        token = self.get_cookie(xsrf.COOKIE) or ""
        if not self.services.gate.form_tokens.is_ours(token):
            token = self.services.gate.form_tokens.make()
            self.set_cookie(
                xsrf.COOKIE,
                token,
                path=self.services.base_url,
                samesite="Lax",
                secure=self.request.protocol == "https",
            )
        is_plain = self.request.protocol != "https" and not is_loopback(self.request.remote_ip or "")
        form = LoginForm(
            base_url=self.services.base_url,
            next_url=next_url,
            xsrf=token,
            wants=self._wants(),
            problem=problem,
            is_plain=is_plain,
        )
        self.set_status(status)
        self.send(headers.plain_page(self.nonce))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(login_page(form, nonce=self.nonce))

    def _wants(self) -> str:
        if not self.services.settings.password:
            return "Token"
        return "Password or token" if self.services.gate.rules.token else "Password"


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
            sign_out(self.services, login.login_id)
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
        page = logout_page(base_url=self.services.base_url, xsrf=token, nonce=self.nonce, is_done=is_done)
        self.send(headers.plain_page(self.nonce))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page)
