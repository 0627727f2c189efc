"""The front door: finds the route of a request, and asks the gate, before a byte of its body is read.

Requests and sockets pass the same way, so no handler can forget to ask. What is
refused gets its answer at once, and its body is not waited for. Rules AC1 to
AC8: docs/specs/access.md.
"""

import logging
import re
from collections.abc import Awaitable, Mapping, Sequence
from socket import AF_UNIX
from typing import Final, NamedTuple, cast
from urllib.parse import parse_qsl, urlencode

from tornado.escape import url_unescape
from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream
from tornado.routing import Router
from tornado.web import Application, RequestHandler

from carnet.errors import TooMuch
from carnet.security import proxies, xsrf
from carnet.security.access import Asked, Identity, Kind, Refusal, Who
from carnet.security.cross_origin import NOBODY, CrossOrigin
from carnet.security.scopes import NONE
from carnet.security.tokens import token_of_header
from carnet.server.handlers.preflight import Preflight
from carnet.server.handlers.refuse import Refuse
from carnet.server.routes import SMALL_BODY_BYTES, Route
from carnet.server.services import Services
from carnet.server.shares import Lease, Thing

log = logging.getLogger("carnet.server")

BODY_TIMEOUT_S: Final = 10.0
"""For the whole body of somebody who is not signed in."""

_NOWHERE: Final = Route("", "refuse:Refuse", Who.PUBLIC, Kind.PAGE, "GET")
_NOWHERE_API: Final = Route("", "refuse:Refuse", Who.PUBLIC, Kind.API, "GET")


class Admission(NamedTuple):
    """What a handler is told of its request, besides the request."""

    services: Services
    route: Route
    identity: Identity
    cookie: str | None
    """The login cookie's value."""
    token_in_url: bool
    """The request came with `?token=`; it is not in the request's address any more."""
    refusal: Refusal | None = None
    cross_origin: Mapping[str, str] = NOBODY
    """Headers for a page of another origin."""
    direct: proxies.Seen | None = None
    """What came before the proxy's headers were believed; None: they are not."""
    leases: Sequence[Lease] = ()
    """What the request holds until it is answered."""


class Front(Router):
    """Tornado's entry for every request."""

    def __init__(self, application: Application, services: Services, routes: Sequence[Route]) -> None:
        self._application = application
        self._services = services
        self._routes = routes
        settings = services.settings
        pattern = re.compile(settings.allow_origin_pat) if settings.allow_origin_pat else None
        self._cross_origin = CrossOrigin(settings.allow_origin, pattern, settings.allow_credentials)
        self._proxies: Sequence[proxies.Network] | None = None
        if settings.trust_xheaders:
            self._proxies = proxies.networks(settings.trusted_proxies or proxies.PRIVATE)

    def find_handler(self, request: HTTPServerRequest, **_: object) -> HTTPMessageDelegate:
        """Return what takes the request: its route's handler, or the refusal."""
        services = self._services
        if _is_unix(request):
            request.remote_ip = "127.0.0.1"
        direct = _look_through(request, self._proxies) if self._proxies is not None else None
        token_in_url = _take_token(request)
        path = request.path
        found = self._find(path)
        route, arguments = found if found is not None else (_nowhere(path, services.base_url), [])
        cookie = _cookie(request, cookie_name(services, request.protocol))
        asked = _asked(request, cookie, token_in_url)
        origin = asked.origin
        # A server that asks for nothing would be every page's: there, being allowed is not enough.
        if self._cross_origin.allows(origin) and not services.gate.is_open:
            if request.method == "OPTIONS" and found is not None:
                return self._preflight(request, route, self._cross_origin.preflight(origin), arguments)
            # As a page of our own: it still has to show who it is.
            asked = asked._replace(origin=None, referer=None, fetch_site=None)
        verdict = services.gate.admit(asked, route.who, route.kind, route.needs(asked.method))
        refusal = verdict if isinstance(verdict, Refusal) else None
        identity = verdict if isinstance(verdict, Identity) else Identity("", "nobody", None, NONE)
        refusal = refusal or self._shape_refusal(request, route, found is not None)
        limit_bytes = self._limit(route, identity)
        if refusal is None and _content_length(request) > limit_bytes:
            refusal = Refusal(
                413, "too-large", f"The request is too large: at most {limit_bytes} bytes are taken."
            )
        handler: type[RequestHandler] = Refuse if refusal else route.load()
        counted = None
        if refusal is None and route.who is Who.LOGIN:
            try:
                counted = self._count(request, handler, identity)
            except TooMuch as error:
                refusal, handler = Refusal(error.status, type(error).__name__, str(error)), Refuse
        connection = cast("HTTP1Connection", request.connection)
        connection.set_max_body_size(SMALL_BODY_BYTES if refusal else limit_bytes)
        if identity.is_signed_in:
            services.strangers.remove(connection.stream)
        if not identity.is_signed_in or refusal:
            connection.set_body_timeout(BODY_TIMEOUT_S)
        by_token = identity.how in {"token", "api-token"}
        cross_origin = (
            NOBODY if services.gate.is_open else self._cross_origin.response(origin, has_token=by_token)
        )
        admission = Admission(
            services,
            route,
            identity,
            cookie,
            token_in_url is not None,
            refusal,
            cross_origin,
            direct,
            counted or (),
        )
        delegate = self._application.get_handler_delegate(
            request, handler, target_kwargs={"admission": admission}, path_args=arguments
        )
        return delegate if counted is None else _Counted(delegate, request, counted)

    def _count(
        self, request: HTTPServerRequest, handler: type[RequestHandler], identity: Identity
    ) -> Sequence[Lease]:
        """Take what the request holds until it is answered: itself, and the memory for its body.

        Raises:
            TooMuch: its holder has as much as it may.
        """
        address = request.remote_ip or ""
        one = self._services.shares.lease(identity, address, Thing.REQUESTS)
        one.hold(1)
        if not getattr(handler, "keeps_body_in_memory", True):
            return (one,)
        body = self._services.shares.lease(identity, address, Thing.MEMORY)
        try:
            body.hold(_content_length(request))
        except TooMuch:
            one.release()
            raise
        return (one, body)

    def _preflight(
        self, request: HTTPServerRequest, route: Route, answer: Mapping[str, str], arguments: list[bytes]
    ) -> HTTPMessageDelegate:
        nobody = Identity("", "nobody", None, NONE)
        admission = Admission(self._services, route, nobody, None, False, None, answer)
        cast("HTTP1Connection", request.connection).set_max_body_size(SMALL_BODY_BYTES)
        return self._application.get_handler_delegate(
            request, Preflight, target_kwargs={"admission": admission}, path_args=arguments
        )

    def _find(self, path: str) -> tuple[Route, list[bytes]] | None:
        base = self._services.base_url
        if not path.startswith(base):
            return None
        rest = path[len(base) :]
        for route in self._routes:
            found = route.path.fullmatch(rest)
            if found is not None:
                # Tornado decodes them again as UTF-8; see Handler.decode_argument.
                groups = [url_unescape(group or "", encoding=None, plus=False) for group in found.groups()]
                return route, groups
        return None

    def _shape_refusal(self, request: HTTPServerRequest, route: Route, is_found: bool) -> Refusal | None:
        if not is_found:
            if request.path in {"/", self._services.base_url[:-1]} and request.method in {"GET", "HEAD"}:
                return Refusal(302, "base-url", "")
            return Refusal(404, "no-route", "There is no such page here.")
        if request.headers.get("Content-Type", "").lower().startswith("multipart/"):
            return Refusal(
                415, "multipart", "Multipart bodies are not taken. Send JSON, or the bytes as they are."
            )
        if request.method not in route.methods.split():
            return Refusal(405, "method", f"{request.method} is not possible here, only {route.methods}.")
        if route.kind is Kind.SOCKET and request.headers.get("Upgrade", "").lower() != "websocket":
            return Refusal(426, "websocket", "This address is for WebSockets.")
        return None

    def _limit(self, route: Route, identity: Identity) -> int:
        if not identity.is_signed_in:
            return min(route.body_bytes, SMALL_BODY_BYTES) if route.body_bytes >= 0 else SMALL_BODY_BYTES
        return (
            self._services.settings.max_body_bytes
            if route.body_bytes < 0
            else max(route.body_bytes, SMALL_BODY_BYTES)
        )


class _Counted(HTTPMessageDelegate):
    """Counts the bytes of a body whose length was not told, and what is held by a request that never gets to its handler."""

    def __init__(
        self, inner: HTTPMessageDelegate, request: HTTPServerRequest, leases: Sequence[Lease]
    ) -> None:
        self._inner = inner
        self._request = request
        self._leases = leases
        self._came_bytes = 0
        self._is_whole = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        self._came_bytes += len(chunk)
        for body in self._leases[1:]:
            if self._came_bytes > body.amount:
                try:
                    body.hold(self._came_bytes)
                except TooMuch as error:
                    # Its head is gone by, so there is no way to answer but to end.
                    log.info("a request of %s was ended: %s", self._request.remote_ip, error)
                    cast("HTTP1Connection", self._request.connection).stream.close()
                    return None
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._is_whole = True
        self._inner.finish()

    def on_connection_close(self) -> None:
        if not self._is_whole:  # else its handler holds it until it is done
            for lease in self._leases:
                lease.release()
        self._inner.on_connection_close()


def cookie_name(services: Services, scheme: str) -> str:
    """Return the login cookie's name. Cookies know no ports, so the port is in it; two servers do not clash."""
    if scheme == "https":
        return (
            f"__Host-carnet-{services.port}"
            if services.base_url == "/"
            else f"__Secure-carnet-{services.port}"
        )
    return f"carnet-{services.port}"


def _nowhere(path: str, base_url: str) -> Route:
    return _NOWHERE_API if path.startswith(f"{base_url}api/") else _NOWHERE


def _asked(request: HTTPServerRequest, cookie: str | None, token_in_url: str | None) -> Asked:
    header = request.headers.get
    token = token_of_header(header("Authorization", "") or "")
    return Asked(
        method=request.method or "",
        host=header("Host", "") or "",
        scheme=request.protocol,
        local_address=local_address(request),
        remote_address=request.remote_ip or "",
        origin=header("Origin"),
        referer=header("Referer"),
        fetch_site=header("Sec-Fetch-Site"),
        fetch_mode=header("Sec-Fetch-Mode"),
        fetch_dest=header("Sec-Fetch-Dest"),
        cookie=cookie,
        token=token or token_in_url,
        xsrf=header(xsrf.HEADER) or _query(request, xsrf.ARGUMENT),
    )


def _take_token(request: HTTPServerRequest) -> str | None:
    """Return the token in the address of a GET, and take it out: what is not there cannot leak into a log."""
    if "token=" not in request.query:
        return None
    pairs = parse_qsl(request.query, keep_blank_values=True)
    tokens = [value for name, value in pairs if name == "token"]
    request.query = urlencode([(name, value) for name, value in pairs if name != "token"])
    request.uri = request.path + (f"?{request.query}" if request.query else "")
    request.arguments.pop("token", None)
    request.query_arguments.pop("token", None)
    return tokens[0] if tokens and tokens[0] and request.method in {"GET", "HEAD"} else None


def _query(request: HTTPServerRequest, name: str) -> str | None:
    values = request.query_arguments.get(name)
    return values[-1].decode("utf-8", "replace") if values else None


_COOKIE: Final = re.compile(r"[^\x00-\x20\";,\\]*")


def _cookie(request: HTTPServerRequest, name: str) -> str | None:
    """Return one cookie. Not Tornado's parser: all we need is a word, and a header of 16 KiB must cost nothing."""
    for pair in (request.headers.get("Cookie") or "").split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name and _COOKIE.fullmatch(value):
            return value
    return None


def _content_length(request: HTTPServerRequest) -> int:
    text = request.headers.get("Content-Length", "0") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def _look_through(request: HTTPServerRequest, trusted: Sequence[proxies.Network]) -> proxies.Seen:
    """Put in place of what the proxy did what the browser did, and return the former."""
    address = "" if _is_unix(request) else request.remote_ip or ""
    direct = proxies.Seen(address, request.protocol, request.headers.get("Host", "") or "")
    seen = proxies.seen_through(direct, request.headers, trusted)
    request.remote_ip, request.protocol = seen.address or "127.0.0.1", seen.scheme
    if seen.host != direct.host:
        request.host = request.headers["Host"] = seen.host
    return direct


def _is_unix(request: HTTPServerRequest) -> bool:
    stream = getattr(request.connection, "stream", None)
    family: object = getattr(getattr(stream, "socket", None), "family", None)
    return family == AF_UNIX


def local_address(request: HTTPServerRequest) -> str:
    """Return the address of ours that the connection came in on."""
    stream = getattr(request.connection, "stream", None)
    if not isinstance(stream, IOStream) or stream.socket is None:
        return ""
    try:
        name = stream.socket.getsockname()
    except OSError:  # gone already
        return ""
    if not isinstance(name, tuple):
        return ""
    address = str(name[0]).partition("%")[0]
    return address.removeprefix("::ffff:") if "." in address else address
