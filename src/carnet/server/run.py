"""Run one server from start to end: check, listen, say where, serve, and stop in good order.

What people read goes through `say`, given by the command line. It returns the
exit code and never ends the process itself.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tornado.httputil import HTTPServerRequest

from carnet import __version__
from carnet.clock import SystemClock
from carnet.config.folders import state_folder
from carnet.config.load import SECRET_ENVIRONMENT, Loaded
from carnet.config.settings import Settings
from carnet.errors import CarnetError, ConfigError
from carnet.security.origins import is_loopback
from carnet.security.owner import owner_name
from carnet.security.passwords import check_form, hash_password
from carnet.security.state import SecurityState
from carnet.server.announcing import address_of, other_addresses_of, qr_code
from carnet.server.app import WorkbenchOpener, make_server, make_services
from carnet.server.doors import DoorServer, have_descriptors, take_connections
from carnet.server.front import local_address
from carnet.server.link_watch import watch_links
from carnet.server.listening import Listening, listen, where_passed
from carnet.server.protection import Protection, check_exposure, describe, protect
from carnet.server.routes import ROUTES, load_all
from carnet.server.running import Presence, RunningServer, running_servers
from carnet.server.services import Services

if TYPE_CHECKING:
    from carnet.server.workbench import Workbench

log = logging.getLogger("carnet.server")

SECOND_CTRL_C_S: Final = 3.0
HTTPS_PORT: Final = 443
QUIET_START_S: Final = 0.5
"""The workbench is opened after the first answer, or after this long without a request."""

SWITCH_S: Final = 0.0002
"""A thread gives the interpreter away after so long when another one asks. The loop asks after each call of the system."""

NO_PASSWORD: Final = (
    "A public server needs a password, and nobody is here to be asked for one. Run `carnet passwd --save` first, "
    "set c.NotebookApp.password, or name a token: --NotebookApp.token=TOKEN."
)

Say = Callable[[str], None]
Ask = Callable[[], str]


def run(loaded: Loaded, env: Mapping[str, str], say: Say, ask: Ask | None = None) -> int:
    """Serve until told to stop, and return the exit code.

    Args:
        ask: asks a person for a new password; None: nobody is there to be asked.

    Raises:
        ConfigError: it cannot start; `str()` is one sentence.
    """
    for name in SECRET_ENVIRONMENT:  # kernels inherit our environment
        os.environ.pop(name, None)
    folder = state_folder(loaded.settings, env)
    loaded = loaded._replace(settings=where_passed(loaded.settings, os.environ))
    for note in loaded.notes:
        say(note)
    _check(loaded, folder, say)
    clock = SystemClock()
    opener = WorkbenchOpener(loaded, folder, clock)
    try:
        security = SecurityState.open(folder, clock)
        _have_key(loaded, security, say, ask)
        protection = protect(loaded, folder, clock)
        services = make_services(loaded, folder, clock, opener, security, protection.names())
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"The state folder {folder} cannot be used: {error}") from error
    services.is_secure = protection.context is not None
    if security.accounts.note_configured(services.gate.rules.user, loaded.settings.password):
        services.gate.logins.end_all()  # another password: who knew the old one is out
    have_descriptors()
    server = make_server(services)
    listening = listen(loaded, os.environ)
    services.port = listening.port
    presence = Presence.announce(folder, _ourselves(loaded, listening.port, services))
    security.audit.note("server-started", user=services.gate.rules.user, detail=f"port {listening.port}")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_Life(services, server, listening, opener, protection, say).live())
    finally:
        presence.leave()
        security.audit.note("server-stopped", user=services.gate.rules.user)
        services.gate.logins.close()
        security.close()
        services.threads.shutdown(wait=False, cancel_futures=True)


class _Life:
    """From the open port to the last word."""

    def __init__(
        self,
        services: Services,
        server: DoorServer,
        listening: Listening,
        opener: WorkbenchOpener,
        protection: Protection,
        say: Say,
    ) -> None:
        self._services = services
        self._server = server
        self._listening = listening
        self._opener = opener
        self._protection = protection
        self._say = say
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._failure = ""

    async def live(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        if self._services.settings.notebook_manager_class != Settings.notebook_manager_class:
            # A store of the owner's own is the likeliest thing to fail: before an address is shown, and a browser opens.
            await self._opener()
        self._stop_listening = self._listen()
        gc.freeze()  # what is there now stays; the collector need not look at it again
        gc.enable()
        sys.setswitchinterval(SWITCH_S)
        self._announce()
        preparing = asyncio.create_task(self._prepare(), name="prepare")
        watching = asyncio.create_task(watch_links(self._services), name="watch links")
        renewal = self._protection.renewal
        tasks = [preparing, watching]
        if renewal is not None:
            tasks.append(asyncio.create_task(renewal.run(), name="renew certificate"))
        received = await self._signals.get()
        for task in tasks:
            task.cancel()
        if self._failure:
            self._say(self._failure)
            await self._stop(end_kernels=not self._services.settings.kernels_outlive_server)
            return 1
        end_kernels = not self._services.settings.kernels_outlive_server
        if received is signal.SIGINT and not end_kernels:
            end_kernels = await self._ask_about_kernels()
        await self._stop(end_kernels=end_kernels)
        return 0

    def _listen(self) -> Callable[[], None]:
        """Take connections from now on; return what ends that."""
        if self._protection.context is None:
            return take_connections(self._listening.sockets, self._server.take, self._services.strangers)
        from carnet.server.tls_port import TlsPort  # only https needs it

        renewal = self._protection.renewal
        proofs = renewal.proofs if renewal is not None else None
        port = TlsPort(
            self._server, self._protection.context, self._https_url, proofs, self._services.strangers
        )
        port.add_sockets(self._listening.sockets)
        port.add_plain_sockets(self._listening.plain)
        return port.stop

    def _https_url(self, request: HTTPServerRequest) -> str:
        """Return where a request that came without TLS should have gone; empty: its Host is not ours."""
        is_ours = self._services.gate.is_our_name(request.host, local_address(request))
        if not is_ours:
            return ""
        if self._listening.plain:  # it came to another port, maybe
            name = (
                request.host.rpartition(":")[0]
                if request.host.rpartition("]")[2].count(":")
                else request.host
            )
            port = "" if self._listening.port == HTTPS_PORT else f":{self._listening.port}"
            return f"https://{name}{port}{request.uri}"
        return f"https://{request.host}{request.uri}"

    def _announce(self) -> None:
        services = self._services
        url = address_of(services, self._listening.port)
        token = services.gate.rules.token
        path = f"notebooks/{quote(services.loaded.open_path)}" if services.loaded.open_path else ""
        query = f"?token={quote(token)}" if token else ""
        if services.settings.notebook_manager_class == Settings.notebook_manager_class:
            self._say(f"Carnet serves {Path(services.settings.notebook_dir or '.').absolute()}")
        shown = [url, *other_addresses_of(services, self._listening.port)]
        self._say("\n" + "".join(f"    {one}{path}{query}\n" for one in shown))
        if self._protection.certificate is not None:
            self._say(f"{describe(self._protection, services.clock.now_ms())}\n")
        settings = services.settings
        # A log needs no picture, and a token does not belong into one that others may look at.
        for_others = settings.public or (not is_loopback(settings.ip) and sys.stderr.isatty())
        if for_others and not token and self._listening.port:
            self._say(qr_code(url))
        self._say(
            "Ctrl-C stops the server; kernels go on." if services.settings.kernels_outlive_server else ""
        )
        if services.settings.open_browser and self._listening.port:
            asyncio.get_running_loop().run_in_executor(None, _open_browser, services, f"{url}{path}{query}")

    async def _prepare(self) -> None:
        """Open what the first page does not need; open again what was open when the server last ended."""
        try:
            await asyncio.wait_for(self._services.first_page.wait(), QUIET_START_S)
        except TimeoutError:
            pass  # nobody is in a hurry
        try:
            bench = await self._opener()
            await bench.recover()
        except CarnetError as error:
            self._failure = str(error)
            self._signals.put_nowait(signal.SIGTERM)
        except Exception:
            log.exception("the server could not open its stores")
            self._failure = "Carnet could not open its stores; see above."
            self._signals.put_nowait(signal.SIGTERM)
        else:
            await asyncio.gather(self._warm_up(bench), asyncio.to_thread(load_all, ROUTES))

    async def _warm_up(self, bench: "Workbench") -> None:
        await self._services.first_page.wait()
        await bench.warm_up()

    async def _ask_about_kernels(self) -> bool:
        """Say which kernels go on, and return whether a second Ctrl-C came to end them."""
        bench = self._opener.opened
        try:
            kernels = await asyncio.wait_for(bench.kernels_if_any(), 2.0) if bench is not None else []
        except (CarnetError, TimeoutError):
            kernels = []
        alive = [kernel for kernel in kernels if kernel.status != "dead"]
        if not alive:
            return False
        names = ", ".join(sorted(kernel.label or kernel.kernel_id for kernel in alive))
        one = len(alive) == 1
        self._say(
            f"\n{'One kernel keeps' if one else f'{len(alive)} kernels keep'} running: {names}.\n"
            f"Start carnet again and open the notebook to come back to {'it' if one else 'them'}.\n"
            f"Press Ctrl-C again within {SECOND_CTRL_C_S:.0f} s to end {'it' if one else 'them'} too."
        )
        try:
            return await asyncio.wait_for(self._signals.get(), SECOND_CTRL_C_S) is signal.SIGINT
        except TimeoutError:
            return False

    async def _stop(self, *, end_kernels: bool) -> None:
        self._stop_listening()
        for link in tuple(self._services.links):
            link.say_goodbye("The server is stopping.", retry_ms=1000)
        bench = self._opener.opened
        if bench is not None:
            await bench.close(end_kernels=end_kernels)
        try:
            await asyncio.wait_for(self._server.close_all_connections(), 1.0)
        except TimeoutError:
            pass  # somebody reads slowly; the process ends all the same
        self._say("Stopped." if not end_kernels else "Stopped, and all kernels ended.")


def _have_key(loaded: Loaded, security: SecurityState, say: Say, ask: Ask | None) -> None:
    """Make sure that there is a password or a token where there must be one: ask for one, or refuse."""
    settings, user = loaded.settings, owner_name()
    has_password = bool(security.accounts.password_hash(user, settings.password))
    serves_others = not settings.sock and not is_loopback(settings.ip)
    if serves_others and not has_password and not settings.token and not settings.serve_unprotected:
        if ask is not None:
            say("Others will be able to reach this server. Choose the password that lets them in.")
            security.accounts.set_password(user, hash_password(ask()), configured=settings.password)
            security.audit.note("password-changed", user=user, detail="at the first public start")
            has_password = True
        elif settings.public:
            raise ConfigError(NO_PASSWORD)
    check_exposure(settings, has_key=has_password or settings.token != "")
    if not has_password and settings.token == "" and not serves_others:
        say("No password and no token: every user of this machine can run programs as you.")


def _check(loaded: Loaded, folder: Path, say: Say) -> None:
    """Refuse to start where it would not be safe, or could not work."""
    settings = loaded.settings
    if settings.password:
        try:
            check_form(settings.password)
        except ConfigError as error:
            source = loaded.sources.get("password", "")
            raise ConfigError(f"{source}: {error}" if source else str(error)) from error
    _check_notebook_dir(Path(settings.notebook_dir or ".").expanduser().absolute(), say)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"The state folder {folder} cannot be used: {error.strerror}. Name another one: --state-dir=FOLDER."
        ) from error
    here = str(Path(settings.notebook_dir or ".").expanduser().resolve())
    for other in running_servers(folder):
        if other.notebook_dir == here:
            raise ConfigError(
                f"Carnet serves {here} already: {other.url} (process {other.pid}). "
                f"Open that address, or end it: carnet stop {other.port}."
            )


def _check_notebook_dir(folder: Path, say: Say) -> None:
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            say(f"Made the folder {folder}.")
        if not folder.is_dir():
            raise ConfigError(f"notebook_dir: {folder} is not a folder.")
        os.scandir(folder).close()
    except OSError as error:
        raise ConfigError(f"notebook_dir: {folder} cannot be used: {error.strerror}.") from error
    if not os.access(folder, os.W_OK):
        say(f"{folder} is read-only for you: notebooks open and run, but cannot be saved there.")


def _ourselves(loaded: Loaded, port: int, services: Services) -> RunningServer:
    return RunningServer(
        pid=os.getpid(),
        port=port,
        url=address_of(services, port),
        base_url=loaded.settings.base_url,
        notebook_dir=str(Path(loaded.settings.notebook_dir or ".").expanduser().resolve()),
        hostname=socket.gethostname(),
        secure=services.is_secure,
        started_ms=services.started_ms,
        version=__version__,
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's, where it is installed; None: asyncio's own."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _open_browser(services: Services, url: str) -> None:
    """Open the system's browser. The token stands in a file of ours, not on a command line that others can read."""
    import webbrowser  # who starts with --no-browser does without

    path = services.state_folder / "servers" / f"{os.getpid()}.html"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(
            f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={url}"><title>Carnet</title>'
        )
    try:
        browser = webbrowser.get(services.settings.browser or None)
    except webbrowser.Error:
        log.info("no browser was found; open the address by hand")
        return
    browser.open(path.as_uri(), new=2)
