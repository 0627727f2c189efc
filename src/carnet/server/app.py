"""The composition root: makes the parts of one server and puts them together. No decisions.

What it imports is what the first page needs; a test lists it.
"""

import asyncio
import importlib
import importlib.util
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tornado.web import Application

from carnet.clock import Clock
from carnet.config.load import Loaded
from carnet.config.settings import Settings
from carnet.security.access import Gate, GateRules
from carnet.security.logins import LoginTable
from carnet.security.owner import owner_name
from carnet.security.state import SecurityState
from carnet.security.throttle import Throttle
from carnet.security.tokens import new_token
from carnet.server import routes
from carnet.server.doors import DoorServer
from carnet.server.front import Front
from carnet.server.handlers.base import Handler
from carnet.server.index import STATIC_FOLDER, Shell
from carnet.server.services import Services
from carnet.server.shares import Shares
from carnet.server.static_files import StaticFiles

if TYPE_CHECKING:
    from carnet.server.workbench import Workbench

log = logging.getLogger("carnet.server")

HEADER_BYTES: Final = 16 << 10
IDLE_S: Final = 30.0
LINK_FRAME_BYTES: Final = 100 << 20
PING_S: Final = 22
"""Below the shortest idle time-out (30 s) that proxies in the field have."""


class WorkbenchOpener:
    """Opens the workbench at the first call, once."""

    def __init__(self, loaded: Loaded, state_folder: Path, clock: Clock) -> None:
        self._loaded = loaded
        self._state_folder = state_folder
        self._clock = clock
        self._task: asyncio.Task[Workbench] | None = None

    async def __call__(self) -> "Workbench":
        """Return it. Raises what kept it from opening, each time."""
        if self._task is None:
            self._task = asyncio.create_task(self._open(), name="open workbench")
        return await asyncio.shield(self._task)

    @property
    def opened(self) -> "Workbench | None":
        """The workbench, if it is open."""
        task = self._task
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    async def _open(self) -> "Workbench":
        importlib.import_module("carnet.server.memory").use_one_heap()
        module = await asyncio.to_thread(importlib.import_module, "carnet.server.workbench")
        opening: Callable[..., Awaitable[Workbench]] = module.open_workbench
        return await opening(self._loaded, self._state_folder, self._clock)


def make_services(
    loaded: Loaded,
    state_folder: Path,
    clock: Clock,
    opener: WorkbenchOpener,
    security: SecurityState,
    names: frozenset[str] = frozenset(),
) -> Services:
    """Make what handlers are given. `names`: more host names under which browsers come.

    Raises:
        carnet.database.DatabaseDamaged, sqlite3.Error, OSError: the state folder cannot be used.
    """
    settings = loaded.settings
    user = owner_name()
    has_password = bool(security.accounts.password_hash(user, settings.password))
    rules = GateRules(
        user=user,
        token=_token(loaded, has_password=has_password),
        has_password=has_password,
        token_is_chosen=bool(settings.token),
        host_names=_host_names(loaded) | names,
        any_host=settings.allow_remote_access,
    )
    throttle = Throttle(security.attempts, clock)
    gate = Gate(rules, LoginTable(state_folder, clock), throttle, clock, security.tokens, security.form_key)
    static = StaticFiles(static_folder(loaded))
    shell = Shell(settings.base_url, static_url(loaded), static.folder, extras(settings))
    return Services(
        loaded=loaded,
        state_folder=state_folder,
        clock=clock,
        gate=gate,
        security=security,
        shell=shell,
        static=static,
        shares=Shares(settings),
        open_workbench=opener,
        started_ms=clock.now_ms(),
    )


def make_server(services: Services) -> DoorServer:
    """Return Tornado's server, not listening yet. It speaks no TLS by itself: see `server.tls_port`.

    Raises:
        ConfigError: a route does not say who may use it.
    """
    routes.check(routes.ROUTES)
    settings = services.settings
    application_settings: dict[str, Any] = {
        **settings.webapp_settings,
        "log_function": _log_request,
        "websocket_ping_interval": PING_S,
        "websocket_max_message_size": LINK_FRAME_BYTES,
        "compress_response": False,
    }
    for name in ("static_path", "static_url_prefix"):  # Tornado would make routes of its own for them
        application_settings.pop(name, None)
    application = Application([], **application_settings)
    server = DoorServer(
        Front(application, services, routes.in_force(services.settings)),
        max_header_size=HEADER_BYTES,
        max_body_size=routes.SMALL_BODY_BYTES,
        # The stream must be able to hold the largest body; the front door sets the limit for each request.
        max_buffer_size=max(settings.max_body_bytes, LINK_FRAME_BYTES) + HEADER_BYTES,
        idle_connection_timeout=IDLE_S,
    )
    server.strangers = services.strangers
    return server


def static_url(loaded: Loaded) -> str:
    """Return where the built files are: below the base URL, or where the owner's proxy has them."""
    prefix = loaded.settings.webapp_settings.get("static_url_prefix")
    if isinstance(prefix, str) and prefix:
        return prefix if prefix.endswith("/") else f"{prefix}/"
    return f"{loaded.settings.base_url}static/"


def extras(settings: Settings) -> frozenset[str]:
    """Return what is installed beside Carnet, or may be switched off, and has commands in the page."""
    found = {"export"} if importlib.util.find_spec("nbconvert") is not None else set()
    if settings.jupyterlab and importlib.util.find_spec("jupyterlab") is not None:
        found.add("lab")
    if settings.terminals_enabled:
        found.add("terminals")
    return frozenset(found)


def static_folder(loaded: Loaded) -> Path:
    """Return where the built page is: ours, or what Tornado's own setting `static_path` says."""
    named = loaded.settings.webapp_settings.get("static_path")
    return Path(named) if isinstance(named, str) and named else STATIC_FOLDER


def _token(loaded: Loaded, *, has_password: bool) -> str:
    chosen = loaded.settings.token
    if chosen is not None:
        return chosen
    return "" if has_password else new_token()


def _host_names(loaded: Loaded) -> frozenset[str]:
    settings = loaded.settings
    names = {*settings.local_hostnames}
    if settings.ip in {"", "*", "0.0.0.0", "::"}:
        names |= {socket.gethostname(), f"{socket.gethostname()}.local"}
    else:
        names |= {settings.ip}
    return frozenset(name.lower().strip("[]") for name in names if name)


def _log_request(handler: Handler) -> None:
    """One line for what went wrong; the rest only when debugging. Never a query string."""
    status = handler.get_status()
    level = logging.WARNING if status >= 500 else logging.DEBUG
    elapsed_ms = 1000 * handler.request.request_time()
    log.log(level, "%s %s: %d in %.0f ms", handler.request.method, handler.request.path, status, elapsed_ms)
