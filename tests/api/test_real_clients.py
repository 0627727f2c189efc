"""Scenarios with other people's real clients, each in a process and with libraries of its own, against real servers and kernels."""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from tests.api.installed import CLIENTS, node_clients, python_clients, run_node
from tests.server.serving import Server, serve
from tests.support.files import code_notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SCRIPT_S = 100.0
"""A fault, not a measure. (The first run installs the clients before that.)"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server for one client alone."""
    with serve(tmp_path, "--base-url=/base") as server:
        yield server


def test_jupyterlab_services(own: Server) -> None:
    done = run_node(node_clients(), "services.mjs", own.url, own.token, timeout_s=SCRIPT_S)

    assert done.returncode == 0, done.stderr + own.output()
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "ready": True,
        "specs": ["python3"],
        "saved": "Untitled.ipynb",
        "source": "1 + 1",
        "hash": "sha256",
        "checkpoints": True,
        "download": 200,
        "listed": ["from lab ä.ipynb", "text.txt"],
        "uploaded": 100_000_000,
        "drive": "hello",
        "info": "python",
        "run": ["ok", "hi\n42"],
        "input": ["ok", "you said Ada\n"],
        "completion": True,
        "inspection": True,
        "history": "ok",
        "aborts": ["error", "aborted"],
        "comm": [100_000_000, 100_000_000],
        "interrupted": "KeyboardInterrupt",
        "reconnected": ["ok", "'again'"],
        "missed": True,
        "restarted": ["ok", "False"],
        "status": "connected",
        "running": [["from lab ä.ipynb", "notebook"]],
        "changed": [True, ["ok", "3"]],
        "found": True,
        "console": ["ok", "'console'"],
        "left": 0,
        "terminal": True,
        "terminalAgain": True,
        "terminals": 1,
        "event": 1,
        "config": {"a": 1},
    }


KERNEL_CLIENT = {
    "first": ["ok", "hi\n", "42"],
    "error": "ZeroDivisionError",
    "alive": True,
    "restarted": "False",
    "language": "python",
    "kernels": 1,
    "many": 20_000,
}


def test_jupyter_kernel_client(own: Server) -> None:
    assert run_kernel_client(own.url.rstrip("/"), own.token) == KERNEL_CLIENT
    assert own.api("GET", "api/kernels").json() == []


def test_a_stock_jupyter_server_whose_gateway_we_are(own: Server, tmp_path: Path) -> None:
    with jupyter_server(own, tmp_path) as (url, token):
        assert run_kernel_client(url, token) == KERNEL_CLIENT
        with urllib.request.urlopen(f"{url}/api/kernelspecs?token={token}") as answer:
            logo = json.loads(answer.read())["kernelspecs"]["python3"]["resources"]["logo-64x64"]
        with urllib.request.urlopen(f"{url}{logo}?token={token}") as answer:
            assert answer.read().startswith(b"\x89PNG")
    assert own.api("GET", "api/kernels").json() == []


def run_kernel_client(url: str, token: str) -> object:
    done = subprocess.run(
        [str(python_clients()), str(CLIENTS / "kernel_client.py"), url, token],
        capture_output=True,
        text=True,
        timeout=SCRIPT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nbclient_papermill_and_jupyter_execute_through_a_gateway(own: Server, tmp_path: Path) -> None:
    """Their gateway client sends no token with its socket, so it asks a stock server without one, whose gateway we are."""
    work = tmp_path / "work"
    work.mkdir()
    with jupyter_server(own, tmp_path, token="", options=("--ServerApp.disable_check_xsrf=True",)) as (
        url,
        _,
    ):
        done = subprocess.run(
            [str(python_clients()), str(CLIENTS / "batch.py"), url, "", str(work)],
            capture_output=True,
            text=True,
            timeout=2 * SCRIPT_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:] + own.output()[-2000:]
    assert json.loads(done.stdout) == {
        "nbclient": ["42\n", True, "True"],
        "papermill": "hello Ada\n",
        "papermill status": None,
        "papermill error": "ZeroDivisionError",
        "jupyter execute": "42\n",
    }
    assert own.api("GET", "api/kernels").json() == []


def test_a_stock_jupyter_server_and_we_share_checkpoints(own: Server, tmp_path: Path) -> None:
    """FS17, FS19: it finds and restores our newest; what it keeps and moves is with ours."""
    notebook = own.notebook_dir / "n.ipynb"
    with jupyter_server(own, tmp_path) as (url, token):

        def ours(path: str = "n.ipynb") -> list[str]:
            listed = own.api("GET", f"api/contents/{path}/checkpoints").json()
            found = []
            for one in listed:
                where = f"api/contents/{path}/checkpoints/{one['id']}"
                assert own.api("POST", where).status == 204
                found.append((own.notebook_dir / path).read_text())
            return found

        def theirs(method: str, path: str, value: object = None) -> object:
            data = None if value is None else json.dumps(value).encode()
            headers = {"Authorization": f"token {token}"}
            request = urllib.request.Request(
                f"{url}/api/contents/notebooks/{path}", data, headers, method=method
            )
            with urllib.request.urlopen(request) as answer:
                body = answer.read()
            return json.loads(body) if body else None

        one, two, three = (json.dumps(code_notebook([source])) for source in ("1", "2", "3"))
        for text in (one, two):
            notebook.write_text(text)
            assert own.api("POST", "api/contents/n.ipynb/checkpoints").status == 201

        notebook.write_text(three)
        found = theirs("GET", "n.ipynb/checkpoints")
        assert isinstance(found, list)
        assert [one["id"] for one in found] == ["checkpoint"]
        newest = own.api("GET", "api/contents/n.ipynb/checkpoints").json()[-1]
        assert datetime.fromisoformat(found[0]["last_modified"]) == datetime.fromisoformat(
            newest["last_modified"]
        )
        theirs("POST", "n.ipynb/checkpoints/checkpoint")
        assert notebook.read_text() == two

        notebook.write_text(three)
        theirs("POST", "n.ipynb/checkpoints")
        assert ours() == [one, two, three]
        theirs("PATCH", "n.ipynb", {"path": "notebooks/moved.ipynb"})
        assert ours("moved.ipynb") == [three]
        theirs("PATCH", "moved.ipynb", {"path": "notebooks/n.ipynb"})
        assert ours() == [one, two, three]


@contextlib.contextmanager
def jupyter_server(
    gateway: Server, folder: Path, *, token: str = "of-the-front", options: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """Start Jupyter's own server with us as its gateway; give its address and token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "JUPYTER_GATEWAY_AUTH_TOKEN": gateway.token,
        **{f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")},
    }
    command = [
        str(python_clients()),
        "-m",
        "jupyter_server",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        f"--IdentityProvider.token={token}",
        f"--gateway-url={gateway.url.rstrip('/')}",
        f"--ServerApp.root_dir={folder}",
        *options,
    ]
    with (folder / "front.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until_s = time.monotonic() + SCRIPT_S
        while True:
            try:
                urllib.request.urlopen(f"{url}/api").close()
                break
            except OSError:
                assert process.poll() is None, (folder / "front.log").read_text()
                assert time.monotonic() < until_s
                time.sleep(0.1)
        yield url, token
    finally:
        process.terminate()
        process.wait(30)
