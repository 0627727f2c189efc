"""Rows of Jupyter's REST API: status codes and shapes, each as clients need it (JS1 to JS6, JK1, JK2, JA1 to JA3)."""

import asyncio
import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from carnet.ids import new_id
from tests.api.kernel_socket import PATIENCE_S, KernelSocket
from tests.server.serving import Response, Server
from tests.support.files import code_notebook
from tests.support.link_client import LinkClient

pytestmark = pytest.mark.slow

MODEL_KEYS = {
    "name",
    "path",
    "type",
    "writable",
    "created",
    "last_modified",
    "size",
    "mimetype",
    "content",
    "format",
}


def write(server: Server, path: str, *sources: str) -> Path:
    """Write a notebook of these code cells."""
    target = server.notebook_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(code_notebook(sources)))
    return target


# ---- kernels


def test_jk1_a_kernel_without_a_notebook(server: Server) -> None:
    (server.notebook_dir / "data").mkdir(exist_ok=True)
    made = server.api("POST", "api/kernels", {"name": "python3", "path": "data", "env": {"COLOUR": "red"}})

    kernel = made.json()
    assert made.status == 201
    assert made.headers["Location"] == f"{server.base}api/kernels/{kernel['id']}"
    assert {"id", "name", "last_activity", "execution_state", "connections"} <= set(kernel)
    assert kernel["id"] in [one["id"] for one in server.api("GET", "api/kernels").json()]
    assert kernel["id"] not in [one["kernel"]["id"] for one in server.api("GET", "api/sessions").json()]

    async def look() -> str:
        async with KernelSocket(server, kernel["id"]) as line:
            msg_id = await line.execute("import os; print(os.getcwd(), os.environ['COLOUR'])")
            await line.over(msg_id)
            assert server.api("GET", f"api/kernels/{kernel['id']}").json()["connections"] == 1
            return line.text(msg_id)

    assert asyncio.run(look()).split() == [str(server.notebook_dir / "data"), "red"]
    assert server.api("POST", f"api/kernels/{kernel['id']}/interrupt").status == 204
    assert server.api("DELETE", f"api/kernels/{kernel['id']}").status == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/interrupt"), ("POST", "/restart")):
        assert server.api(method, f"api/kernels/{kernel['id']}{path}").status == 404
    assert server.api("POST", "api/kernels", {"name": "nosuch"}).status == 404


# ---- sessions


def test_js1_js3_a_notebooks_session_is_our_open_notebook(server: Server) -> None:
    write(server, "of ours.ipynb", "1")
    body = {
        "path": "of ours.ipynb",
        "name": "of ours.ipynb",
        "type": "notebook",
        "kernel": {"name": "python3"},
    }
    made = server.api("POST", "api/sessions", body)
    again = server.api("POST", "api/sessions", {**body, "kernel": {"name": "nosuch"}})

    session = made.json()
    assert (made.status, again.status) == (201, 201)
    assert made.headers["Location"] == f"{server.base}api/sessions/{session['id']}"
    assert {"id", "path", "name", "type", "kernel", "notebook"} <= set(session)
    assert (again.json()["id"], again.json()["kernel"]["id"]) == (session["id"], session["kernel"]["id"])
    assert server.api("GET", f"api/sessions/{session['id']}").json()["path"] == "of ours.ipynb"

    async def seen_in_a_page() -> str | None:
        headers = {"Authorization": f"token {server.token}"}
        async with LinkClient(server.url.replace("http", "ws") + "link", headers, "of ours.ipynb") as tab:
            return tab.now.kernel.id

    assert asyncio.run(seen_in_a_page()) == session["kernel"]["id"]

    assert (
        server.api(
            "PATCH", "api/contents/of ours.ipynb".replace(" ", "%20"), {"path": "renamed.ipynb"}
        ).status
        == 200
    )
    renamed = server.api("PATCH", f"api/sessions/{session['id']}", {"path": "renamed.ipynb", "name": "x"})
    assert (renamed.status, renamed.json()["path"]) == (200, "renamed.ipynb")
    assert server.api("PATCH", f"api/sessions/{session['id']}", {"path": "else.ipynb"}).status == 409

    other = server.api("PATCH", f"api/sessions/{session['id']}", {"kernel": {"name": "python3"}})
    assert (other.status, other.json()["id"]) == (200, session["id"])
    assert other.json()["kernel"]["id"] != session["kernel"]["id"]
    assert server.api("GET", f"api/kernels/{session['kernel']['id']}").status == 404

    assert server.api("DELETE", f"api/sessions/{session['id']}").status == 204
    assert session["id"] not in [one["id"] for one in server.api("GET", "api/sessions").json()]
    assert server.api("DELETE", f"api/sessions/{session['id']}").status == 404


def test_js6_ending_a_session_ends_its_kernel(server: Server) -> None:
    write(server, "ends.ipynb", "1")
    session = server.api("POST", "api/sessions", {"path": "ends.ipynb", "type": "notebook"}).json()
    kernel_id = session["kernel"]["id"]

    # A kernel's id will do where a session's is wanted.
    assert server.api("GET", f"api/sessions/{kernel_id}").json()["id"] == session["id"]
    assert server.api("DELETE", f"api/sessions/{kernel_id}").status == 204

    assert server.api("GET", f"api/sessions/{session['id']}").status == 404
    assert server.api("GET", f"api/kernels/{kernel_id}").status == 404


async def test_jk2_what_is_done_to_a_notebooks_kernel_is_seen_by_every_page(server: Server) -> None:
    write(server, "seen.ipynb", "import time; time.sleep(600)")

    async def ask(method: str, path: str, value: object = None) -> Response:
        return await asyncio.to_thread(server.api, method, path, value)

    session = (await ask("POST", "api/sessions", {"path": "seen.ipynb", "type": "notebook"})).json()
    kernel = f"api/kernels/{session['kernel']['id']}"
    headers = {"Authorization": f"token {server.token}"}
    async with LinkClient(server.url.replace("http", "ws") + "link", headers, "seen.ipynb") as tab:
        await tab.wait(lambda: tab.now.kernel.status == "idle")
        lineage = tab.now.kernel.lineage
        assert (await ask("POST", f"{kernel}/restart")).status == 200
        # It is answered when the new process is ready.
        assert (await ask("GET", kernel)).json()["execution_state"] == "idle"
        await tab.wait(lambda: tab.now.kernel.lineage > lineage and tab.now.kernel.status == "idle")

        await tab.run(tab.now.order[0])
        await tab.wait(lambda: tab.now.kernel.status == "busy")
        assert (await ask("POST", f"{kernel}/interrupt")).status == 204
        ended = await tab.wait_done(0)
        assert ended.last is not None
        assert ended.last.outcome == "failed"

        assert (await ask("DELETE", kernel)).status == 204
        await tab.wait(lambda: tab.now.kernel.status == "none")


def test_js5_a_notebook_takes_a_kernel_that_runs_already(server: Server, kernel_id: str) -> None:
    write(server, "takes.ipynb", "1")
    made = server.api(
        "POST", "api/sessions", {"path": "takes.ipynb", "type": "notebook", "kernel": {"id": kernel_id}}
    )
    assert (made.status, made.json()["kernel"]["id"]) == (201, kernel_id)
    assert server.api("GET", f"api/kernels/{kernel_id}").status == 200
    other = server.api("PATCH", f"api/sessions/{made.json()['id']}", {"kernel": {"id": "nosuch"}})
    assert other.status == 404


def test_js7_an_invented_path_becomes_a_notebooks(server: Server) -> None:
    """As JupyterLab opens a notebook."""
    write(server, "later/named.ipynb", "1")
    made = server.api(
        "POST",
        "api/sessions",
        {
            "path": f"later/{new_id()}",
            "type": "notebook",
            "name": "named.ipynb",
            "kernel": {"name": "python3"},
        },
    ).json()

    changed = server.api("PATCH", f"api/sessions/{made['id']}", {"path": "later/named.ipynb"})
    named = server.api("PATCH", f"api/sessions/{made['id']}", {"name": "named.ipynb"})

    assert (changed.status, named.status) == (200, 200)
    assert (changed.json()["id"], changed.json()["path"]) == (made["id"], "later/named.ipynb")
    assert changed.json()["kernel"]["id"] == made["kernel"]["id"]
    # Who asks for the notebook gets this session, and there is no second one.
    again = server.api("POST", "api/sessions", {"path": "later/named.ipynb", "type": "notebook"}).json()
    assert (again["id"], again["kernel"]["id"]) == (made["id"], made["kernel"]["id"])
    assert [one["id"] for one in server.api("GET", "api/sessions").json()].count(made["id"]) == 1

    other = server.api("PATCH", f"api/sessions/{made['id']}", {"kernel": {"name": "python3"}}).json()
    assert other["id"] == made["id"]
    assert other["kernel"]["id"] != made["kernel"]["id"]
    assert server.api("GET", f"api/sessions/{made['id']}").json()["kernel"]["id"] == other["kernel"]["id"]

    assert server.api("DELETE", f"api/sessions/{made['id']}").status == 204
    assert made["id"] not in [one["id"] for one in server.api("GET", "api/sessions").json()]
    assert server.api("GET", f"api/kernels/{other['kernel']['id']}").status == 404


def test_js7_a_notebook_that_has_a_kernel_keeps_it(server: Server) -> None:
    write(server, "has.ipynb", "1")
    own = server.api("POST", "api/sessions", {"path": "has.ipynb", "type": "notebook"}).json()
    made = server.api("POST", "api/sessions", {"path": new_id(), "type": "notebook"}).json()
    assert made["kernel"]["id"] != own["kernel"]["id"]

    changed = server.api("PATCH", f"api/sessions/{made['id']}", {"path": "has.ipynb"}).json()

    assert (changed["id"], changed["kernel"]["id"]) == (made["id"], own["kernel"]["id"])
    assert made["kernel"]["id"] not in [one["id"] for one in server.api("GET", "api/kernels").json()]
    # The id that the notebook had before is understood too.
    assert server.api("GET", f"api/sessions/{own['id']}").json()["id"] == made["id"]


@pytest.mark.parametrize("kind", ["notebook", "console", "file"])
def test_js2_paths_need_not_exist(server: Server, kind: str) -> None:
    path = f"made/up-jvsc-{new_id()}.ipynb"
    made = server.api("POST", "api/sessions", {"path": path, "type": kind, "name": "n", "kernel": {}})
    session = made.json()
    assert (made.status, session["path"], session["type"], session["name"]) == (201, path, kind, "n")
    assert server.api("POST", "api/sessions", {"path": path, "type": kind}).json()["id"] == session["id"]
    moved = server.api("PATCH", f"api/sessions/{session['id']}", {"path": f"{path}2", "type": "console"})
    assert (moved.status, moved.json()["path"], moved.json()["type"]) == (200, f"{path}2", "console")
    assert server.api("DELETE", f"api/sessions/{session['id']}").status == 204
    assert server.api("GET", f"api/kernels/{session['kernel']['id']}").status == 404
    assert not (server.notebook_dir / "made").exists()


def test_js4_what_is_refused(server: Server) -> None:
    asked: list[tuple[dict[str, Any], int]] = [
        ({"type": "notebook"}, 400),
        ({"path": "a.ipynb"}, 400),
        ({"path": "a.ipynb", "type": "nosuch"}, 400),
        ({"path": "a.ipynb", "type": "notebook", "kernel": {"name": "nosuch"}}, 501),
        ({"path": "a.ipynb", "type": "notebook", "kernel": {"id": "nosuch"}}, 501),
    ]
    for body, status in asked:
        answer = server.api("POST", "api/sessions", body)
        assert (answer.status, bool(answer.json()["message"])) == (status, True)
    assert server.api("GET", "api/sessions/nosuch").status == 404
    made = server.api("POST", "api/sessions", {"path": "b.py", "type": "console"}).json()
    assert server.api("DELETE", f"api/kernels/{made['kernel']['id']}").status == 204
    assert server.api("DELETE", f"api/sessions/{made['id']}").status == 410


# ---- contents


def test_contents_have_every_key_in_every_form(server: Server) -> None:
    write(server, "c/n.ipynb", "print(1)")
    (server.notebook_dir / "c" / "t.txt").write_text("ä\n")
    (server.notebook_dir / "c" / "b.bin").write_bytes(b"\xff\0")

    def get(path: str, query: str = "") -> dict[str, Any]:
        answer = server.api("GET", f"api/contents/{path}?{query}")
        assert answer.status == 200
        found: dict[str, Any] = answer.json()
        assert set(found) >= MODEL_KEYS
        return found

    folder, notebook, text, binary = get("c"), get("c/n.ipynb"), get("c/t.txt"), get("c/b.bin")
    assert (folder["type"], folder["format"]) == ("directory", "json")
    assert sorted(one["name"] for one in folder["content"]) == ["b.bin", "n.ipynb", "t.txt"]
    assert notebook["content"]["cells"][0]["source"] == "print(1)"
    assert (notebook["type"], notebook["format"], notebook["mimetype"]) == ("notebook", "json", None)
    assert (text["content"], text["format"], text["mimetype"]) == ("ä\n", "text", "text/plain")
    assert (base64.b64decode(binary["content"]), binary["format"]) == (b"\xff\0", "base64")
    assert get("c/t.txt", "content=0")["content"] is None
    assert get("c/n.ipynb", "type=file&format=text")["content"].startswith("{")
    assert get("c/t.txt", "hash=1")["hash"] == sha256("ä\n".encode()).hexdigest()
    for query in ("type=directory", "type=notebook", "format=nosuch", "format=json"):
        assert server.api("GET", f"api/contents/c/t.txt?{query}").status == 400
    assert server.api("GET", "api/contents/nosuch").status == 404


def test_contents_are_made_saved_copied_renamed_and_deleted(server: Server) -> None:
    def ask(method: str, path: str, status: int, body: object = None) -> Any:
        answer = server.api(method, f"api/contents/{path}", body)
        assert answer.status == status, answer.body
        return answer.json() if answer.body else None

    ask("PUT", "w", 201, {"type": "directory"})
    assert ask("POST", "w", 201, {"type": "notebook"})["path"] == "w/Untitled.ipynb"
    assert ask("POST", "w", 201, {"type": "file", "ext": ".txt"})["path"] == "w/untitled.txt"
    assert ask("POST", "w", 201, {"type": "directory"})["path"] == "w/Untitled Folder"
    assert ask("POST", "w", 201, {"copy_from": "w/untitled.txt"})["path"] == "w/untitled-Copy1.txt"
    ask("PUT", "w/a.txt", 201, {"type": "file", "format": "text", "content": "one"})
    ask("PUT", "w/a.txt", 200, {"type": "file", "format": "base64", "content": "dHdv"})
    assert ask("GET", "w/a.txt", 200)["content"] == "two"
    ask("PUT", "w/new.ipynb", 201, {"type": "notebook"})
    assert ask("PATCH", "w/a.txt", 200, {"path": "w/b.txt"})["path"] == "w/b.txt"
    ask("PATCH", "w/b.txt", 409, {"path": "w/untitled.txt"})
    ask("DELETE", "w/b.txt", 204)
    ask("DELETE", "w/b.txt", 404)

    pieces = [b"\0" * 1000, b"\1" * 1000, b"end"]
    for chunk, piece in zip((1, 2, -1), pieces, strict=True):
        body = {
            "type": "file",
            "format": "base64",
            "content": base64.b64encode(piece).decode(),
            "chunk": chunk,
        }
        ask("PUT", "w/big.bin", 201, body)
    assert (server.notebook_dir / "w" / "big.bin").read_bytes() == b"".join(pieces)


def test_contents_checkpoints(server: Server) -> None:
    write(server, "k.ipynb", "1")
    path = "api/contents/k.ipynb/checkpoints"
    made = server.api("POST", path)
    assert (made.status, set(made.json())) == (201, {"id", "last_modified"})
    assert made.json() in server.api("GET", path).json()
    write(server, "k.ipynb", "2")
    assert server.api("POST", f"{path}/{made.json()['id']}").status == 204
    assert server.api("GET", "api/contents/k.ipynb").json()["content"]["cells"][0]["source"] == "1"
    assert server.api("DELETE", f"{path}/{made.json()['id']}").status == 204
    assert server.api("DELETE", f"{path}/{made.json()['id']}").status == 404


def test_ja3_trust_is_for_these_bytes(server: Server) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x"}
    cell: dict[str, Any] = {
        "id": "a",
        "cell_type": "code",
        "source": "1",
        "metadata": {},
        "outputs": [output],
        "execution_count": 1,
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = server.notebook_dir / "trust.ipynb"
    path.write_text(json.dumps(notebook))

    def trusted() -> bool:
        found = server.api("GET", "api/contents/trust.ipynb").json()["content"]["cells"][0]["metadata"]
        return bool(found["trusted"])

    assert not trusted()
    assert server.api("POST", "api/contents/trust.ipynb/trust").status == 201
    assert trusted()
    path.write_text(json.dumps(notebook) + " ")
    assert not trusted()
    cell["metadata"]["trusted"] = True
    saved = server.api("PUT", "api/contents/trust.ipynb", {"type": "notebook", "content": notebook})
    assert saved.status == 200
    assert trusted()
    assert "trusted" not in path.read_text()
    assert server.api("POST", "api/contents/nosuch.ipynb/trust").status == 404


async def test_jc1_who_reads_an_open_notebook_gets_what_its_pages_show(server: Server) -> None:
    write(server, "shown.ipynb", "a = 1")
    headers = {"Authorization": f"token {server.token}"}
    async with LinkClient(server.url.replace("http", "ws") + "link", headers, "shown.ipynb") as tab:
        for number in range(5):
            await tab.add_cell(f"b = {number}")
            read = await asyncio.to_thread(server.api, "GET", "api/contents/shown.ipynb")
            assert read.json()["content"]["cells"][-1]["source"] == f"b = {number}"


async def test_jc1_a_write_to_an_open_notebook_is_merged_and_seen_at_once(server: Server) -> None:
    write(server, "open.ipynb", "a = 1", "b = 2")
    headers = {"Authorization": f"token {server.token}"}
    async with LinkClient(server.url.replace("http", "ws") + "link", headers, "open.ipynb") as tab:
        notebook = server.api("GET", "api/contents/open.ipynb").json()["content"]
        notebook["cells"][1]["source"] = "b = 3"
        saved = await asyncio.to_thread(
            server.api, "PUT", "api/contents/open.ipynb", {"type": "notebook", "content": notebook}
        )
        assert saved.status == 200
        await tab.wait(lambda: [cell.cell.source for cell in tab.now.cells.values()] == ["a = 1", "b = 3"])


# ---- the rest


def test_version_status_and_who_asks(server: Server) -> None:
    for path in ("api", "api/"):
        assert server.ask("GET", path).json()["version"].startswith("2.")
    assert set(server.api("GET", "api/status").json()) == {
        "started",
        "last_activity",
        "connections",
        "kernels",
    }
    assert server.ask("GET", "api/status").status == 403
    asked = '{"kernels":["execute","nosuch"]}'
    me = server.api("GET", f"api/me?permissions={asked}").json()
    assert me["permissions"] == {
        "kernels": ["execute"],
        "updatable_fields": ["display_name", "initials", "color"],
    }
    assert {"username", "name", "display_name", "initials", "avatar_url", "color"} <= set(me["identity"])
    assert server.api("GET", "api/me?permissions=3").status == 400


def test_ja5_how_others_see_one(server: Server) -> None:
    before = server.api("GET", "api/me").json()["identity"]
    changed = server.api("PATCH", "api/me", {"display_name": "Ada", "color": "#c00"})
    assert (changed.status, changed.json()["status"]) == (200, "success")
    assert changed.json()["identity"] == {**before, "display_name": "Ada", "color": "#c00"}
    assert server.api("GET", "api/me").json()["identity"] == changed.json()["identity"]
    for body in (
        {},
        {"username": "root"},
        {"avatar_url": "https://a.example/x.png"},
        {"initials": 3},
        {"color": "x" * 101},
    ):
        refused = server.api("PATCH", "api/me", body)
        assert (refused.status, bool(refused.json()["message"])) == (400, True)
    back = server.api("PATCH", "api/me", {"display_name": None, "color": None})
    assert back.json()["identity"] == before


def test_ja1_config_sections(server: Server) -> None:
    assert server.api("GET", "api/config/notebook").json() == {}
    assert server.api("PUT", "api/config/notebook", {"a": {"b": 1, "c": 2}}).status == 204
    patched = server.api("PATCH", "api/config/notebook", {"a": {"b": None}, "d": 3})
    assert (patched.status, patched.json()) == (200, {"a": {"c": 2}, "d": 3})
    assert server.api("GET", "api/config/notebook").json() == {"a": {"c": 2}, "d": 3}


async def test_ja2_events(server: Server) -> None:
    request = HTTPRequest(
        server.url.replace("http", "ws") + "api/events/subscribe",
        headers={"Authorization": f"token {server.token}"},
    )
    socket = await websocket_connect(request)
    event = {"schema_id": "https://example.org/e", "version": "1", "data": {"what": "this"}}
    posted = await asyncio.to_thread(server.api, "POST", "api/events", event)
    async with asyncio.timeout(PATIENCE_S):
        heard = json.loads(await socket.read_message() or "{}")
    assert posted.status == 204
    assert (heard["schema_id"], heard["what"]) == ("https://example.org/e", "this")
    assert server.api("POST", "api/events", {"data": {}}).status == 400
    no_json = '{"schema_id": "a", "version": 1, "data": {"x": NaN, "y": 1e999}}'
    headers = {"Authorization": f"token {server.token}"}
    refused = await asyncio.to_thread(server.ask, "POST", "api/events", no_json, headers)
    assert refused.status == 400, "who hears would get what is no JSON"
    socket.close()
    assert await socket.read_message() is None


def test_paths_in_tracebacks_are_resolved(server: Server, kernel_id: str) -> None:
    target = write(server, "src/m.ipynb", "1")
    found = server.api("GET", f"api/resolvePath?path={target}").json()
    assert found == {"resolved": [{"scope": "server", "path": "src/m.ipynb"}]}
    relative = server.api("GET", f"api/resolvePath?path=src/m.ipynb&kernel={kernel_id}").json()["resolved"]
    assert {"scope": "kernel", "path": "src/m.ipynb"} in relative
    outside = server.api("GET", "api/resolvePath?path=/etc/passwd&kernel=nosuch").json()
    assert (outside["resolved"], len(outside["unresolved"])) == ([], 1)
    assert server.api("GET", "api/resolvePath").status == 400


def test_ja4_the_server_describes_itself(server: Server) -> None:
    answer = server.api("GET", "api/spec.yaml")
    assert answer.headers["Content-Type"].startswith("text/x-yaml")
    assert answer.json()["servers"] == [{"url": server.base.rstrip("/")}]


def test_reports_and_metrics(server: Server) -> None:
    report = json.dumps({"csp-report": {"violated-directive": "script-src"}})
    answer = server.ask("POST", "api/security/csp-report", report, {"Authorization": f"token {server.token}"})
    assert answer.status == 204
    assert b"\ncarnet_kernels " in server.api("GET", "metrics").body


def test_old_clients_are_led_to_contents(server: Server) -> None:
    write(server, "old.ipynb", "1")
    answer = server.api("GET", "api/notebooks/old.ipynb")
    assert (answer.status, answer.headers["Location"]) == (302, f"{server.base}api/contents/old.ipynb")
