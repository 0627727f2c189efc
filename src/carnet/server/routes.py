"""Every route of the server: one table. A route says who may use it, or the server does not start.

Handlers are named, not imported: a handler's module is imported at its first
request, so the first page pays for itself only. docs/reference/routes.md is
held against this table.
"""

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

from tornado.web import RequestHandler

from carnet.config.settings import Settings
from carnet.errors import ConfigError
from carnet.security.access import SAFE_METHODS, Kind, Who
from carnet.security.scopes import Scope

HANDLERS: Final = "carnet.server.handlers"

SMALL_BODY_BYTES: Final = 8 << 10
"""What is read of a request's body before somebody is signed in."""

JSON_BODY_BYTES: Final = 1 << 20

DOCTOR_BODY_BYTES: Final = 16 << 20

BLOB_BODY_BYTES: Final = 64 << 20
"""Of a blob for the kernel: it is in memory once, and goes to it whole."""


@dataclass(frozen=True)
class Route:
    """One address, or a family of them."""

    pattern: str
    """Regular expression for the path below the base URL, percent-encoded, whole. Groups are decoded for the handler."""
    handler: str
    """`module:Class`, the module below carnet.server.handlers."""
    who: Who
    kind: Kind
    methods: str
    """Those that the handler answers; others get 405."""
    body_bytes: int = 0
    """Largest body taken from somebody signed in. -1: the setting max_body_bytes."""
    writes: Scope | None = None
    """What a token needs for methods that change something. None: there are none, or the route is public."""
    reads: Scope = Scope.READ
    """What a token needs to look."""
    switch: str = ""
    """The setting without which it does not exist."""

    @cached_property
    def path(self) -> re.Pattern[str]:
        """The pattern, compiled."""
        return re.compile(self.pattern)

    def needs(self, method: str) -> Scope:
        """Return what a token needs for a method."""
        return self.reads if method in SAFE_METHODS or self.writes is None else self.writes

    def load(self) -> type[RequestHandler]:
        """Import and return the handler's class."""
        module, _, name = self.handler.partition(":")
        return cast("type[RequestHandler]", getattr(importlib.import_module(f"{HANDLERS}.{module}"), name))


def load_all(routes: Sequence[Route]) -> None:
    """Import what the routes need, so that no first request holds up the loop with it. Called on a worker thread."""
    for route in routes:
        route.load()


_ID = r"([0-9A-Za-z_-]{1,64})"
_PATH = r"((?:/.*)?)"
_TERMINALS = "terminals_enabled"

ROUTES: Final[Sequence[Route]] = (
    # pages
    Route(r"", "pages:Page", Who.LOGIN, Kind.PAGE, "GET HEAD"),
    Route(rf"(?:tree|notebooks|edit|view){_PATH}", "pages:Page", Who.LOGIN, Kind.PAGE, "GET HEAD"),
    Route(r"terminals/(\w{1,64})", "pages:Page", Who.LOGIN, Kind.PAGE, "GET HEAD", switch=_TERMINALS),
    Route(r"login", "login:LoginPage", Who.PUBLIC, Kind.FORM, "GET HEAD POST", SMALL_BODY_BYTES),
    Route(r"logout", "login:LogoutPage", Who.PUBLIC, Kind.FORM, "GET HEAD POST", SMALL_BODY_BYTES),
    Route(
        r"account",
        "account:AccountPage",
        Who.LOGIN,
        Kind.FORM,
        "GET HEAD POST",
        SMALL_BODY_BYTES,
        Scope.ADMIN,
        Scope.ADMIN,
    ),
    # what pages are made of
    Route(r"static/(.+)", "static:StaticFile", Who.PUBLIC, Kind.STATIC, "GET HEAD"),
    Route(r"(favicon\.ico|robots\.txt)", "static:RootFile", Who.PUBLIC, Kind.STATIC, "GET HEAD"),
    Route(r"output-frame", "pages:OutputFrame", Who.LOGIN, Kind.FILE, "GET HEAD"),
    # the link
    Route(r"link", "link:LinkSocket", Who.LOGIN, Kind.SOCKET, "GET"),
    Route(r"link/http", "link_http:Carriers", Who.LOGIN, Kind.API, "POST", SMALL_BODY_BYTES, Scope.READ),
    Route(
        rf"link/http/{_ID}",
        "link_http:OneCarrier",
        Who.LOGIN,
        Kind.API,
        "POST DELETE",
        JSON_BODY_BYTES,
        Scope.READ,
    ),
    Route(rf"link/http/{_ID}/stream", "link_http:Stream", Who.LOGIN, Kind.API, "GET"),
    Route(rf"link/http/{_ID}/poll", "link_http:Poll", Who.LOGIN, Kind.API, "GET"),
    # bytes of users
    Route(r"files/(.*)", "files:UserFile", Who.LOGIN, Kind.FILE, "GET HEAD PUT", -1, Scope.EDIT),
    Route(r"blobs", "blobs:Blobs", Who.LOGIN, Kind.API, "POST", BLOB_BODY_BYTES, Scope.RUN),
    Route(r"blobs/([0-9a-f]{64})", "blobs:Blob", Who.LOGIN, Kind.FILE, "GET HEAD"),
    # JupyterLab's own front end
    Route(
        r"(lab|doc)(?:/workspaces/([A-Za-z0-9_-]+))?(/tree(?:/.*)?)?/?",
        "lab:Page",
        Who.LOGIN,
        Kind.PAGE,
        "GET HEAD",
    ),
    Route(r"lab/static/(.+)", "lab:StaticFile", Who.LOGIN, Kind.STATIC, "GET HEAD"),
    Route(r"lab/extensions/(.+)", "lab:ExtensionFile", Who.LOGIN, Kind.STATIC, "GET HEAD"),
    Route(r"lab/api/themes/(.+)", "lab:ThemeFile", Who.LOGIN, Kind.STATIC, "GET HEAD"),
    Route(r"lab/api/settings/?", "lab:AllSettings", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(
        r"lab/api/settings/(.+)",
        "lab:OneSettings",
        Who.LOGIN,
        Kind.API,
        "GET HEAD PUT",
        JSON_BODY_BYTES,
        Scope.EDIT,
    ),
    Route(r"lab/api/workspaces/?", "lab:AllWorkspaces", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(
        r"lab/api/workspaces/(.+)",
        "lab:OneWorkspace",
        Who.LOGIN,
        Kind.API,
        "GET HEAD PUT DELETE",
        JSON_BODY_BYTES,
        Scope.EDIT,
    ),
    Route(r"lab/api/translations/?(\w{0,40})", "lab:Translations", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"lab/api/listings/(.+)", "lab:Listings", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"lab/api/licenses/?", "lab:Licenses", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"lsp/status", "lab:LanguageServers", Who.LOGIN, Kind.API, "GET HEAD"),
    # notebooks as other formats
    Route(r"api/nbconvert", "nbconvert:Formats", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"nbconvert/(\w{1,64})/(.+)", "nbconvert:NotebookAs", Who.LOGIN, Kind.FILE, "GET HEAD"),
    Route(r"nbconvert/(\w{1,64})", "nbconvert:SentAs", Who.LOGIN, Kind.FILE, "POST", -1, Scope.READ),
    # the API
    Route(r"api/?", "status:Version", Who.PUBLIC, Kind.API, "GET HEAD"),
    Route(r"api/status", "status:Status", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(
        r"api/terminals",
        "terminals:Terminals",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST",
        JSON_BODY_BYTES,
        Scope.RUN,
        switch=_TERMINALS,
    ),
    Route(
        r"api/terminals/(\w{1,64})",
        "terminals:OneTerminal",
        Who.LOGIN,
        Kind.API,
        "GET HEAD DELETE",
        writes=Scope.RUN,
        switch=_TERMINALS,
    ),
    Route(
        r"terminals/websocket/(\w{1,64})",
        "terminals:TerminalSocket",
        Who.LOGIN,
        Kind.SOCKET,
        "GET",
        reads=Scope.RUN,
        switch=_TERMINALS,
    ),
    Route(r"api/spec\.yaml", "spec:Spec", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"metrics", "server_itself:Metrics", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(
        r"api/shutdown", "server_itself:Shutdown", Who.LOGIN, Kind.API, "POST", SMALL_BODY_BYTES, Scope.ADMIN
    ),
    Route(
        r"api/security/csp-report",
        "server_itself:CspReport",
        Who.LOGIN,
        Kind.REPORT,
        "POST",
        SMALL_BODY_BYTES,
        Scope.READ,
    ),
    Route(r"api/resolvePath", "resolve:ResolvePath", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(
        r"api/config/(\w{1,64})",
        "config_sections:ConfigSection",
        Who.LOGIN,
        Kind.API,
        "GET HEAD PUT PATCH",
        JSON_BODY_BYTES,
        Scope.EDIT,
    ),
    Route(r"api/events", "events:Events", Who.LOGIN, Kind.API, "POST", JSON_BODY_BYTES, Scope.EDIT),
    Route(r"api/events/subscribe", "events:EventSocket", Who.LOGIN, Kind.SOCKET, "GET"),
    Route(r"api/doctor", "doctor:Doctor", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"api/doctor/stream", "doctor:DoctorStream", Who.LOGIN, Kind.API, "GET"),
    Route(
        r"api/doctor/body", "doctor:DoctorBody", Who.LOGIN, Kind.API, "POST", DOCTOR_BODY_BYTES, Scope.READ
    ),
    Route(r"api/me", "status:Me", Who.LOGIN, Kind.API, "GET HEAD PATCH", SMALL_BODY_BYTES, Scope.EDIT),
    Route(
        r"api/contents(/.*)?/checkpoints",
        "checkpoints:Checkpoints",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST PUT PATCH DELETE",
        -1,
        Scope.EDIT,
    ),
    Route(
        rf"api/contents(/.*)?/checkpoints/{_ID}",
        "checkpoints:OneCheckpoint",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST PUT PATCH DELETE",
        -1,
        Scope.EDIT,
    ),
    Route(
        r"api/contents(/.*)?/trust",
        "trust:Trust",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST PUT PATCH DELETE",
        -1,
        Scope.EDIT,
    ),
    Route(
        rf"api/contents{_PATH}",
        "contents:Contents",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST PUT PATCH DELETE",
        -1,
        Scope.EDIT,
    ),
    Route(
        r"api/notebooks(/.*)?",
        "contents:OldNotebooks",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST PUT PATCH DELETE",
        -1,
        Scope.EDIT,
    ),
    Route(r"api/trash", "trash:Trash", Who.LOGIN, Kind.API, "GET HEAD DELETE", writes=Scope.EDIT),
    Route(rf"api/trash/{_ID}", "trash:OneTrashed", Who.LOGIN, Kind.API, "POST", writes=Scope.EDIT),
    Route(r"api/kernelspecs", "kernelspecs:Kernelspecs", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"api/kernelspecs/([^/]+)", "kernelspecs:OneKernelspec", Who.LOGIN, Kind.API, "GET HEAD"),
    Route(r"kernelspecs/([^/]+)/([^/]+)", "kernelspecs:KernelspecFile", Who.LOGIN, Kind.FILE, "GET HEAD"),
    Route(
        r"api/kernels",
        "kernels:Kernels",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST",
        JSON_BODY_BYTES,
        Scope.RUN,
    ),
    Route(
        rf"api/kernels/{_ID}", "kernels:OneKernel", Who.LOGIN, Kind.API, "GET HEAD DELETE", writes=Scope.RUN
    ),
    Route(
        rf"api/kernels/{_ID}/(interrupt|restart)",
        "kernels:KernelAction",
        Who.LOGIN,
        Kind.API,
        "POST",
        writes=Scope.RUN,
    ),
    Route(
        rf"api/kernels/{_ID}/execute",
        "plain_runs:Execute",
        Who.LOGIN,
        Kind.API,
        "POST",
        JSON_BODY_BYTES,
        Scope.RUN,
    ),
    Route(
        rf"api/kernels/{_ID}/requests/{_ID}",
        "plain_runs:Request",
        Who.LOGIN,
        Kind.API,
        "GET HEAD DELETE",
        writes=Scope.RUN,
    ),
    Route(
        rf"api/kernels/{_ID}/input",
        "plain_runs:Input",
        Who.LOGIN,
        Kind.API,
        "POST",
        JSON_BODY_BYTES,
        Scope.RUN,
    ),
    Route(
        rf"api/kernels/{_ID}/channels",
        "channels:Channels",
        Who.LOGIN,
        Kind.SOCKET,
        "GET",
        reads=Scope.RUN,
    ),
    Route(
        r"api/sessions",
        "sessions:Sessions",
        Who.LOGIN,
        Kind.API,
        "GET HEAD POST",
        JSON_BODY_BYTES,
        Scope.RUN,
    ),
    Route(
        rf"api/sessions/{_ID}",
        "sessions:OneSession",
        Who.LOGIN,
        Kind.API,
        "GET HEAD PATCH DELETE",
        JSON_BODY_BYTES,
        Scope.RUN,
    ),
    Route(
        rf"api/collaboration/session{_PATH}",
        "collaboration:RoomSession",
        Who.LOGIN,
        Kind.API,
        "PUT",
        SMALL_BODY_BYTES,
        Scope.READ,
    ),
    Route(r"api/collaboration/room/(.+)", "collaboration:RoomSocket", Who.LOGIN, Kind.SOCKET, "GET"),
    Route(
        r"api/logins",
        "logins:Logins",
        Who.LOGIN,
        Kind.API,
        "GET HEAD DELETE",
        writes=Scope.ADMIN,
        reads=Scope.ADMIN,
    ),
    Route(
        r"api/logins/([0-9a-f]{16})",
        "logins:OneLogin",
        Who.LOGIN,
        Kind.API,
        "DELETE",
        writes=Scope.ADMIN,
    ),
)


def in_force(settings: Settings) -> Sequence[Route]:
    """Return the routes that exist with these settings."""
    return [route for route in ROUTES if not route.switch or getattr(settings, route.switch)]


def check(routes: Sequence[Route]) -> None:
    """Make sure that each route says who may use it, how, and with which methods.

    Raises:
        ConfigError: one does not. The server must not start.
    """
    for route in routes:
        # At run time anything can stand there, whatever the type says.
        if type(route.who) is not Who or type(route.kind) is not Kind:
            raise ConfigError(f"Route {route.pattern!r} does not say who may use it, and how.")
        if not route.methods or not set(route.methods.split()) <= set(RequestHandler.SUPPORTED_METHODS):
            raise ConfigError(f"Route {route.pattern!r} does not say which methods it answers.")
        changes = set(route.methods.split()) - SAFE_METHODS
        if route.who is Who.LOGIN and changes and route.writes is None:
            raise ConfigError(f"Route {route.pattern!r} does not say which scope {min(changes)} needs.")
