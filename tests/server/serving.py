"""A real server process on loopback, for tests: started with a state folder of its own, always ended."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.websocket import WebSocketClientConnection

ROOT = Path(__file__).resolve().parents[2]
START_S = 30.0
STOP_S = 30.0
FAULT_S = 100.0
"""No answer comes so late, on however busy a machine: what is asked for may start a process that imports for long."""


@dataclass
class Response:
    """An HTTP response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def cookies(self) -> dict[str, str]:
        """Return the cookies it sets, in order."""
        pairs = (line.partition(";")[0].partition("=") for line in self.headers.get_all("Set-Cookie") or ())
        return {name: value for name, _, value in pairs}


@dataclass
class Server:
    """A server that runs."""

    process: "subprocess.Popen[str]"
    state_folder: Path
    notebook_dir: Path
    url: str = ""
    """With a slash at its end, without token."""
    token: str = ""
    lines: list[str] = field(default_factory=list)
    """What it printed, with its log."""

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    @property
    def base(self) -> str:
        return urlsplit(self.url).path

    @property
    def cookie_name(self) -> str:
        return f"carnet-{self.port}"

    def output(self) -> str:
        return "".join(self.lines)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        raw: bool = False,
    ) -> Response:
        """Send one request as it stands: no cookies, no token, no redirects. `raw`: path is not below the base."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=FAULT_S)
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.request(
                method, path if raw else self.base + path, body=data, headers=dict(headers or {})
            )
            response = connection.getresponse()
            return Response(response.status, response.headers, response.read())
        finally:
            connection.close()

    def api(
        self, method: str, path: str, value: object = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send one request with the token, and JSON where there is a value."""
        body = None if value is None else json.dumps(value)
        return self.ask(method, path, body, {"Authorization": f"token {self.token}", **(headers or {})})

    def sign_in(self) -> "Browser":
        """Open the printed address as a browser does, and return its cookies."""
        response = self.ask("GET", f"?token={self.token}")
        assert response.status == 302
        return Browser(self, response.cookies())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@dataclass
class Browser:
    """A server, with the cookies of one login."""

    server: Server
    cookies: dict[str, str]

    @property
    def secret(self) -> str:
        return self.cookies[self.server.cookie_name]

    @property
    def xsrf(self) -> str:
        return self.cookies["_xsrf"]

    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request with the cookies, and take those that come back."""
        response = self.server.ask(method, path, body, {"Cookie": self.cookie_header(), **(headers or {})})
        self.cookies |= response.cookies()
        return response


@contextlib.contextmanager
def serve(
    folder: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    token: str | None = None,
    before: Sequence[str] = ("-m", "carnet"),
    outlive: bool = False,
) -> Iterator[Server]:
    """Start a server on a free port, with folders of its own below `folder`, and end it and its kernels after."""
    process = spawn(folder, *options, env=env, token=token, before=before, outlive=outlive)
    server = Server(process, folder / "state", folder / "notebooks")
    reader = threading.Thread(target=_read, args=(server,), daemon=True)
    reader.start()
    try:
        _wait_for_url(server)
        yield server
    finally:
        server.stop()
        reader.join(5)
        assert process.stderr is not None
        process.stderr.close()


def spawn(
    folder: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    token: str | None = None,
    before: Sequence[str] = ("-m", "carnet"),
    outlive: bool = False,
) -> "subprocess.Popen[str]":
    """Start the program, and do not wait for it."""
    port = () if any(one.startswith("--port=") for one in options) else ("--port=0",)
    command = [sys.executable, *before, "--no-browser", *port, f"--state-dir={folder / 'state'}"]
    if not any(one.startswith("--notebook-dir=") for one in options):
        command.append(f"--notebook-dir={folder / 'notebooks'}")
    if token is not None:
        command.append(f"--NotebookApp.token={token}")
    if not outlive:
        command.append("--NotebookApp.kernels_outlive_server=False")
    return subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=clean_environment(folder) | dict(env or {}),
    )


def clean_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which nobody's configuration is found."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT / "src"),
        "CARNET_CONFIG_DIR": str(folder / "config"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
    }


def run_cli(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a sub-command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "carnet", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean_environment(folder) | dict(env or {}),
        timeout=60,
        check=False,
    )


def _read(server: Server) -> None:
    assert server.process.stderr is not None
    with contextlib.suppress(ValueError):  # closed while we read
        for line in server.process.stderr:
            server.lines.append(line)


def _wait_for_url(server: Server) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        for line in tuple(server.lines):
            if line.startswith("    http"):
                url, _, query = line.strip().partition("?")
                parts = urlsplit(url)
                server.url = f"{parts.scheme}://{parts.netloc}{parts.path.rpartition('/')[0]}/"
                if "notebooks/" in parts.path:
                    server.url = server.url.partition("notebooks/")[0]
                server.token = query.removeprefix("token=")
                return
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended with {server.process.returncode}: {server.output()}")
        time.sleep(0.01)
    raise AssertionError(f"the server did not start: {server.output()}")


async def closed(line: WebSocketClientConnection) -> None:
    """Close it, and read until the other side has."""
    has_ended = line.close_code is not None
    line.close()
    async with asyncio.timeout(20):
        while not has_ended and await line.read_message() is not None:
            pass
