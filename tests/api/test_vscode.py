"""VS Code's Jupyter extension, call by call with the libraries that it ships (`clients/vscode/vscode.cjs`), against servers of every kind."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from carnet.security.passwords import hash_password
from tests.api.installed import CLIENTS, node_path, vscode_client
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "correct horse"
SCRIPT_S = 200.0
"""A fault, not a measure."""

#: What it sees of every server that it comes into.
WORKS: Mapping[str, object] = {
    "needsPassword": True,
    "pong": True,
    "first": [["python3"], 0, 0],
    "run": ["ok", "hi\n42"],
    "failed": ["ZeroDivisionError", ["ok", "'goes on'"]],
    "input": ["ok", "'Ada'"],
    "completed": True,
    "live": [True, "notebook", True, "number"],
    "again": [True, ["ok", "(41, 99)"]],
    "comm": ["ok", ""],
    "comms": [[{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 2}]],
    "open": ["ok", "False"],
    "connections": 2,
    "interrupted": "KeyboardInterrupt",
    "restarted": [["ok", "False"], ["ok", "1"]],
    "dead": "Canceled future",
    "left": [0, 0],
    "wrong": 403,
}

#: What it sees when the server is killed in the middle.
KILLED: Mapping[str, object] = {"killed": ["ok", "".join(f"{n}\n" for n in range(100))]}


def vscode(server: CarnetServer, pasted: str, **given: object) -> dict[str, Any]:
    """Have it do its work with this address; the server is killed and started again when it says so."""
    folder = vscode_client()
    shutil.copy(CLIENTS / "vscode" / "vscode.cjs", folder)
    process = subprocess.Popen(
        [node_path(), "vscode.cjs", json.dumps({"url": pasted, "passwords": [], **given})],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said: dict[str, Any] = {}
    try:
        for line in process.stdout:
            if line == '{"have":"restarted"}\n':
                server.kill()
                server.start()
                process.stdin.write("\n")
                process.stdin.flush()
            elif line.startswith("{"):
                said = json.loads(line)
        _, errors = process.communicate(timeout=SCRIPT_S)
    finally:
        process.kill()
    assert process.returncode == 0, errors + server.log()
    return said


def base_of(server: CarnetServer, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.port}/base/"


def settings(**more: str) -> dict[str, str]:
    return {"base_url": "/base", **more}


def test_vs_code_with_a_token(tmp_path: Path) -> None:
    with CarnetServer(tmp_path, settings=settings()) as server:
        said = vscode(server, f"{base_of(server)}?token={TOKEN}", waits=True)

    assert said == {**WORKS, **KILLED, "base": base_of(server)}
    assert TOKEN not in server.log().replace(f"?token={TOKEN}", "", 2), "but in the address that is printed"


def test_vs_code_with_a_password_at_the_second_try(tmp_path: Path) -> None:
    guarded = settings(token="", password=hash_password(PASSWORD))
    with CarnetServer(tmp_path, settings=guarded) as server:
        said = vscode(server, base_of(server), passwords=["wrong", PASSWORD], waits=True)

    assert said == {**WORKS, **KILLED, "base": base_of(server), "hub": False, "tries": [403, True]}


def test_vs_code_with_a_server_that_asks_for_nothing(tmp_path: Path) -> None:
    with CarnetServer(tmp_path, settings=settings(token="")) as server:
        said = vscode(server, base_of(server), passwords=[""], waits=True)

    open_to_all = {"needsPassword": False, "hub": False, "tries": [True], "wrong": "came in"}
    assert said == {**WORKS, **KILLED, **open_to_all, "base": base_of(server)}


def test_vs_code_with_a_certificate_that_nobody_signed(tmp_path: Path) -> None:
    with CarnetServer(tmp_path, settings=settings(tls="auto", password=hash_password(PASSWORD))) as server:
        base = base_of(server, "https")
        said = vscode(server, base, passwords=[PASSWORD], untrusted=True)

    assert said == {**WORKS, "base": base, "hub": False, "tries": [True]}


def test_vs_code_with_a_server_that_another_extension_offers(tmp_path: Path) -> None:
    """Such extensions hand over address and headers (`createJupyterServerCollection`)."""
    with CarnetServer(tmp_path, settings=settings()) as server:
        said = vscode(server, base_of(server), headers={"Authorization": f"Bearer {TOKEN}"})

    assert said == {**WORKS, "base": base_of(server), "hub": False}


@pytest.mark.parametrize("prefix", ["/", "/base/"])
def test_vs_code_finds_the_server_from_any_page_of_it(tmp_path: Path, prefix: str) -> None:
    pages = (
        "",
        "tree",
        "tree?",
        "lab",
        "lab/tree/a.ipynb",
        "notebooks/a%20b.ipynb",
        "edit/x/y.py",
        "view/x.png",
    )
    with CarnetServer(tmp_path, settings={"base_url": prefix}) as server:
        root = f"http://127.0.0.1:{server.port}{prefix}"
        asked = [root + page + query for page in pages for query in ("", f"?token={TOKEN}")]
        found = understood(asked)

    assert {one.rstrip("/") for one in found} == {root.rstrip("/")}
    assert len(found) == len(asked)


def understood(pasted: Sequence[str]) -> list[str]:
    """Return where it takes each server to begin."""
    folder = vscode_client()
    shutil.copy(CLIENTS / "vscode" / "vscode.cjs", folder)
    done = subprocess.run(
        [node_path(), "vscode.cjs", json.dumps({"pasted": pasted})],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SCRIPT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found
