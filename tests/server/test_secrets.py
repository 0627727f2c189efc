"""Where secrets must not be: kernels, the log, the files of the server, other processes' lists, addresses (trust.md, parts 1 and 3).

One server lives through what servers live through: logins by each way, tokens, a kernel, errors. Then everything
that it left is searched for every secret that it was given or made.
"""

import base64
import hashlib
import json
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil brings no types
import pytest

from carnet.clock import SystemClock
from carnet.lib import passwd
from carnet.security.scopes import ALL
from carnet.security.state import SecurityState
from tests.server.serving import Browser, Response, Server, serve

pytestmark = pytest.mark.slow

LOOK = """
import os, pathlib, json
seen = {"environ": dict(os.environ)}
pid = os.getpid()
while pid > 1:
    folder = pathlib.Path(f"/proc/{pid}")
    seen[f"command {pid}"] = (folder / "cmdline").read_bytes().decode(errors="replace")
    # The server above may have been given secrets in its own environment; what it starts has none of them.
    if b"kernelhost" in (folder / "cmdline").read_bytes() or pid == os.getpid():
        seen[f"environ {pid}"] = (folder / "environ").read_bytes().decode(errors="replace")
    pid = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
print(json.dumps(seen))
"""


@dataclass
class Life:
    """A server that has lived, and every secret of it."""

    server: Server
    browser: Browser
    secrets: dict[str, str]
    answers: list[Response]
    kernel_saw: str

    def found_in(self, text: str, *but: str) -> list[str]:
        """Return the names of secrets that are in a text, as they are, in base64 or in hex."""
        found = []
        for name, secret in self.secrets.items():
            forms = (secret, base64.b64encode(secret.encode()).decode().rstrip("="), secret.encode().hex())
            if name not in but and any(form in text for form in forms):
                found.append(name)
        return found


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("secrets")
    token, password = "T" + secrets.token_hex(20), "P" + secrets.token_hex(20)
    hashed = passwd(password)
    env = {
        "CARNET_TOKEN": token,
        "CARNET_PASSWORD": hashed,
        "JUPYTERHUB_API_TOKEN": "H" + secrets.token_hex(20),
    }
    with serve(folder, env=env) as server:
        server.token = token
        answers = [server.ask("GET", f"tree?token={token}"), server.ask("GET", f"api/status?token={token}")]
        state = SecurityState.open(server.state_folder, SystemClock())
        named, _ = state.tokens.create("robot", user="ada", scopes=ALL)
        state.close()
        form = server.ask("GET", "login").cookies()["_xsrf"]
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"_xsrf={form}"}
        answers += [
            server.ask("POST", "login", f"password={typed}&_xsrf={form}", kind)
            for typed in (password, "wrong-" + password)
        ]
        browser = Browser(server, answers[-2].cookies() or answers[0].cookies())
        assert browser.ask("GET", "api/me").status == 200
        known = {
            "token": token,
            "password": password,
            "password hash": hashed,
            "hub token": env["JUPYTERHUB_API_TOKEN"],
            "named token": named,
            "login": browser.secret,
            "first login": answers[0].cookies()[server.cookie_name],
        }
        for headers in (
            {"Authorization": f"Bearer {named}"},
            {"Authorization": f"token {token}"},
            {"Cookie": browser.cookie_header()},
        ):
            for method, path in (
                ("GET", "tree"),
                ("GET", "account"),
                ("GET", "api/contents/nothing"),
                ("GET", "api/contents/%ff"),
                ("GET", f"nothing?token={token}&password={password}"),
                ("POST", "api/contents"),
                ("PUT", "api/contents/a.ipynb"),
                ("PUT", "files/a.txt"),
                ("GET", "api/logins"),
                ("GET", "api/spec.yaml"),
                ("GET", "metrics"),
            ):
                answers.append(server.ask(method, path, b"[" if method != "GET" else None, headers))
        kernel_saw = _run(server, LOOK)
        yield Life(server, browser, known, answers, kernel_saw)


def _run(server: Server, code: str) -> str:
    kernel_id = server.api("POST", "api/kernels", {}).json()["id"]
    answer = server.api("POST", f"api/kernels/{kernel_id}/execute", {"code": code})
    assert answer.status in {200, 202}, answer.body
    where = answer.headers["Location"]
    while answer.status == 202:
        answer = server.ask("GET", where, None, {"Authorization": f"token {server.token}"}, raw=True)
    return answer.body.decode()


def test_kernels_and_their_host_see_no_secret(life: Life) -> None:
    assert "environ" in life.kernel_saw, life.kernel_saw[:300]
    assert life.found_in(life.kernel_saw) == []


def test_the_log_has_no_secret(life: Life) -> None:
    said = life.server.output()
    assert life.found_in(said, "token") == []
    assert said.count(life.secrets["token"]) <= 1, "the one address that is printed at start"


def test_no_file_of_the_server_holds_a_secret_in_clear(life: Life) -> None:
    for path in sorted(life.server.state_folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes().decode("latin-1")
            # A changed or renewed hash is kept here (AC29); the configured one need not be, and may.
            assert life.found_in(text, "password hash") == [], path


def test_files_are_for_their_owner_alone(life: Life) -> None:
    wrong = []
    for path in [life.server.state_folder, *sorted(life.server.state_folder.rglob("*"))]:
        mode = path.lstat().st_mode
        # Kernels make their own sockets; to connect to one, others would have to be able to write it.
        others = 0o022 if stat.S_ISSOCK(mode) else 0o077
        if not path.is_symlink() and stat.S_IMODE(mode) & others:
            wrong.append(f"{path.relative_to(life.server.state_folder.parent)}: {stat.filemode(mode)}")
    assert wrong == [], "\n".join(wrong)


def test_process_lists_show_no_secret(life: Life) -> None:
    server = psutil.Process(life.server.process.pid)
    everybody = [server, *server.children(recursive=True)]
    marked = [
        one
        for one in psutil.process_iter(["cmdline"])
        if str(life.server.state_folder) in " ".join(one.info["cmdline"] or ())
    ]
    assert len(everybody) + len(marked) > 1
    for process in [*everybody, *marked]:
        assert life.found_in(" ".join(process.cmdline())) == [], process


def test_no_address_or_page_of_ours_holds_a_secret(life: Life) -> None:
    for answer in life.answers:
        assert life.found_in(answer.headers["Location"] or "") == []
        assert "token=" not in (answer.headers["Location"] or "")
        assert life.found_in(answer.body.decode("latin-1")) == []


def test_cookies_are_for_one_login_each_and_say_nothing(life: Life) -> None:
    for answer in life.answers:
        for line in answer.headers.get_all("Set-Cookie") or ():
            assert life.found_in(line, "login", "first login") == []
            if line.startswith(life.server.cookie_name):
                assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))
    assert life.secrets["login"] != life.secrets["first login"]
    assert len(life.secrets["login"]) >= 43, "256 bits"


def test_what_is_kept_of_secrets_is_their_hash(life: Life) -> None:
    data = (life.server.state_folder / "carnet.sqlite3").read_bytes()
    data += (life.server.state_folder / "carnet.sqlite3-wal").read_bytes()
    for name in ("named token", "login"):
        assert (
            hashlib.sha256(life.secrets[name].encode()).hexdigest().encode() in data
            or hashlib.sha256(life.secrets[name].encode()).digest() in data
        ), name


def test_the_audit_record_has_no_secret(life: Life, tmp_path: Path) -> None:
    state = SecurityState.open(life.server.state_folder, SystemClock())
    told = json.dumps([str(entry) for entry in state.audit.latest(1000)])
    state.close()
    assert re.search("login", told)
    assert life.found_in(told) == []
