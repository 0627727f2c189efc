"""Rooms with the real clients of others, each in a process and with libraries of its own (CB1 to CB15)."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet.security.passwords import hash_password
from tests.api.installed import agent_clients
from tests.api.yjs_client import YjsClient, script_of
from tests.server.serving import Server, serve
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PASSWORD = "correct horse"
SCRIPT_S = 200.0
"""A fault, not a measure. (The first run installs the clients before that.)"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server for one client alone."""
    with serve(tmp_path, "--base-url=/base") as server:
        yield server


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[CarnetServer]:
    """A server that is killed and started again."""
    with CarnetServer(tmp_path) as server:
        yield server


def run(script: str, *arguments: str) -> "dict[str, object]":
    done = subprocess.run(
        [agent_clients(), script_of(script), *arguments],
        capture_output=True,
        text=True,
        timeout=SCRIPT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


def notebook(*sources: str) -> "dict[str, object]":
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "source": one,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for n, one in enumerate(sources, 1)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def made(server: Server, path: str, *sources: str) -> None:
    content = notebook(*sources)
    assert server.api("PUT", f"api/contents/{path}", {"type": "notebook", "content": content}).status == 201


def test_jupyter_nbmodel_client(own: Server) -> None:
    made(own, "a.ipynb", "1 + 1")

    assert run("nbmodel.py", own.url.rstrip("/"), own.token, "a.ipynb") == {
        "opened": [True, 1],
        "ran": ["ok", ["stream", "execute_result"]],
        "kept": ["stream", "execute_result"],
        "again": ["1 + 1", "x = '😀'", "# Done"],
    }
    with YjsClient(own.url, own.token, "a.ipynb") as other:
        [_, ran, _] = other.do("cells")
    assert ran["execution_count"] == 1
    assert ran["metadata"] == {"tags": ["by-a-client"]}
    assert [one["output_type"] for one in ran["outputs"]] == ["stream", "execute_result"]


def test_jupyter_mcp_server(own: Server) -> None:
    made(own, "agent.ipynb", "first = 1")

    said = run("mcp_agent.py", own.url.rstrip("/"), own.token)

    assert "agent.ipynb" in str(said["files"])
    assert "Successfully activate notebook" in str(said["used"])
    assert str(said["ran"]).startswith("42")
    assert str(said["again"]).startswith("ä😀")
    assert "print('ä😀')\nä😀" in str(said["cell"])
    with YjsClient(own.url, own.token, "agent.ipynb") as other:
        text, code = other.do("cells")
    assert (text["cell_type"], text["source"]) == ("markdown", "# By an agent")
    assert code["source"] == "print('ä😀')"
    assert code["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "ä😀\n"}]
    assert code["execution_count"] == 2


def test_jupyter_mcp_server_with_a_password(tmp_path: Path) -> None:
    """Its sockets and its requests have the cookies of its login; what it writes has the XSRF token."""
    with serve(tmp_path, "--base-url=/base", f"--NotebookApp.password={hash_password(PASSWORD)}") as server:
        (server.notebook_dir / "agent.ipynb").write_text(json.dumps(notebook("first = 1")))

        said = run("mcp_agent.py", server.url.rstrip("/"), "", PASSWORD)

        assert "agent.ipynb" in str(said["files"])
        assert str(said["ran"]).startswith("42")
        assert "print('ä😀')\nä😀" in str(said["cell"])


def test_two_of_jupyterlabs_documents(own: Server) -> None:
    made(own, "a.ipynb", "one", "two 😀")
    with YjsClient(own.url, own.token, "a.ipynb") as ann, YjsClient(own.url, own.token, "a.ipynb") as bob:
        ann.do("type", cell=1, at=6, text="<a𝄞>")
        assert bob.do("source", cell=1, has="<a𝄞>") == "two 😀<a𝄞>"
        bob.do("erase", cell=1, start=4, end=6)
        bob.do("insert", at=0, source="new", id="new")
        assert ann.do("source", cell=0, has="new") == "new"
        ann.do("move", cell=0, to=2)
        ann.do("type", cell=2, text="<b>")
        assert bob.do("source", cell=2, has="<b>") == "new<b>"
        ann.do(
            "outputs", cell=0, outputs=[{"output_type": "stream", "name": "stdout", "text": "hi"}], count=3
        )
        assert bob.do("printed", cell=0, has="hi")
        ann.do("say", name="Ann")
        bob.do("hear", name="Ann")

        assert ann.do("cells") == bob.do("cells")
        assert ann.sources() == ["one", "two <a𝄞>", "new<b>"]


def test_cb13_a_server_that_is_killed_and_laptops_that_sleep(lives: CarnetServer) -> None:
    lives.write("a.ipynb", ["one ", "two "])
    with YjsClient(lives.url, TOKEN, "a.ipynb") as ann, YjsClient(lives.url, TOKEN, "a.ipynb") as bob:
        tokens = []
        for life in range(3):
            ann.do("go")
            for client, cell, name in ((ann, 0, "ann"), (bob, 0, "bob"), (ann, 1, "ann"), (bob, 1, "bob")):
                tokens.append(f"<{name}{life}-{cell}>")
                client.do("type", cell=cell, text=tokens[-1])
            lives.kill()
            tokens.append(f"<dead{life}>")
            bob.do("type", cell=0, at=0, text=tokens[-1])
            tokens.append(f"<cell{life}>")
            ann.do("insert", at=1, source=tokens[-1], id=f"n{life}")
            lives.start()
            ann.do("come")
            bob.do("come")
            bob.do("source", cell=1, has=f"<cell{life}>")
            ann.do("source", cell=0, has=f"<dead{life}>")
            for client in (ann, bob):
                text = "\n".join(client.sources())
                assert {token: text.count(token) for token in tokens} == dict.fromkeys(tokens, 1)
                assert len(client.sources()) == 3 + life
        assert ann.sources() == bob.sources()


def test_cb14_a_client_of_a_history_that_is_no_more_is_told_to_reload(lives: CarnetServer) -> None:
    lives.write("a.ipynb", ["one"])
    with YjsClient(lives.url, TOKEN, "a.ipynb") as ann:
        ann.do("go")
        lives.kill()
        forget_rooms(lives.state)
        lives.start()

        ann.do("try")

        assert ann.do("closed") == 1003
    with YjsClient(lives.url, TOKEN, "a.ipynb") as bob:
        assert bob.sources() == ["one"]


def forget_rooms(state: Path) -> None:
    connection = sqlite3.connect(state / "carnet.sqlite3")
    with connection:
        connection.execute("DELETE FROM room_updates")
        connection.execute("DELETE FROM rooms")
    connection.close()


def test_cb24_two_of_jupyterlabs_text_files(lives: CarnetServer) -> None:
    file = lives.notebooks / "notes.md"
    file.write_bytes("# 😀\r\nend\r\n".encode())

    def client() -> YjsClient:
        return YjsClient(lives.url, TOKEN, "notes.md", "text.mjs")

    with client() as ann, client() as bob:
        assert ann.do("text") == "# 😀\nend\n"
        ann.do("type", at=4, text=" ä𝄞")
        bob.do("type", text="bob\n")
        assert "bob\n" in ann.do("text", has="bob")
        assert bob.do("text", has="ä𝄞") == "# 😀 ä𝄞\nend\nbob\n"
        ann.do("dirty")
        ann.do("saved")
        assert file.read_bytes() == "# 😀 ä𝄞\r\nend\r\nbob\r\n".encode()

        # Both sleep and write, the server is killed, and somebody else changes the file meanwhile.
        ann.do("go")
        bob.do("go")
        lives.kill()
        ann.do("type", at=0, text="<ann>")
        bob.do("type", text="<bob>\n")
        file.write_bytes(file.read_bytes() + b"outside\r\n")
        lives.start()
        ann.do("come")
        bob.do("come")

        text = bob.do("text", has="<ann>")
        assert text == ann.do("text", has="<bob>")
        for part in ("<ann>", "<bob>", "bob\n", "outside\n", "ä𝄞"):
            assert text.count(part) == 1, text
        bob.do("dirty")
        bob.do("saved")
        assert file.read_bytes().decode() == text.replace("\n", "\r\n")


def test_cb25_what_is_no_text_is_refused_in_words(own: Server) -> None:
    (own.notebook_dir / "picture.png").write_bytes(b"\x89PNG")

    answer = own.api("PUT", "api/collaboration/session/picture.png", {"format": "text", "type": "file"})

    assert answer.status == 400
    assert "not UTF-8 text" in answer.body.decode()
    assert (
        own.api("PUT", "api/collaboration/session/picture.png", {"format": "base64", "type": "file"}).status
        == 404
    )
