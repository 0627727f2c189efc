"""Who may do what: one gate before every route, for requests and sockets alike.

Each route declares who may use it and how it is used; the gate is given the
facts of a request and answers with an identity or a refusal, before anything of
the request's body is read. It does no I/O but the look into the login table.

The order is fixed: Host, then Origin and fetch metadata, then login or token,
then XSRF. Rules AC1 to AC8, AC21 to AC24: docs/specs/access.md.
"""

import enum
from typing import Final, Literal, NamedTuple

from carnet.clock import Clock
from carnet.security.api_tokens import ApiTokens
from carnet.security.logins import Login, LoginTable, came_from_form
from carnet.security.origins import host_name, is_our_host, is_same_origin
from carnet.security.scopes import ALL, NONE, Scope, written
from carnet.security.throttle import Throttle
from carnet.security.tokens import equal
from carnet.security.xsrf import FormTokens, token_of_login

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Who(enum.Enum):
    """Who may use a route. There is no default: start-up fails for a route that does not say."""

    PUBLIC = "anyone"
    """Anyone whose Host (and Origin) is right: the login form, static files, the version."""
    LOGIN = "signed in"
    """A login, or a token."""


class Kind(enum.Enum):
    """How a route is used: what a foreign page may do with it, and what a refusal looks like."""

    PAGE = "page"
    """A document for people. Others may link to it; a refusal is a page, or leads to the login form."""
    FILE = "file"
    """Bytes of a user. Others may link to it."""
    API = "api"
    """Data for programs; a refusal is JSON."""
    STATIC = "static"
    """Our own scripts and styles."""
    SOCKET = "socket"
    """A WebSocket: a browser must say its Origin."""
    FORM = "form"
    """A page with a form of its own: the XSRF token comes in the body, and the handler looks at it."""
    REPORT = "report"
    """What a browser tells by itself, with the user's cookie and without our token. It changes nothing."""


class Asked(NamedTuple):
    """The facts of one request that matter here."""

    method: str
    host: str
    """The Host header."""
    scheme: str
    """`http` or `https`: as the browser sees it, where a trusted proxy says so."""
    local_address: str
    """The address that the connection came in on; empty for a Unix socket."""
    remote_address: str
    origin: str | None = None
    referer: str | None = None
    fetch_site: str | None = None
    fetch_mode: str | None = None
    fetch_dest: str | None = None
    cookie: str | None = None
    """The login cookie's value."""
    token: str | None = None
    """From the Authorization header, or `?token=` of a GET."""
    xsrf: str | None = None
    """From the header or the query."""


class Identity(NamedTuple):
    """Who asks. `how` says what was shown for it; `open`: this server asks for nothing."""

    user: str
    how: Literal["login", "token", "api-token", "open", "nobody"]
    login: Login | None = None
    scopes: frozenset[Scope] = ALL
    """What they may do. Only named tokens may do less than everything."""
    token_id: str = ""
    """Of a named token."""

    @property
    def is_signed_in(self) -> bool:
        """Return whether this is somebody who may use what is for the owner."""
        return self.how != "nobody"


class Refusal(NamedTuple):
    """The request goes no further. `message` is for people, `reason` for programs."""

    status: int
    reason: str
    message: str
    sign_in: bool = False
    """A page may lead to the login form instead."""
    retry_s: int = 0


class GateRules(NamedTuple):
    """What the owner set."""

    user: str
    token: str
    """Empty: no token opens this server."""
    has_password: bool
    token_is_chosen: bool
    """The token was thought up by a person: wrong ones are counted like passwords."""
    host_names: frozenset[str]
    any_host: bool = False


class Gate:
    """Admits or refuses. One for the whole server."""

    def __init__(
        self,
        rules: GateRules,
        logins: LoginTable,
        throttle: Throttle,
        clock: Clock,
        tokens: ApiTokens | None = None,
        form_key: bytes | None = None,
    ) -> None:
        self.rules = rules
        self.logins = logins
        self.tokens = tokens
        self.throttle = throttle
        self.form_tokens = FormTokens(form_key)
        self._clock = clock

    @property
    def is_open(self) -> bool:
        """Return whether this server asks for nothing: the owner set neither password nor token."""
        return not self.rules.token and not self.rules.has_password

    def admit(self, asked: Asked, who: Who, kind: Kind, needs: Scope = Scope.READ) -> Identity | Refusal:
        """Return who asks, or why the request goes no further. `needs`: what the route does."""
        if not self.is_our_name(asked.host, asked.local_address):
            name = host_name(asked.host) or ""
            option = f"start with --local-hostnames={name}, or " if 0 < len(name) <= 100 else ""
            return Refusal(
                403,
                "host",
                f"This server does not answer to the name {asked.host[:100]!r}. "
                f"If the name is yours, {option}add it to c.NotebookApp.local_hostnames.",
            )
        by_token = self._by_token(asked)
        if isinstance(by_token, Identity) and who is Who.LOGIN and needs not in by_token.scopes:
            return Refusal(
                403, "scope", f"This token may {written(by_token.scopes)}; this needs {needs.value}."
            )
        if by_token is not None:
            return by_token
        foreign = _foreign(asked, kind)
        if foreign is not None:
            return foreign
        identity = self._identity(asked)
        if who is Who.LOGIN and not identity.is_signed_in:
            return Refusal(403, "login", "Sign in first, or send a token.", sign_in=True)
        if who is Who.PUBLIC:
            return identity
        has_xsrf = self.is_xsrf_right(asked.cookie, identity, asked.xsrf or "")
        if kind not in {Kind.PAGE, Kind.FORM} and not has_xsrf and _is_of_another_page(asked):
            return _FOREIGN
        if has_xsrf or asked.method in SAFE_METHODS or kind in {Kind.FORM, Kind.REPORT}:
            return identity
        return Refusal(403, "xsrf", "The XSRF token is missing or wrong. Reload the page and try again.")

    def is_xsrf_right(self, cookie: str | None, identity: Identity, given: str) -> bool:
        """Return whether a token that came with a request, or in a form, is the right one for who asks."""
        if not given:
            return False
        if identity.login is None or cookie is None:
            return self.form_tokens.is_ours(given)
        return equal(given, token_of_login(cookie)) or came_from_form(identity.login, given)

    def xsrf_token(self, cookie: str | None, identity: Identity) -> str:
        """Return the token that a page of this browser is to send."""
        if identity.login is None or cookie is None:
            return self.form_tokens.make()
        return token_of_login(cookie)

    def is_our_name(self, host: str, local_address: str) -> bool:
        """Return whether this server answers to a Host header."""
        return self.rules.any_host or is_our_host(
            host, names=self.rules.host_names, local_address=local_address
        )

    def _by_token(self, asked: Asked) -> Identity | Refusal | None:
        if asked.token is None:
            return None
        named = self.tokens.find(asked.token) if self.tokens is not None else None
        if named is not None:
            return Identity(self.rules.user, "api-token", None, named.scopes, named.token_id)
        if not self.rules.token:
            return None
        if not self.rules.token_is_chosen:
            return self._token_identity() if equal(asked.token, self.rules.token) else None
        now_s = self._clock.monotonic_s()
        wait_s = self.throttle.wait_s(asked.remote_address, now_s)
        if wait_s > 0:
            return too_many(wait_s)
        if equal(asked.token, self.rules.token):
            return self._token_identity()
        self.throttle.begin(asked.remote_address, now_s)
        return None

    def _token_identity(self) -> Identity:
        return Identity(self.rules.user, "token")

    def _identity(self, asked: Asked) -> Identity:
        login = self.logins.find(asked.cookie) if asked.cookie else None
        if login is not None:
            return Identity(login.user, "login", login)
        return Identity(self.rules.user, "open") if self.is_open else Identity("", "nobody", None, NONE)


def too_many(wait_s: float) -> Refusal:
    """Return the refusal of somebody who guesses."""
    seconds = int(wait_s) + 1
    return Refusal(
        429, "throttled", f"Too many wrong tries. Wait {seconds} s and try again.", retry_s=seconds
    )


_FOREIGN: Final = Refusal(403, "origin", "Another site asked for this on your behalf, so it was not done.")


def _foreign(asked: Asked, kind: Kind) -> Refusal | None:
    """Refuse what another site's page makes the browser send with the user's cookie."""
    if asked.origin is not None and not is_same_origin(
        asked.origin, scheme=asked.scheme, authority=asked.host
    ):
        return _FOREIGN
    if asked.fetch_site in {None, "same-origin", "none"}:
        return None
    is_link = (
        asked.method in SAFE_METHODS and asked.fetch_mode == "navigate" and asked.fetch_dest == "document"
    )
    if is_link and kind in {Kind.PAGE, Kind.FILE, Kind.FORM}:
        return None
    return _FOREIGN


def _is_of_another_page(asked: Asked) -> bool:
    """Return whether only the Referer says where a request comes from, and it is not from here.

    Browsers that send no fetch metadata (before 2023) say no Origin with a GET either.
    """
    if asked.referer is None or asked.fetch_site is not None or asked.origin is not None:
        return False
    origin = "/".join(asked.referer.split("/", 3)[:3])
    return not is_same_origin(origin, scheme=asked.scheme, authority=asked.host)
