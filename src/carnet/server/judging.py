"""Judge a password, or a token, that somebody typed: counted, bounded, noted, and renewed where its hash is old.

Every wrong try takes the same time and gets the same answer, whatever was wrong
about it. Rules AC9 to AC11, AC28, AC31: docs/specs/access.md.
"""

import asyncio
import logging
from typing import Final, NamedTuple

from carnet.security import passwords
from carnet.security.access import too_many
from carnet.security.tokens import equal
from carnet.server.handlers.base import Handler

log = logging.getLogger("carnet.logins")

#: Each takes 64 MiB and a core while it lasts.
_CHECKS_AT_ONCE: Final = asyncio.Semaphore(2)


class Judged(NamedTuple):
    """How it went. `message`: what to say to who typed it; empty: it is right."""

    status: int
    message: str = ""
    retry_s: int = 0


async def judge(
    handler: Handler, typed: str, code: str = "", *, takes_token: bool = True, takes_code: bool = True
) -> Judged:
    """Return whether what was typed lets its sender in. Without `takes_code` no one-time code is asked for."""
    services, address = handler.services, handler.request.remote_ip or ""
    throttle, now_s = services.gate.throttle, services.clock.monotonic_s()
    wait_s = throttle.wait_s(address, now_s)
    if wait_s > 0:
        refusal = too_many(wait_s)
        return Judged(refusal.status, refusal.message, refusal.retry_s)
    throttle.begin(address, now_s)
    user, audit = services.gate.rules.user, services.security.audit
    if not await _is_right(handler, typed, takes_token=takes_token):
        log.info("login refused for %s", address)
        audit.note("login-refused", address=address)
    elif (
        takes_code
        and not _is_token(handler, typed)
        and _needs_code(handler)
        and not services.security.factors.take(user, code)
    ):
        log.info("login refused for %s: the code is wrong", address)
        audit.note("second-factor-refused", user=user, address=address)
    else:
        throttle.succeeded(address)
        return Judged(200)
    if throttle.wait_s(address, now_s) > 0:
        audit.note("login-throttled", address=address)
    word = wants(handler).lower() if takes_code else "password"
    return Judged(401, f"That is not the {word}.")


def wants(handler: Handler) -> str:
    """Return what is to be typed, in words."""
    if not handler.services.password_hash:
        return "Token"
    word = "Password or token" if handler.services.gate.rules.token else "Password"
    return f"{word} and code" if _needs_code(handler) else word


def wants_code(handler: Handler) -> bool:
    """Return whether a one-time code is asked for."""
    return bool(handler.services.password_hash) and _needs_code(handler)


def _needs_code(handler: Handler) -> bool:
    return handler.services.security.factors.has_totp(handler.services.gate.rules.user)


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
