"""A real server in a process of its own, with its own folders: start, kill, restart on the same port, and always end.

`python -m carnet` as people start it; kernel host and kernels are real. Whatever a
test does to it, leaving the context ends server, host and kernels.
"""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

import msgspec
import psutil  # type: ignore[import-untyped]  # psutil brings no types

from carnet.kernels.spawn import find
from tests.support.files import code_notebook, write_file
from tests.support.link_client import LinkClient

TOKEN = "T0ken-of-a-test"
START_TIMEOUT_S = 60.0
"""A fault, not a measure: a server that has not said its address by then has failed."""

_SOURCE = Path(__file__).parents[2] / "src"
_ADDRESS = re.compile(r"^\s*(https?://\S+?:(\d+)/)")


class CarnetServer:
    """One server on one notebook folder and one state folder, over any number of lives."""

    def __init__(
        self,
        root: Path,
        *,
        notebooks: Path | None = None,
        state: Path | None = None,
        settings: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        group: Path | None = None,
    ) -> None:
        """Make the folders. `settings`: more of `--NotebookApp.NAME=VALUE`; `group`: a control group to live in."""
        self._group = group
        self.notebooks = notebooks or root / "notebooks"
        self.state = state or root / "state"
        self.notebooks.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings = {"token": TOKEN, "state_dir": str(self.state), **(settings or {})}
        self.port = 0
        """0 until the first start; then the same in each life."""
        self.process: subprocess.Popen[bytes] | None = None
        self.said: list[str] = []
        """Its output, all lives, line by line: print it when a test fails."""
        self._env = dict(env or {})
        self._headers: dict[str, str] = {}
        self._ready = threading.Event()
        self._news = threading.Condition()
        self._listener: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    # ---- life

    def start(self) -> Self:
        """Start it; return when it listens."""
        assert self.process is None, "it runs already"
        self._ready.clear()
        command = [sys.executable, "-m", "carnet", "--no-browser", f"--port={self.port}"]
        command += [f"--NotebookApp.{name}={value}" for name, value in self.settings.items()]
        if self._group is not None:
            enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
            command = ["sh", "-c", enter, str(self._group), *command]
        self.process = subprocess.Popen(
            command,
            cwd=self.notebooks,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(_SOURCE), "PYTHONUNBUFFERED": "1", **self._env},
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self._listener.start()
        came = self._ready.wait(START_TIMEOUT_S)
        assert came, f"the server did not say its address:\n{self.log()}"
        assert self.process.poll() is None, f"the server ended at start:\n{self.log()}"
        return self

    def kill(self) -> None:
        """SIGKILL, and wait. Kernel host and kernels go on."""
        self._stop(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM, and wait; return the exit code. Kernel host and kernels go on."""
        return self._stop(signal.SIGTERM)

    def restart(self, *, number: int = signal.SIGKILL) -> None:
        """End it by this signal and start it again on the same port."""
        self._stop(number)
        self.start()

    def end(self) -> None:
        """End server, host and kernels, whatever state they are in; nothing of them is left."""
        if self.process is not None:
            self._stop(signal.SIGKILL)
        host = self.host()
        victims = self.kernel_processes()
        if host is not None:
            victims += _descendants(host)
            _kill([host])
        _kill([*victims, *self.kernel_processes()])

    # ---- what it is

    @property
    def pid(self) -> int:
        """Of the server's process."""
        assert self.process is not None
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/"

    def log(self) -> str:
        """Return what it has said."""
        return "\n".join(self.said)

    def wait_said(self, pattern: str) -> None:
        """Block until a line of its output matches."""
        wanted = re.compile(pattern)
        with self._news:
            came = self._news.wait_for(lambda: any(map(wanted.search, self.said)), START_TIMEOUT_S)
        assert came, f"the server never said {pattern!r}:\n{self.log()}"

    def host(self) -> psutil.Process | None:
        """Return the kernel host's process, if it lives."""
        record = find(self.state / "host")
        return None if record is None else _alive(record.pid)

    def kernel_processes(self) -> list[psutil.Process]:
        """Return the processes of kernels that live, the spare included, as the host wrote them down."""
        found: list[psutil.Process] = []
        for path in (self.state / "host").glob("kernels/*/kernel.json"):
            mark = msgspec.json.decode(path.read_bytes()).get("mark")
            process = _alive(mark["pid"]) if mark else None
            if process is not None:
                found.append(process)
        try:
            spare = _alive(msgspec.json.decode((self.state / "host" / "spare.json").read_bytes())["pid"])
        except OSError:
            spare = None
        return found if spare is None else [*found, spare]

    # ---- what a test does with it

    def headers(self) -> dict[str, str]:
        """Return the headers of a signed-in browser; it signs in once, by the address that was printed."""
        if not self._headers:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=START_TIMEOUT_S)
            connection.request("GET", f"/?token={TOKEN}")
            answer = connection.getresponse()
            cookies = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") or []]
            connection.close()
            assert cookies, f"no login: {answer.status} {answer.reason}"
            self._headers = {"Cookie": "; ".join(cookies)}
        return dict(self._headers)

    def forget_login(self) -> None:
        """Let the next signed-in browser sign in anew: its login may have ended."""
        self._headers = {}

    def request(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Ask the REST API as a program with a token does; return status and body. Bytes are sent as they are."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=START_TIMEOUT_S)
        headers = {"Authorization": f"token {TOKEN}"}
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        return answer.status, found

    def tab(self, path: str, *, port: int | None = None) -> LinkClient:
        """Return a browser tab on this notebook, signed in; `port`: of a proxy in between."""
        return LinkClient(f"ws://127.0.0.1:{port or self.port}/link", self.headers(), path)

    def write(self, path: str, sources: Iterable[str]) -> Path:
        """Write a notebook with these code cells; return its file."""
        target = self.notebooks / path
        write_file(target, code_notebook(sources))
        return target

    def limit_files(self, size_bytes: int) -> None:
        """Let the server's process make no file longer than this (-1: any length), as a full disk would."""
        limit = (size_bytes, resource.RLIM_INFINITY)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, limit if size_bytes >= 0 else (-1, -1))

    # ---- inside

    def _stop(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        code = self.process.wait(START_TIMEOUT_S)
        if self._listener is not None:
            self._listener.join(START_TIMEOUT_S)
        self.process = None
        return code

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for raw in output:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                with self._news:
                    self.said.append(line)
                    self._news.notify_all()
                address = _ADDRESS.match(line)
                if address is not None and not self._ready.is_set():
                    self.port = int(address[2])
                    self._ready.set()
        self._ready.set()


def _alive(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def _kill(processes: list[psutil.Process]) -> None:
    everyone = {one.pid: one for process in processes for one in (process, *_descendants(process))}
    for process in everyone.values():
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass  # it has ended by itself
    psutil.wait_procs(list(everyone.values()), timeout=START_TIMEOUT_S)
