"""Judge what somebody shows to come in: a password, a token, a passkey, a code. Counted, bounded, noted.

Every wrong try of a password takes the same time and gets the same answer,
whatever was wrong about it; an old hash is renewed. Rules AC9 to AC11, AC28,
AC31, AC52 to AC55: docs/specs/access.md.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from carnet.errors import Refused
from carnet.security import passwords
from carnet.security.access import too_many
from carnet.security.passkeys import Shown, Site, site_of
from carnet.security.tokens import equal
from carnet.server.handlers.base import Handler

log = logging.getLogger("carnet.logins")

#: Each takes 64 MiB and a core while it lasts.
_CHECKS_AT_ONCE: Final = asyncio.Semaphore(2)

NOT_VERIFIED: Final = "This passkey did not ask who you are, by a PIN or a finger. Type the password as well."


class Given(NamedTuple):
    """What somebody sent."""

    password: str
    """As it was typed; or a token."""
    code: str = ""
    passkey: str = ""
    """The browser's answer, JSON; empty: none was shown."""
    bound: str = ""
    """The XSRF token that came with it."""


class Judged(NamedTuple):
    """How it went. `message`: what to say to who sent it; empty: it is right."""

    status: int
    message: str = ""
    retry_s: int = 0
    how: str = ""
    """What opened, where it was not the password: for the audit."""
    by_token: bool = False
    """It was the server's token: it opens, and confirms nothing."""


async def judge(
    handler: Handler, given: Given, *, takes_token: bool = True, takes_code: bool = True
) -> Judged:
    """Return whether what was given lets its sender in. Without `takes_code` no second factor is asked for."""
    services, address = handler.services, handler.request.remote_ip or ""
    throttle, now_s = services.gate.throttle, services.clock.monotonic_s()
    wait_s = throttle.wait_s(address, now_s)
    if wait_s > 0:
        refusal = too_many(wait_s)
        return Judged(refusal.status, refusal.message, refusal.retry_s)
    throttle.begin(address, now_s)
    judged = await _judge(handler, given, takes_token=takes_token, takes_code=takes_code)
    if not judged.message:
        throttle.succeeded(address)
    elif throttle.wait_s(address, now_s) > 0:
        services.security.audit.note("login-throttled", address=address)
    return judged


async def _judge(handler: Handler, given: Given, *, takes_token: bool, takes_code: bool) -> Judged:
    services, address = handler.services, handler.request.remote_ip or ""
    user, audit = services.gate.rules.user, services.security.audit
    shown: Shown | None = None
    if given.passkey:
        try:
            shown = _check_passkey(handler, given)
        except Refused as error:
            log.info("login refused for %s: the passkey is wrong", address)
            audit.note("passkey-refused", address=address, detail=str(error))
            return Judged(401, str(error))
        if shown.is_verified:
            return Judged(200, how=f"passkey {shown.name}")
        if not given.password:
            return Judged(401, NOT_VERIFIED)
    wrong = Judged(401, f"That is not the {wants(handler).lower() if takes_code else 'password'}.")
    if not await _is_right(handler, given.password, takes_token=takes_token):
        log.info("login refused for %s", address)
        audit.note("login-refused", address=address)
        return wrong
    if _is_token(handler, given.password):
        return Judged(200, by_token=True)
    if not takes_code or not needs_second(handler):
        return Judged(200)
    if shown is not None:
        return Judged(200, how=f"password and passkey {shown.name}")
    if services.security.factors.take(user, given.code):
        return Judged(200, how="password and code")
    log.info("login refused for %s: the code is wrong", address)
    audit.note("second-factor-refused", user=user, address=address)
    return wrong


def wants(handler: Handler) -> str:
    """Return what is to be typed, in words."""
    if not handler.services.password_hash:
        return "Token"
    word = "Password or token" if handler.services.gate.rules.token else "Password"
    return f"{word} and code" if needs_second(handler) else word


def wants_code(handler: Handler) -> bool:
    """Return whether a one-time code, or another second factor, is asked for."""
    return bool(handler.services.password_hash) and needs_second(handler)


def needs_second(handler: Handler) -> bool:
    """Return whether a password alone is not enough."""
    security, user = handler.services.security, handler.services.gate.rules.user
    return security.factors.has_totp(user) or (
        security.factors.requires_two(user) and bool(security.passkeys.all(user))
    )


def site(handler: Handler) -> Site | None:
    """Return where this browser is, if it can have passkeys there."""
    return site_of(handler.request.protocol, handler.request.headers.get("Host", "") or "")


def passkey_options(handler: Handler, bound: str) -> Mapping[str, Any] | None:
    """Return what to ask the browser for; None: there is no passkey for where it is."""
    here, passkeys = site(handler), handler.services.security.passkeys
    user = handler.services.gate.rules.user
    if here is None or not passkeys.has_any(user, here.rp_id):
        return None
    return passkeys.request_options(user, here, bound)


def _check_passkey(handler: Handler, given: Given) -> Shown:
    here = site(handler)
    if here is None:
        raise Refused("Browsers have no passkeys at this address.")
    user = handler.services.gate.rules.user
    return handler.services.security.passkeys.check(user, given.passkey, site=here, bound=given.bound)


def _is_token(handler: Handler, typed: str) -> bool:
    token = handler.services.gate.rules.token
    return bool(token) and equal(typed.strip(), token)


async def _is_right(handler: Handler, typed: str, *, takes_token: bool) -> bool:
    services, hashed = handler.services, handler.services.password_hash
    is_token = takes_token and _is_token(handler, typed)
    if not hashed:
        return is_token
    async with _CHECKS_AT_ONCE:
        # Also when it is the token: how long it takes must not tell.
        is_password = await handler.blocking(passwords.check_password, hashed, typed)
        if is_password and passwords.is_outdated(hashed):
            renewed = await handler.blocking(passwords.hash_password, typed)
            user = services.gate.rules.user
            services.security.accounts.set_password(user, renewed, configured=services.settings.password)
            services.security.audit.note(
                "password-renewed", user=user, address=handler.request.remote_ip or ""
            )
    return is_password or is_token
