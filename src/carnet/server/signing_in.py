"""Sign a browser in and out: the login in the table, its cookie, and the links that were opened with it."""

from carnet.security import xsrf
from carnet.security.logins import COOKIE_MS, ENDINGS, Ending
from carnet.security.xsrf import token_of_login
from carnet.server.front import cookie_name
from carnet.server.handlers.base import Handler
from carnet.server.services import Services


def must_confirm(handler: Handler) -> bool:
    """Return whether who asks has to show a password or a passkey before a key is added or the lock weakened (AC57)."""
    login = handler.identity.login
    if not handler.services.password_hash:
        return False  # there is nothing to show
    return login is None or not login.is_confirmed(handler.services.clock.now_ms())


def sign_in(
    handler: Handler, user: str, *, form_token: str = "", how: str = "", is_confirmed: bool = False
) -> str:
    """Make a login for whoever sent this request, set its cookies, and return its XSRF token.

    The login cookie comes first: clients count. `how`: what opened, where it was not the password alone.
    `is_confirmed`: it was a password or a passkey.
    """
    services, request = handler.services, handler.request
    secret, login = services.gate.logins.create(
        user,
        user_agent=request.headers.get("User-Agent", ""),
        address=request.remote_ip or "",
        form_token=form_token,
        is_confirmed=is_confirmed,
    )
    services.gate.throttle.succeeded(request.remote_ip or "")
    services.security.audit.note(
        "login", user=user, address=login.address, detail=f"{login.device}, by {how}" if how else login.device
    )
    secure = request.protocol == "https"
    handler.set_cookie(
        cookie_name(services, request.protocol),
        secret,
        path=services.base_url,
        max_age=COOKIE_MS // 1000,
        expires=None,
        httponly=True,
        samesite="Lax",
        secure=secure,
    )
    token = token_of_login(secret)
    handler.set_cookie(xsrf.COOKIE, token, path=services.base_url, samesite="Lax", secure=secure)
    return token


def sign_out(services: Services, login_id: str, why: Ending) -> bool:
    """End a login, and the links that were opened with it, which hear why. Returns whether it was one."""
    was = services.gate.logins.end(login_id, why)
    for link in tuple(services.links):
        if link.login_id == login_id:
            link.say_goodbye(ENDINGS[why], retry_ms=-1)
    return was
