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
from typing import Final
from urllib.parse import quote

from tornado.httpserver import HTTPServer

from carnet import __version__
from carnet.clock import SystemClock
from carnet.config.folders import state_folder
from carnet.config.load import SECRET_ENVIRONMENT, Loaded
from carnet.errors import CarnetError, ConfigError
from carnet.security.exposure import refusal_to_listen
from carnet.security.origins import is_loopback
from carnet.security.passwords import check_form
from carnet.server.app import WorkbenchOpener, make_server, make_services
from carnet.server.listening import Listening, listen, tls_context
from carnet.server.running import Presence, RunningServer, running_servers
from carnet.server.services import Services

log = logging.getLogger("carnet.server")

SECOND_CTRL_C_S: Final = 3.0
QUIET_START_S: Final = 0.5
"""The workbench is opened after the first answer, or after this long without a request."""

Say = Callable[[str], None]


def run(loaded: Loaded, env: Mapping[str, str], say: Say) -> int:
    """Serve until told to stop, and return the exit code.

    Raises:
        ConfigError: it cannot start; `str()` is one sentence.
    """
    for name in SECRET_ENVIRONMENT:  # kernels inherit our environment
        os.environ.pop(name, None)
    folder = state_folder(loaded.settings, env)
    _check(loaded, folder, say)
    tls = tls_context(loaded)
    clock = SystemClock()
    opener = WorkbenchOpener(loaded, folder, clock)
    try:
        services = make_services(loaded, folder, clock, opener)
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"The state folder {folder} cannot be used: {error}") from error
    server = make_server(services, tls)
    listening = listen(loaded)
    services.port = listening.port
    presence = Presence.announce(folder, _ourselves(loaded, listening.port, services))
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_Life(services, server, listening, opener, say).live())
    finally:
        presence.leave()
        services.gate.logins.close()
        services.threads.shutdown(wait=False, cancel_futures=True)


class _Life:
    """From the open port to the last word."""

    def __init__(
        self, services: Services, server: HTTPServer, listening: Listening, opener: WorkbenchOpener, say: Say
    ) -> None:
        self._services = services
        self._server = server
        self._listening = listening
        self._opener = opener
        self._say = say
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._failure = ""

    async def live(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        self._server.add_sockets(self._listening.sockets)
        gc.freeze()  # what is there now stays; the collector need not look at it again
        gc.enable()
        self._announce()
        preparing = asyncio.create_task(self._prepare(), name="prepare")
        received = await self._signals.get()
        preparing.cancel()
        if self._failure:
            self._say(self._failure)
            await self._stop(end_kernels=not self._services.settings.kernels_outlive_server)
            return 1
        end_kernels = not self._services.settings.kernels_outlive_server
        if received is signal.SIGINT and not end_kernels:
            end_kernels = await self._ask_about_kernels()
        await self._stop(end_kernels=end_kernels)
        return 0

    def _announce(self) -> None:
        services = self._services
        url = address_of(services, self._listening.port)
        token = services.gate.rules.token
        path = f"notebooks/{quote(services.loaded.open_path)}" if services.loaded.open_path else ""
        query = f"?token={quote(token)}" if token else ""
        self._say(f"Carnet serves {Path(services.settings.notebook_dir or '.').absolute()}")
        self._say(f"\n    {url}{path}{query}\n")
        self._say(
            "Ctrl-C stops the server; kernels go on." if services.settings.kernels_outlive_server else ""
        )
        if services.settings.open_browser:
            asyncio.get_running_loop().run_in_executor(None, _open_browser, services, f"{url}{path}{query}")

    async def _prepare(self) -> None:
        """Open what the first page does not need; open again what was open when the server last ended."""
        try:
            await asyncio.wait_for(self._services.first_page.wait(), QUIET_START_S)
        except TimeoutError:
            pass  # nobody is in a hurry
        try:
            bench = await self._opener()
            await bench.registry.recover()
        except CarnetError as error:
            self._failure = str(error)
            self._signals.put_nowait(signal.SIGTERM)
        except Exception:
            log.exception("the server could not open its stores")
            self._failure = "Carnet could not open its stores; see above."
            self._signals.put_nowait(signal.SIGTERM)
        else:
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
        self._server.stop()
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


def address_of(services: Services, port: int) -> str:
    """Return the address to open, without token: one that can be reached, never `*`."""
    ip = services.settings.ip
    if ip in {"", "*", "0.0.0.0", "::"}:
        ip = socket.gethostname()
    scheme = "https" if services.settings.certfile else "http"
    host = f"[{ip}]" if ":" in ip else ip
    return f"{scheme}://{host}:{port}{services.base_url}"


def _check(loaded: Loaded, folder: Path, say: Say) -> None:
    """Refuse to start where it would not be safe, or could not work."""
    settings = loaded.settings
    if settings.password:
        try:
            check_form(settings.password)
        except ConfigError as error:
            source = loaded.sources.get("password", "")
            raise ConfigError(f"{source}: {error}" if source else str(error)) from error
    has_key = bool(settings.password) or settings.token != ""
    refusal = refusal_to_listen(
        settings.ip, has_tls=bool(settings.certfile), has_key=has_key, told_so=settings.serve_unprotected
    )
    if refusal:
        raise ConfigError(refusal)
    if not has_key and is_loopback(settings.ip):
        say("No password and no token: every user of this machine can run programs as you.")
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
        secure=bool(loaded.settings.certfile),
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
