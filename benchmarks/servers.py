"""The servers that are measured, each a process of its own with its own folders, all started and ended alike."""

import os
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from benchmarks import machine
from benchmarks.report import CARNET
from carnet.kernels.spawn import find

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "benchmark"
HEADERS = {"Authorization": f"token {TOKEN}"}
PATIENCE_S = 60.0


class Server:
    """One server process. Subclasses say how it is called, and which page counts as its first."""

    column = ""
    first_page = "/"
    light_page = "/api"
    """What it answers with the least work: shows that it is there."""

    def __init__(self, folder: Path) -> None:
        """Make the folders; `start` starts it."""
        self.folder = folder
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{self.column}.log"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return its command line, to be run in the notebook folder."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return what is added to the environment."""
        return {}

    # ---- life

    def start(self, page: str = "") -> float:
        """Start it; return the seconds until a page (else the light one) was answered with 200."""
        self.port = self.port or free_port()
        with self.log.open("ab") as log:
            started_s = time.perf_counter()
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.notebooks,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_for_port()
        self.get(page or self.light_page)
        return time.perf_counter() - started_s

    def stop(self) -> None:
        """End it, its kernels, and whatever it has started."""
        if self.process is None:
            return
        below = self.family()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        machine.end_all(below)
        self.process = None

    def kill(self) -> None:
        """SIGKILL for the server alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def family(self) -> list[int]:
        """Return the processes that it has started."""
        return machine.descendants(self.pid)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- what it is

    @property
    def pid(self) -> int:
        """Of the server's own process."""
        assert self.process is not None
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it listens, with a slash at its end."""
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str) -> bytes:
        """Return the body of a page, or say why there is none."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send one request as a program with a token does."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, HEADERS)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise HTTPException(
                f"{self.column}: {method} {path}: {answer.status} {data[:200]!r}; see {self.log}"
            )
        return data

    def _wait_for_port(self) -> None:
        assert self.process is not None
        until_s = time.perf_counter() + PATIENCE_S
        while time.perf_counter() < until_s and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.001)
            else:
                return
        raise HTTPException(f"{self.column} does not listen; see {self.log}: {self.log.read_text()[-2000:]}")


class Carnet(Server):
    """Ours, as people start it. Its kernels end with it, so that a round leaves nothing behind."""

    column = CARNET

    def command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "carnet",
            "--no-browser",
            f"--port={self.port}",
            f"--NotebookApp.token={TOKEN}",
            f"--NotebookApp.state_dir={self.state}",
            "--NotebookApp.kernels_outlive_server=False",
        ]

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT / "src")}

    def family(self) -> list[int]:
        """The kernel host is nobody's child: it stands in the state folder."""
        host = self.host()
        return super().family() + ([host, *machine.descendants(host)] if host is not None else [])

    def host(self) -> int | None:
        """Return the process id of the kernel host, if it lives."""
        record = find(self.state / "host")
        return record.pid if record is not None and machine.is_alive(record.pid) else None


class Floor(Server):
    """A bare Tornado process that does the least possible: what no server in Python comes below."""

    column = "floor"
    light_page = "/ping"

    def command(self) -> list[str]:
        return [sys.executable, str(ROOT / "benchmarks" / "floor.py"), str(self.port)]


class Jupyter(Server):
    """jupyter_server with notebook 7, from a virtual environment of its own."""

    column = "jupyter"
    first_page = "/tree"

    def __init__(self, folder: Path, python: Path) -> None:
        super().__init__(folder)
        self._python = python

    def command(self) -> list[str]:
        return [
            str(self._python),
            "-m",
            "jupyter_server",
            "--ServerApp.jpserver_extensions={'notebook': True, 'jupyterlab': True}",
            "--allow-root",
            "--no-browser",
            f"--ServerApp.port={self.port}",
            f"--IdentityProvider.token={TOKEN}",
            "--ServerApp.disable_check_xsrf=True",
        ]

    def environment(self) -> dict[str, str]:
        home = str(self.folder / "jupyter")
        return {"JUPYTER_CONFIG_DIR": home, "JUPYTER_DATA_DIR": home, "JUPYTER_RUNTIME_DIR": home}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
