"""How a server protects itself by what was set (S8, S11, S12, S18), with real servers where they matter."""

import hashlib
import http.client
import json
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from carnet.config.load import load
from carnet.config.settings import Settings, checked
from carnet.errors import ConfigError
from carnet.lib import passwd
from carnet.server.protection import Protection, check_exposure, describe, mode_of
from tests.server.serving import clean_environment, serve, spawn

HASH = passwd("a password", "sha1")


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        (Settings(), "off"),
        (Settings(ip="*"), "auto"),
        (Settings(public=True), "auto"),
        (Settings(ip="192.0.2.1"), "auto"),
        (Settings(ip="*", certfile="a.pem"), "file"),
        (Settings(tls="auto"), "auto"),
        (Settings(ip="*", tls="off"), "off"),
        (Settings(ip="*", trust_xheaders=True), "off"),
        (Settings(ip="*", serve_unprotected=True), "off"),
        (Settings(ip="*", sock="/tmp/x"), "off"),
    ],
)
def test_s8_who_serves_others_gets_tls_without_asking(settings: Settings, mode: str) -> None:
    assert mode_of(checked(settings)) == mode


def test_s8_without_it_the_start_is_refused_unless_told_so_in_words() -> None:
    check_exposure(Settings(ip="*"), has_key=True)
    check_exposure(Settings(ip="*", tls="off", trust_xheaders=True), has_key=True)
    check_exposure(Settings(ip="*", tls="off", serve_unprotected=True), has_key=False)
    check_exposure(Settings(sock="/tmp/x"), has_key=False)
    with pytest.raises(ConfigError, match="without TLS"):
        check_exposure(Settings(ip="*", tls="off"), has_key=True)
    with pytest.raises(ConfigError, match="without a password or a token"):
        check_exposure(Settings(ip="*"), has_key=False)


def test_there_is_nothing_to_say_of_no_certificate() -> None:
    assert describe(Protection("off"), 0) == ""


def trusting(certfile: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certfile)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def test_s12_a_public_server_in_one_command(tmp_path: Path) -> None:
    options = ("--public", f"--NotebookApp.password={HASH}")
    with serve(tmp_path, *options) as server:
        certfile = server.state_folder / "tls" / "self-signed.pem"
        secure = http.client.HTTPSConnection("127.0.0.1", server.port, context=trusting(certfile), timeout=20)
        secure.request("GET", "/login")
        page = secure.getresponse()
        body = page.read()
        secure.close()
        plain = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        plain.request("GET", "/tree")
        moved = plain.getresponse()
        plain.close()
    said = server.output()

    assert (page.status, b"Not encrypted" in body) == (200, False)
    assert (moved.status, moved.headers["Location"]) == (308, f"https://127.0.0.1:{server.port}/tree")
    assert re.search(rf"https://\S+:{server.port}/", said)
    assert "http://" not in said
    assert "*:" not in said
    fingerprint = ":".join(re.findall("..", _fingerprint(certfile)))
    assert fingerprint in said
    assert "\u2588" in said or "\u2584" in said  # the QR code


def _fingerprint(certfile: Path) -> str:
    certificate = ssl.PEM_cert_to_DER_cert(_first_certificate(certfile))
    return hashlib.sha256(certificate).hexdigest().upper()


def _first_certificate(certfile: Path) -> str:
    """Return it alone: the key may be in the same file."""
    begin, end = ssl.PEM_HEADER, ssl.PEM_FOOTER
    body = certfile.read_text().partition(begin)[2].partition(end)[0]
    return f"{begin}{body}{end}\n"


def test_s8_the_login_page_says_that_it_is_not_encrypted(tmp_path: Path) -> None:
    address = _own_address()
    options = ("--ip=*", f"--NotebookApp.password={HASH}", "--NotebookApp.serve_unprotected=True")
    with serve(tmp_path, *options) as server:
        far = http.client.HTTPConnection(address, server.port, timeout=20)
        far.request("GET", "/login")
        body = far.getresponse().read()
        far.close()
        near = server.ask("GET", "login").body

    assert b"<strong>Not encrypted.</strong>" in body
    assert b"Not encrypted" not in near


def _own_address() -> str:
    from carnet.server.reachable import own_addresses

    found = [one for one in own_addresses() if ":" not in one]
    assert found, "this machine has no address but loopback"
    return found[0]


class OverUnixSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def test_a_unix_socket_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "carnet.sock"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "carnet",
            "--no-browser",
            f"--sock={path}",
            f"--state-dir={tmp_path / 'state'}",
        ],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=clean_environment(tmp_path) | {"CARNET_TOKEN": "word"},
    )
    try:
        assert process.stderr is not None
        while str(path) not in process.stderr.readline():
            assert process.poll() is None
        connection = OverUnixSocket(path)
        connection.request("GET", "/api/me", headers={"Authorization": "token word"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["identity"]["username"] != "") == (200, True)
        connection.close()
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        process.terminate()
        process.communicate(timeout=20)


#: Does what systemd does: binds, and starts the program with the socket as its fourth descriptor.
SYSTEMD = """
import os, socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "carnet", *sys.argv[3:]])
"""


def test_systemd_may_pass_the_socket(tmp_path: Path) -> None:
    with serve(tmp_path, before=("-c", SYSTEMD, "127.0.0.1", "0")) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.api("GET", "api/me").status == 200


def test_tl17_a_socket_that_others_can_reach_wants_tls_and_password_though_systemd_bound_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "notebooks").mkdir()
    process = spawn(tmp_path, "--public", before=("-c", SYSTEMD, "0.0.0.0", "0"))
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.count("\n")) == (1, 1), said
    assert said.startswith("carnet: A public server needs a password")

    process = spawn(tmp_path, "--tls=off", before=("-c", SYSTEMD, "0.0.0.0", "0"))
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1, said
    assert "without TLS" in said

    with serve(tmp_path, f"--NotebookApp.password={HASH}", before=("-c", SYSTEMD, "0.0.0.0", "0")) as server:
        assert server.url.startswith("https://")
        assert "0.0.0.0" not in server.url


def test_systemd_may_pass_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    program = SYSTEMD.replace(
        "socket.create_server((sys.argv[1], int(sys.argv[2])))", "socket.socket(socket.AF_UNIX)"
    )
    program = program.replace("os.dup2(", "listening.bind(sys.argv[1])\nlistening.listen()\nos.dup2(", 1)
    process = spawn(tmp_path, before=("-c", program, str(path), ""), env={"CARNET_TOKEN": "word"})
    try:
        assert process.stderr is not None
        while f"http+unix:{path}" not in process.stderr.readline():
            assert process.poll() is None
        connection = OverUnixSocket(path)
        connection.request("GET", "/api/me", headers={"Authorization": "token word"})
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_a_proxy_is_believed_only_where_it_is_trusted(tmp_path: Path) -> None:
    forwarded = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "a.example",
        "X-Forwarded-For": "192.0.2.9",
    }
    options = ("--NotebookApp.trust_xheaders=True", "--NotebookApp.local_hostnames=a.example")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with serve(tmp_path / "one", *options) as trusting_server:
        answer = trusting_server.ask("GET", f"?token={trusting_server.token}", headers=forwarded)
        assert all("Secure" in one for one in answer.headers.get_all("Set-Cookie") or [""])
        assert "Strict-Transport-Security" in answer.headers
        devices = trusting_server.api("GET", "api/logins").json()
        assert [one["address"] for one in devices] == ["192.0.2.9"]
    with serve(tmp_path / "two", *options, "--NotebookApp.trusted_proxies=192.0.2.1") as other:
        answer = other.ask("GET", f"?token={other.token}", headers=forwarded)
        assert not any("Secure" in one for one in answer.headers.get_all("Set-Cookie") or [])


def test_ip_v6_is_written_as_addresses_are(tmp_path: Path) -> None:
    loaded = load(["--ip=[::1]"], clean_environment(tmp_path), tmp_path)

    assert loaded.settings.ip == "::1"
    if not socket.has_ipv6:
        return
    with serve(tmp_path, "--ip=::1") as server:
        assert server.url.startswith("http://[::1]:")
