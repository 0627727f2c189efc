"""Sign a browser in and out: the login in the table, its cookie, and the links that were opened with it."""

from carnet.security import xsrf
from carnet.security.logins import COOKIE_MS, ENDINGS, Ending
from carnet.security.xsrf import token_of_login
from carnet.server.front import cookie_name
from carnet.server.handlers.base import Handler
from carnet.server.services import Services


def sign_in(handler: Handler, user: str, *, form_token: str = "", how: str = "") -> str:
    """Make a login for whoever sent this request, set its cookies, and return its XSRF token.

    The login cookie comes first: clients count. `how`: what opened, where it was not the password alone.
    """
    services, request = handler.services, handler.request
    secret, login = services.gate.logins.create(
        user,
        user_agent=request.headers.get("User-Agent", ""),
        address=request.remote_ip or "",
        form_token=form_token,
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
