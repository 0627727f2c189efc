"""`/api/contents` in Jupyter's shapes, status codes included: clients throw on any other."""

import base64
import json
import socket
from urllib.parse import quote

import pytest

from tests.server.serving import Server
from tests.support.files import code_notebook

MODEL_KEYS = {
    *(
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
    ),
    *("hash", "hash_algorithm", "revision"),
}

OLD_NOTEBOOK = {
    "metadata": {"name": "old"},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "code", "input": "1+1", "language": "python", "outputs": [], "collapsed": False}
            ],
            "metadata": {},
        }
    ],
}


def put(server: Server, name: str, data: bytes) -> None:
    path = server.notebook_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_co1_a_folder(server: Server) -> None:
    put(server, "folder/b.txt", b"two")
    put(server, "folder/a.ipynb", b"{}")
    put(server, "folder/.hidden", b"")
    (server.notebook_dir / "folder" / "c d").mkdir()

    model = server.api("GET", "api/contents/folder").json()

    assert set(model) == {*MODEL_KEYS, "trash"}
    assert model["trash"] is True
    assert (model["type"], model["format"], model["path"], model["name"]) == (
        "directory",
        "json",
        "folder",
        "folder",
    )
    assert [(one["path"], one["type"], one["size"]) for one in model["content"]] == [
        ("folder/a.ipynb", "notebook", 2),
        ("folder/b.txt", "file", 3),
        ("folder/c d", "directory", None),
    ]
    assert all(set(one) == MODEL_KEYS and one["content"] is None for one in model["content"])
    assert server.api("GET", "api/contents/folder?content=0").json()["content"] is None
    assert server.api("GET", "api/contents/folder/").json()["path"] == "folder"


def test_co2_a_notebook_comes_joined_and_upgraded(server: Server) -> None:
    put(server, "old.ipynb", json.dumps(OLD_NOTEBOOK).encode())
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": ["a\n", "b"],
        "execution_count": None,
    }
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["x\n", "y"]},
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"text/plain": ["p\n", "q"], "application/json": ["r", "s"]},
        },
    ]
    new = {
        "cells": [{**cell, "outputs": outputs}],
        "metadata": {"kept": 1},
        "nbformat": 4,
        "nbformat_minor": 5,
        "more": 2,
    }
    put(server, "new.ipynb", json.dumps(new).encode())

    old, model = (server.api("GET", f"api/contents/{name}.ipynb").json() for name in ("old", "new"))

    assert (old["content"]["nbformat"], old["content"]["cells"][0]["source"]) == (4, "1+1")
    content = model["content"]
    assert (model["format"], content["metadata"], content["more"]) == ("json", {"kept": 1}, 2)
    assert content["cells"][0]["source"] == "a\nb"
    assert content["cells"][0]["outputs"][0]["text"] == "x\ny"
    assert content["cells"][0]["outputs"][1]["data"] == {"text/plain": "p\nq", "application/json": ["r", "s"]}


def test_co2_numbers_that_json_has_not_are_null_in_the_answer(server: Server) -> None:
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"n": [float("nan"), float("inf"), 10**30]}}
    cells = [{"cell_type": "raw", "id": "a", "source": "x", "metadata": {"n": float("-inf")}}]
    data = json.dumps({**notebook, "cells": cells}).encode()
    put(server, "nan.ipynb", data)

    response = server.api("GET", "api/contents/nan.ipynb")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    content = json.loads(response.body, parse_constant=refuse)["content"]
    assert content["metadata"]["n"] == [None, None, 10**30]
    assert content["cells"][0]["metadata"]["n"] is None
    assert (server.notebook_dir / "nan.ipynb").read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"nbformat": 4}', b"\xff\xfe", b"[" * 100_000])
def test_co3_what_is_not_a_notebook_is_refused_and_left_alone(server: Server, data: bytes) -> None:
    put(server, "broken.ipynb", data)

    answer = server.api("GET", "api/contents/broken.ipynb")

    assert (answer.status, set(answer.json())) == (422, {"message", "reason"})
    assert (server.notebook_dir / "broken.ipynb").read_bytes() == data
    assert server.api("GET", "api/contents/broken.ipynb?type=file&format=base64").status == 200


def test_co4_files_as_text_or_base64(server: Server) -> None:
    put(server, "a.txt", "né".encode())
    put(server, "b.bin", b"\xff\x00")

    text, data = (
        server.api("GET", "api/contents/a.txt").json(),
        server.api("GET", "api/contents/b.bin").json(),
    )

    assert (text["format"], text["content"], text["mimetype"]) == ("text", "né", "text/plain")
    assert (data["format"], base64.b64decode(data["content"])) == ("base64", b"\xff\x00")
    assert server.api("GET", "api/contents/b.bin?format=text").status == 400
    assert server.api("GET", "api/contents/a.txt?format=base64").json()["format"] == "base64"
    hashed = server.api("GET", "api/contents/a.txt?hash=1&content=0").json()
    assert (hashed["hash_algorithm"], len(hashed["hash"]), hashed["content"]) == ("sha256", 64, None)


def test_co5_what_is_asked_for_must_be_what_is_there(server: Server) -> None:
    put(server, "kind/a.txt", b"")

    for address, status in (
        ("kind/a.txt?type=directory", 400),
        ("kind/a.txt?type=notebook", 400),
        ("kind?type=file", 400),
        ("kind/a.txt?type=nonsense", 400),
        ("kind/nothing.txt", 404),
        (".hidden", 404),
        ("kind/.hidden/a", 404),
    ):
        answer = server.api("GET", f"api/contents/{address}")
        assert (answer.status, bool(answer.json()["message"])) == (status, True), address


@pytest.mark.parametrize(
    "raw",
    [
        "..",
        "../",
        "a/../../b",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5cetc",
        "%2fetc%2fpasswd",
        "%2f%2fetc%2fpasswd",
        "//etc/passwd",
        "a//b",
        "a%00b",
        "a%0ab",
        "a/.",
        "%c0%ae%c0%ae/etc",
        "%ed%a0%80",
        ".~carnet-x",
        "x" * 300,
        quote("\u2025/etc/passwd" + "/.."),
    ],
)
@pytest.mark.parametrize("route", ["api/contents/", "files/"])
def test_co6_no_path_leads_out(server: Server, route: str, raw: str) -> None:
    (server.notebook_dir.parent / "outside.txt").write_text("secret")

    for method in ("GET", "PUT", *(("DELETE", "PATCH", "POST") if route == "api/contents/" else ())):
        answer = server.api(
            method, route + raw, {"type": "file", "format": "text", "content": "x", "path": "moved"}
        )
        assert answer.status in {400, 404}, method
        assert b"secret" not in answer.body


def test_co6_nor_does_a_body(server: Server) -> None:
    put(server, "inside.txt", b"x")
    for path in ("../out.txt", "/etc/x", "a/../../x", "a\\b", "", "."):
        assert server.api("PATCH", "api/contents/inside.txt", {"path": path}).status in {400, 404, 409}, path
        assert server.api("POST", "api/contents", {"copy_from": path}).status in {400, 404}, path
    assert (server.notebook_dir / "inside.txt").read_bytes() == b"x"


def test_co7_put_makes_and_replaces(server: Server) -> None:
    body = {"type": "file", "format": "text", "content": "one"}
    made, replaced = (
        server.api("PUT", "api/contents/new.txt", body),
        server.api("PUT", "api/contents/new.txt", body),
    )

    assert (made.status, replaced.status) == (201, 200)
    assert made.headers["Location"] == "/api/contents/new.txt"
    assert (made.json()["content"], made.json()["size"]) == (None, 3)
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    assert server.api("PUT", "api/contents/n.ipynb", {"type": "notebook", "content": notebook}).status == 201
    assert json.loads((server.notebook_dir / "n.ipynb").read_text()) == notebook
    assert (
        server.api("PUT", "api/contents/n.ipynb", {"type": "notebook", "content": {"cells": 1}}).status == 422
    )
    assert server.api("PUT", "api/contents/some%20folder", {"type": "directory"}).status == 201
    assert server.api("PUT", "api/contents/some%20folder", {"type": "directory"}).status == 409


def test_co8_a_careful_client_never_overwrites_what_it_has_not_read(server: Server) -> None:
    body = {"type": "file", "format": "text", "content": "one"}
    revision = server.api("PUT", "api/contents/careful.txt", body).json()["revision"]
    match = {"If-Match": f'"{revision}"'}

    assert server.api("PUT", "api/contents/careful.txt", {**body, "content": "two"}, match).status == 200
    late = server.api("PUT", "api/contents/careful.txt", {**body, "content": "three"}, match)

    assert (late.status, late.json()["reason"]) == (409, "RevisionConflict")
    assert (server.notebook_dir / "careful.txt").read_text() == "two"


def test_co9_an_upload_in_pieces_is_there_at_the_end_or_not_at_all(server: Server) -> None:
    def chunk(number: int, data: bytes) -> int:
        content = base64.b64encode(data).decode()
        body = {"type": "file", "format": "base64", "content": content, "chunk": number}
        return server.api("PUT", "api/contents/big.bin", body).status

    assert chunk(2, b"x") == 400
    assert [chunk(1, b"one"), chunk(2, b"two")] == [201, 201]
    assert not (server.notebook_dir / "big.bin").exists()
    assert chunk(-1, b"three") == 201
    assert (server.notebook_dir / "big.bin").read_bytes() == b"onetwothree"
    assert chunk(-1, b"again") == 400
    assert [chunk(1, b"1"), chunk(0, b"x"), chunk(-1, b"2")] == [201, 400, 200]
    assert (server.notebook_dir / "big.bin").read_bytes() == b"12"


def test_co10_post_makes_untitled_things_and_copies(server: Server) -> None:
    (server.notebook_dir / "post").mkdir()

    made = [
        server.api("POST", "api/contents/post", body)
        for body in (
            {"type": "notebook"},
            {"type": "notebook"},
            {"type": "file", "ext": ".py"},
            {"ext": ".md"},
            {"type": "directory"},
        )
    ]
    copied = server.api("POST", "api/contents/post", {"copy_from": "post/Untitled.ipynb"})

    assert [(one.status, one.json()["name"]) for one in (*made, copied)] == [
        (201, "Untitled.ipynb"),
        (201, "Untitled1.ipynb"),
        (201, "untitled.py"),
        (201, "untitled.md"),
        (201, "Untitled Folder"),
        (201, "Untitled-Copy1.ipynb"),
    ]
    assert made[4].headers["Location"] == "/api/contents/post/Untitled%20Folder"
    assert server.api("POST", "api/contents/post", {"type": "file", "ext": "/../x"}).status == 400
    assert server.api("POST", "api/contents/nowhere", {"type": "notebook"}).status == 404
    assert server.api("POST", "api/contents/post/untitled.py", {"type": "notebook"}).status == 400


def test_co11_rename_never_overwrites(server: Server) -> None:
    put(server, "move/a.txt", b"a")
    put(server, "move/b.txt", b"b")

    taken = server.api("PATCH", "api/contents/move/a.txt", {"path": "move/b.txt"})
    moved = server.api("PATCH", "api/contents/move/a.txt", {"path": "move/é c.txt"})
    folder = server.api("PATCH", "api/contents/move", {"path": "moved"})

    assert (taken.status, moved.status, folder.status) == (409, 200, 200)
    assert moved.json()["path"] == "move/é c.txt"
    assert sorted(one.name for one in (server.notebook_dir / "moved").iterdir()) == ["b.txt", "é c.txt"]
    assert server.api("PATCH", "api/contents/moved/b.txt", {}).status == 400
    assert server.api("PATCH", "api/contents/nothing", {"path": "x"}).status == 404


def test_co12_what_is_deleted_can_be_brought_back(server: Server) -> None:
    put(server, "gone/a.txt", b"a")

    deleted = server.api("DELETE", "api/contents/gone")
    trash_id = deleted.headers["X-Carnet-Trash-Id"]
    listed = server.api("GET", "api/trash").json()
    restored = server.api("POST", f"api/trash/{trash_id}")

    assert (deleted.status, deleted.body) == (204, b"")
    assert [one["path"] for one in listed if one["id"] == trash_id] == ["gone"]
    assert (restored.status, restored.json()) == (200, {"path": "gone"})
    assert (server.notebook_dir / "gone" / "a.txt").read_bytes() == b"a"
    assert server.api("DELETE", "api/contents/nothing").status == 404
    assert server.api("DELETE", "api/contents").status == 400
    assert server.api("POST", "api/trash/nothing").status == 404


def test_co13_nobody_waits_for_somebody_elses_large_notebook(server: Server) -> None:
    text = "a line of a large notebook\n" * 200
    model = {"type": "notebook", "content": code_notebook([text] * 1500)}
    body = json.dumps(model).encode()
    assert len(body) > 7 << 20
    head = f"PUT {server.base}api/contents/large.ipynb HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    token = f"Authorization: token {server.token}\r\n"

    # One that sends its body half, and one that takes its answer slowly: others are answered meanwhile.
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as writer:
        writer.sendall(f"{head}{token}Content-Length: {len(body)}\r\n\r\n".encode())
        writer.sendall(body[: len(body) // 2])
        assert server.api("GET", "api/status").status == 200
        writer.sendall(body[len(body) // 2 :])
        assert writer.recv(12) in {b"HTTP/1.1 201", b"HTTP/1.1 200"}
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        reader.sendall(f"{head.replace('PUT', 'GET', 1)}{token}Connection: close\r\n\r\n".encode())
        answer = reader.recv(1 << 12)
        assert answer.startswith(b"HTTP/1.1 200")
        assert server.api("GET", "api/status").status == 200
        while piece := reader.recv(1 << 16):
            answer += piece
    assert answer.count(b"a line of a large notebook") == 1500 * 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"1", b"\xff", b'{"type":' + b"[" * 50_000])
def test_bodies_that_are_no_json_objects(server: Server, body: bytes) -> None:
    for method in ("PUT", "POST", "PATCH"):
        answer = server.ask(method, "api/contents/a.txt", body, {"Authorization": f"token {server.token}"})
        assert (answer.status, answer.json()["reason"]) == (400, "PeerError")


def test_the_path_of_2014_leads_to_todays(server: Server) -> None:
    assert (
        server.api("GET", "api/notebooks/a%20b.ipynb").headers["Location"] == "../../api/contents/a%20b.ipynb"
    )


def test_head_has_the_headers_and_no_body(server: Server) -> None:
    answer = server.api("HEAD", "api/contents")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 100
