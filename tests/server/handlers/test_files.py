"""Bytes of users: any range of them, and under headers that keep them from acting."""

import io
import os
import tarfile
import zipfile
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import pytest

from carnet.errors import TooLarge
from carnet.ids import NotebookPath
from carnet.server.archives import Form, archive, entries_below
from carnet.storage.base import ROOT
from carnet.storage.files import FileNotebookManager
from carnet.storage.memory import MemoryNotebookManager
from tests.server.serving import Server


@pytest.fixture(scope="module", autouse=True)
def some_files(server: Server) -> None:
    (server.notebook_dir / "ten.txt").write_bytes(b"0123456789")
    (server.notebook_dir / "empty.txt").write_bytes(b"")
    for ending in (
        "html",
        "svg",
        "xhtml",
        "xml",
        "js",
        "pdf",
        "png",
        "ipynb",
        "exe",
        "md",
        "HTML",
        "html.gz",
        "mp4",
    ):
        (server.notebook_dir / f"page.{ending}").write_bytes(b"<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("wanted", "status", "body", "told"),
    [
        (None, 200, b"0123456789", None),
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-30", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=", 200, b"0123456789", None),
    ],
)
def test_fi1_ranges(server: Server, wanted: str | None, status: int, body: bytes, told: str | None) -> None:
    answer = server.api("GET", "files/ten.txt", headers={"Range": wanted} if wanted else None)

    assert (answer.status, answer.body, answer.headers["Content-Range"]) == (status, body, told)
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_fi2_unchanged_bytes_are_not_sent_again(server: Server) -> None:
    etag = server.api("GET", "files/ten.txt").headers["Etag"]

    assert server.api("GET", "files/ten.txt", headers={"If-None-Match": etag}).status == 304
    fresh = server.api("GET", "files/ten.txt", headers={"Range": "bytes=0-0", "If-Range": etag})
    stale = server.api("GET", "files/ten.txt", headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert (fresh.status, stale.status) == (206, 200)


def test_fi3_head_and_empty_files(server: Server) -> None:
    head, empty = server.api("HEAD", "files/ten.txt"), server.api("GET", "files/empty.txt")

    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "10")
    assert (empty.status, empty.body, empty.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        ("html", None),
        ("HTML", None),
        ("xhtml", None),
        ("html.gz", None),
        ("exe", None),
        ("svg", "image/svg+xml"),
        ("png", "image/png"),
        ("mp4", "video/mp4"),
        ("xml", "text/plain; charset=utf-8"),
        ("js", "text/plain; charset=utf-8"),
        ("md", "text/plain; charset=utf-8"),
        ("ipynb", "text/plain; charset=utf-8"),
    ],
)
def test_fi4_no_file_can_act(server: Server, ending: str, shown: str | None) -> None:
    answer = server.api("GET", f"files/page.{ending}")
    policy = answer.headers["Content-Security-Policy"]

    assert answer.headers["Content-Type"] == shown or (
        shown is None and "octet-stream" in answer.headers["Content-Type"]
    )
    assert answer.headers["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_fi4_a_pdf_is_shown_without_a_sandbox_but_never_as_anything_else(server: Server) -> None:
    answer = server.api("GET", "files/page.pdf")

    assert (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == (
        "application/pdf",
        "nosniff",
    )
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_fi5_names_cannot_break_out_of_the_header(server: Server) -> None:
    name = 'a";x=%é\u202e.txt'
    (server.notebook_dir / name).write_bytes(b"x")
    answer = server.api("GET", f"files/{quote(name)}?download=1")

    assert answer.headers["Content-Disposition"] == (
        f"attachment; filename=\"a__x=___.txt\"; filename*=UTF-8''{quote(name, safe='')}"
    )


@pytest.mark.slow
def test_fi6_large_files_go_out_and_come_in_without_memory(server: Server) -> None:
    data = os.urandom(1 << 20) * 40
    before = resident_bytes(server)

    made = server.ask("PUT", "files/large.bin", data, {"Authorization": f"token {server.token}"})
    sent = server.api("GET", "files/large.bin")

    assert (made.status, sent.body == data) == (201, True)
    assert resident_bytes(server) - before < 20 << 20
    assert (server.notebook_dir / "large.bin").stat().st_size == len(data)


def resident_bytes(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def test_fi7_a_careful_upload(server: Server) -> None:
    headers = {"Authorization": f"token {server.token}"}
    made = server.ask("PUT", "files/careful.txt", b"one", headers)
    etag = made.headers["Etag"]

    second = server.ask("PUT", "files/careful.txt", b"two", {**headers, "If-Match": etag})
    late = server.ask("PUT", "files/careful.txt", b"three", {**headers, "If-Match": etag})

    assert (made.status, second.status, late.status) == (201, 204, 409)
    assert (server.notebook_dir / "careful.txt").read_bytes() == b"two"
    assert server.ask("PUT", "files/no/folder.txt", b"x", headers).status == 404


def test_folders_and_nothing(server: Server) -> None:
    (server.notebook_dir / "sub").mkdir()

    assert [server.api("GET", f"files/{path}").status for path in ("sub", "nothing", ".hidden")] == [
        400,
        404,
        404,
    ]
    page = server.sign_in().ask("GET", "files/nothing", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.fixture(scope="module")
def tree(server: Server) -> dict[str, bytes]:
    """A folder with what folders have in them; what of it an archive has."""
    top = server.notebook_dir / "tree ä"
    (top / "deep" / "er").mkdir(parents=True)
    (top / "none").mkdir()
    (top / ".hidden").mkdir()
    (top / ".hidden" / "no.txt").write_text("no")
    (top / "out").symlink_to("/etc")
    files = {"a.txt": b"a", "deep/empty": b"", "deep/er/\u96ea \" '.bin": os.urandom(3_000_001)}
    for name, data in files.items():
        (top / name).write_bytes(data)
    return files


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_fi8_a_folder_as_one_file(server: Server, tree: dict[str, bytes], form: str) -> None:
    answer = server.api("GET", f"files/{quote('tree ä')}?archive={form}")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].endswith(quote(f"tree ä.{form}"))
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    found: dict[str, bytes] = {}
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(answer.body)) as opened:
            assert opened.testzip() is None
            names = set(opened.namelist())
            found = {name: opened.read(name) for name in names if not name.endswith("/")}
    else:
        with tarfile.open(fileobj=io.BytesIO(answer.body)) as packed:
            names = {f"{one.name}/" if one.isdir() else one.name for one in packed}
            for one in packed:
                file = packed.extractfile(one)
                if file is not None:
                    found[one.name] = file.read()
    assert found == {f"tree ä/{name}": data for name, data in tree.items()}
    assert names - set(found) == {"tree ä/deep/", "tree ä/deep/er/", "tree ä/none/"}
    head = server.api("HEAD", f"files/{quote('tree ä')}?archive={form}")
    assert (head.status, head.body, head.headers["Content-Type"]) == (
        200,
        b"",
        answer.headers["Content-Type"],
    )


def test_fi8_the_root_as_one_file(server: Server) -> None:
    answer = server.api("GET", "files/?archive=zip")
    assert answer.status == 200
    with zipfile.ZipFile(io.BytesIO(answer.body)) as opened:
        assert opened.read("notebooks/ten.txt") == b"0123456789"


def test_fi8_what_is_refused(server: Server, tree: dict[str, bytes]) -> None:
    del tree
    for path, status in (
        ("files/ten.txt?archive=zip", 400),
        ("files/nosuch?archive=zip", 404),
        ("files/?archive=rar", 400),
        ("files/", 400),
        ("files/.hidden?archive=zip", 404),
    ):
        answer = server.api("GET", path)
        assert (answer.status, bool(answer.json()["message"])) == (status, True)


def test_fi9_more_than_one_archive_takes() -> None:
    storage = MemoryNotebookManager()
    storage.save(NotebookPath("a"), b"a", expected=None)
    assert [one.path for one in entries_below(storage, ROOT)] == ["a"]
    with pytest.raises(TooLarge), mock.patch("carnet.server.archives.LIMIT_FILES", 0):
        entries_below(storage, ROOT)


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_fi10_what_is_gone_meanwhile_is_left_out(form: Form) -> None:
    storage = MemoryNotebookManager()
    for name in ("a", "b", "c"):
        storage.save(NotebookPath(name), name.encode() * 10, expected=None)
    entries = entries_below(storage, ROOT)
    storage.delete(NotebookPath("b"))
    data = io.BytesIO(b"".join(archive(storage, ROOT, entries, form)))
    if form == "zip":
        with zipfile.ZipFile(data) as opened:
            assert opened.namelist() == ["notebooks/a", "notebooks/c"]
    else:
        with tarfile.open(fileobj=data) as packed:
            assert packed.getnames() == ["notebooks/a", "notebooks/c"]


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_fi8_links_in_circles_and_times_of_other_centuries(tmp_path: Path, form: Form) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "x.txt").write_text("x")
    os.utime(root / "a" / "b" / "x.txt", (9e9, 9e9))
    for link, target in (
        ("self", "."),
        ("a/up", ".."),
        ("a/b/up", "../.."),
        ("c", "a"),
        ("a/b/c", "../../c"),
    ):
        (root / link).symlink_to(target)
    storage = FileNotebookManager(notebook_dir=str(root))

    entries = entries_below(storage, ROOT)

    assert sorted(one.path for one in entries) == ["a", "a/b", "a/b/x.txt", "c", "c/b", "c/b/x.txt"]
    data = b"".join(archive(storage, ROOT, entries, form))
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            assert opened.read("notebooks/c/b/x.txt") == b"x"
            assert opened.getinfo("notebooks/a/b/x.txt").date_time[0] == 2107
