"""One server from start to end: what it refuses, what it says, what it leaves behind."""

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.server.handlers.test_kernels import start_kernel
from tests.server.serving import clean_environment, serve, spawn

#: What a start may not import: the first page does not need it.
HEAVY = {
    *("zmq", "jupyter_client", "nbformat", "argon2", "cryptography", "watchfiles", "traitlets", "msgspec"),
    *("platformdirs", "webbrowser", "tornado.websocket", "carnet.live", "carnet.storage", "carnet.journal"),
}


def refused(folder: Path, *options: str, **env: str) -> str:
    """Start a server that must not start, and return its one sentence."""
    (folder / "notebooks").mkdir(exist_ok=True)
    process = spawn(folder, *options, env=env)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1, said
    assert said.startswith("carnet: ")
    assert said.count("\n") == 1, said
    return said


def test_the_first_page_imports_only_what_it_needs(tmp_path: Path) -> None:
    """The list of modules is written when the first answer has gone out."""
    program = tmp_path / "traced.py"
    program.write_text(
        "import sys, carnet.cli.main\n"
        "from carnet.server.handlers.base import Handler\n"
        "def on_finish(self):\n"
        "    print('modules:', *sorted(sys.modules), file=sys.stderr, flush=True)\n"
        "Handler.on_finish = on_finish\n"
        "sys.exit(carnet.cli.main.main())\n"
    )
    with serve(tmp_path, token="t" * 48, before=(str(program),)) as server:
        assert server.ask("GET", "", headers={"Authorization": f"token {server.token}"}).status in {200, 503}
        until_s = time.monotonic() + 10
        while "modules:" not in server.output() and time.monotonic() < until_s:
            time.sleep(0.01)
        line = next(line for line in server.lines if line.startswith("modules:"))

    modules = set(line.split()[1:])
    assert "tornado.web" in modules
    assert sorted(heavy for heavy in HEAVY if heavy in modules) == []


def test_s3_a_taken_port_that_nobody_named_is_passed_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "config").mkdir()
        with serve(tmp_path, f"--port={port}", before=("-c", NO_NAME)) as server:
            assert server.port != port


#: As `python -m carnet`, but the port on the command line counts as the default.
NO_NAME = (
    "import sys; from carnet.config import load; from carnet.cli.main import main\n"
    "load.Loaded.is_set = lambda self, name: False\n"
    "sys.exit(main())"
)


def test_s21_a_taken_port_that_was_named_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused(tmp_path, f"--port={taken.getsockname()[1]}")
    assert "is in use already" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--ip=0.0.0.0", "--tls=off"], "without TLS"),
        (["--public"], "carnet passwd --save"),
        (["--tls=on"], "auto, acme or off is wanted"),
        (["--ip=*", "--NotebookApp.token="], "without a password or a token"),
        (["--ip=203.0.113.7", "--NotebookApp.serve_unprotected=True"], "not an address of this machine"),
        (["--port=x"], "a whole number is wanted"),
        (["--no-such-thing"], "There is no option"),
        (["--certfile=nothing.pem"], "certfile: there is no file "),
        (["--keyfile=key.pem"], "it needs certfile too"),
        (["--NotebookApp.password=sha1:bcd259ccf...[your hashed password here]"], "carnet passwd"),
        (["--notebook-dir=/proc/nope"], "notebook_dir: /proc/nope cannot be used"),
        (["--notebook-dir=/dev/null"], "is not a folder"),
        (["--state-dir=/proc/nope"], "state folder /proc/nope cannot be used"),
        (["--config=nothing.py"], "there is no file"),
        (["--base-url=/a/../b"], "base_url"),
    ],
)
def test_what_does_not_start_says_why_in_one_sentence(tmp_path: Path, options: list[str], words: str) -> None:
    assert words in refused(tmp_path, *options)


def test_s7_a_mistake_in_a_file_never_starts_a_less_protected_server(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    path = tmp_path / "config" / "carnet_config.py"
    path.write_text("c.NotebookApp.password = \nu'sha1:x'\n")

    assert f"{path}, line 1: invalid syntax" in refused(tmp_path)


def test_s26_a_missing_folder_is_made(tmp_path: Path) -> None:
    with serve(tmp_path, f"--notebook-dir={tmp_path / 'a' / 'b'}") as server:
        assert (tmp_path / "a" / "b").is_dir()
        assert f"Made the folder {tmp_path / 'a' / 'b'}." in server.output()


def test_a_folder_is_served_once(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        said = refused(tmp_path)
        assert server.url in said
        assert f"carnet stop {server.port}" in said
        # Another folder, with the same state, is no trouble.
        with serve(tmp_path, f"--notebook-dir={tmp_path / 'other'}") as second:
            assert second.api("GET", "api/contents").status == 200


def test_a_bad_notebook_manager_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    said = refused(tmp_path, "--NotebookApp.notebook_manager_class=nothing.Here")

    assert "notebook_manager_class: 'nothing.Here' cannot be imported" in said
    assert "http" not in said  # no address is shown that would not work


def test_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        server.sign_in()
        server.api("GET", "api/contents")
        for path in (server.state_folder, *server.state_folder.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path
            if path.is_file():
                assert server.token.encode() not in path.read_bytes(), path


def test_a_login_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    with serve(tmp_path) as first:
        browser, port = first.sign_in(), first.port
    with serve(tmp_path, f"--port={port}") as second:
        assert second.ask("GET", "api/me", headers={"Cookie": browser.cookie_header()}).status == 200


def test_ac8_what_a_client_of_an_open_server_writes_with_is_right_after_a_restart(tmp_path: Path) -> None:
    """VS Code asks once for the XSRF token, JupyterLab's page once for each page."""
    with serve(tmp_path, token="") as first:
        xsrf, port = first.ask("GET", "tree").cookies()["_xsrf"], first.port
    with serve(tmp_path, f"--port={port}", token="") as second:
        written = second.ask("POST", "api/contents", '{"type":"directory"}', {"X-XSRFToken": xsrf})
        assert written.status == 201


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(tmp_path: Path, how: signal.Signals) -> None:
    with serve(tmp_path) as server:
        server.api("GET", "api/contents")
        assert server.stop(how) == 0
    assert "Traceback" not in server.output()
    assert list((server.state_folder / "servers").iterdir()) == []


def test_environment_tokens_do_not_reach_children(tmp_path: Path) -> None:
    code = "import os, sys; from carnet.server import run as r; r._check = lambda *_: sys.exit(str('CARNET_TOKEN' in os.environ))\nfrom carnet.cli.main import main; main(['--no-browser'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_environment(tmp_path) | {"CARNET_TOKEN": "secret"},
        check=False,
    )
    assert done.stderr.strip() == "False"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with certificate and key, as the original document makes one (but for the key's length)."""
    path = tmp_path_factory.mktemp("tls") / "mycert.pem"
    command = "openssl req -x509 -nodes -days 365 -newkey rsa:2048 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", path, "-out", path], capture_output=True, check=True)
    return path


@pytest.mark.slow
def test_s9_tls_with_one_file(tmp_path: Path, certificate: Path) -> None:
    with serve(tmp_path, f"--certfile={certificate}") as server:
        assert server.url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
            context.wrap_socket(plain) as secure,
        ):
            secure.sendall(
                f"GET /?token={server.token} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: secure.recv(4096), b"")).decode()

    assert answer.startswith("HTTP/1.1 302")
    assert f"Set-Cookie: __Host-carnet-{server.port}=" in answer
    assert answer.count("Secure") == 2
    assert "Strict-Transport-Security" not in answer  # an address is not a name to bind (TL12)


@pytest.mark.slow
def test_s10_a_weak_certificate_is_named_with_the_command_that_works(tmp_path: Path) -> None:
    path = tmp_path / "weak.pem"
    command = "openssl req -x509 -nodes -newkey rsa:1024 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", path, "-out", path], capture_output=True, check=True)

    assert "rsa:2048" in refused(tmp_path, f"--certfile={path}")


@pytest.mark.slow
def test_kernels_outlive_the_server_unless_a_second_ctrl_c_ends_them(tmp_path: Path) -> None:
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (notebooks / "n.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    with serve(tmp_path, outlive=True) as first:
        asyncio.run(start_kernel(first, "n.ipynb"))
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(20) == 0
    assert "One kernel keeps running: n.ipynb." in first.output()
    host = json.loads((first.state_folder / "host" / "host.json").read_text())
    assert is_alive(host["pid"])

    with serve(tmp_path, outlive=True) as second:
        [session] = second.api("GET", "api/sessions").json()
        assert session["path"] == "n.ipynb"
        second.process.send_signal(signal.SIGINT)
        while "Press Ctrl-C again" not in second.output():
            assert second.process.poll() is None
            time.sleep(0.01)
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(20) == 0
    assert "all kernels ended" in second.output()
    until_s = time.monotonic() + 10  # it says that all is ended, then it ends
    while is_alive(host["pid"]) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not is_alive(host["pid"])


def is_alive(pid: int) -> bool:
    """Return whether the process runs: one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_browser_is_given_a_file_and_not_the_token_on_its_command_line(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    browser = tmp_path / "browser.sh"
    browser.write_text(f'#!/bin/sh\necho "$@" > {seen}.part && mv {seen}.part {seen}\n')
    browser.chmod(0o755)
    with serve(tmp_path, "--NotebookApp.open_browser=True", f"--browser={browser} %s") as server:
        until_s = time.monotonic() + 10
        while not seen.exists() and time.monotonic() < until_s:
            time.sleep(0.01)
        address = seen.read_text().strip()

        assert address.startswith("file://")
        assert server.token not in address
        page = Path(address.removeprefix("file://"))
        assert server.token in page.read_text()
        assert page.stat().st_mode & 0o077 == 0
    assert not page.exists()
