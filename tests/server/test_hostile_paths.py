"""Ways out of the root, and ways off to another host, at every route that takes a path or leads somewhere."""

import json
import os
import socket
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from carnet.core.wire.link import PROTOCOL, Follow, Hello, Problem, ToBrowser
from carnet.ids import ClientId, NotebookPath
from carnet.server.routes import ROUTES, Route
from tests.server.authorisation import written_rows
from tests.server.handlers.test_link import answer, encode, linked
from tests.server.serving import Server, serve

SECRET = "what lies outside of the root"

#: What stands in the place of a path. `{root}` is the folder above the root, `{name}` the root's own name.
CORPUS = (
    "../secret.txt",
    "../{name}-private/secret.txt",
    "{name}/../../secret.txt",
    "a/../../secret.txt",
    "a/../../{name}-private/secret.ipynb",
    "./../secret.txt",
    "/secret.txt",
    "//secret.txt",
    "{root}/secret.txt",
    "/{root}/secret.txt",
    "//{root}/secret.txt",
    "~/secret.txt",
    "~root/secret.txt",
    "file://{root}/secret.txt",
    "http://evil.example/secret.txt",
    "..\\secret.txt",
    "..\\..\\{name}-private\\secret.txt",
    "a\\..\\..\\secret.txt",
    "\\\\evil.example\\share\\secret.txt",
    "//evil.example/share/secret.txt",
    "\\\\?\\C:\\secret.txt",
    "C:\\secret.txt",
    "C:secret.txt",
    "secret.txt::$DATA",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "..%2fsecret.txt",
    "..%5csecret.txt",
    "%252e%252e%252fsecret.txt",
    "%25252e%25252e%25252fsecret.txt",
    "%c0%ae%c0%ae%c0%afsecret.txt",
    "%e0%80%ae%e0%80%ae/secret.txt",
    "..%c0%afsecret.txt",
    "..%u2215secret.txt",
    "\u2025/secret.txt",
    "\uff0e\uff0e/secret.txt",
    "\uff0e\uff0e\uff0fsecret.txt",
    "..\u2215secret.txt",
    "..\u29f5secret.txt",
    "...//secret.txt",
    "....//secret.txt",
    "..;/secret.txt",
    "..%00/secret.txt",
    "a.txt%00.ipynb",
    "../secret.txt%00.png",
    "../secret.txt\x00.png",
    "..\n/secret.txt",
    "..%0d%0aX-Injected: yes",
    "..%20/secret.txt",
    ".. /secret.txt",
    "link-to-file",
    "link-to-file.ipynb",
    "link-to-folder/secret.txt",
    "link-to-folder/secret.ipynb",
    "link-to-root/secret.txt",
    "link-to-link/secret.txt",
    "inside/link-up/secret.txt",
    "dangling",
    "loop/a.txt",
    ".hidden/secret.txt",
    ".secret.txt",
    "inside/.hidden/secret.ipynb",
    ".ipynb_checkpoints/secret.ipynb",
    "%2ehidden/secret.txt",
    ".git/config",
    "state/carnet.sqlite3",
    "../state/carnet.sqlite3",
    ".~carnet-saving",
    "/proc/self/environ",
    "../../../../../../../../../../proc/self/environ",
    "/dev/stdin",
    "/dev/zero",
    "fifo",
    "CON",
    "aux.txt",
    "a" * 300,
    "a/" * 3000,
    "é" * 200,
    "\ud800",
    "%ff%fe",
    "*",
    "?",
    "",
    ".",
    "..",
    "/",
    "-rf",
    "--output=/tmp/x",
    "$(touch pwned)",
    "`touch pwned`",
    "|touch pwned",
    ";touch pwned",
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("paths")
    root = folder / "notebooks"
    for place in (
        folder,
        folder / "notebooks-private",
        root / ".hidden",
        root / "inside" / ".hidden",
        root / ".ipynb_checkpoints",
        root / ".git",
    ):
        place.mkdir(parents=True, exist_ok=True)
        (place / "secret.txt").write_text(SECRET)
        (place / "config").write_text(SECRET)
        cells = [{"cell_type": "raw", "id": "a", "metadata": {}, "source": SECRET}]
        book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (place / "secret.ipynb").write_text(json.dumps(book))
    (root / ".secret.txt").write_text(SECRET)
    (root / "a.txt").write_text("a")
    links = {
        "link-to-file": "../secret.txt",
        "link-to-file.ipynb": "../secret.ipynb",
        "link-to-folder": "../notebooks-private",
        "link-to-root": "/",
        "link-to-link": "link-to-folder",
        "dangling": "../new.txt",
        "loop": "loop",
    }
    for name, where in links.items():
        (root / name).symlink_to(where)
    (root / "inside" / "link-up").symlink_to("../..")
    os.mkfifo(root / "fifo")
    with serve(folder) as running:
        running.api("GET", "api/contents")
        yield running


def outside(server: Server) -> dict[str, bytes]:
    """Return every file outside of the root, and the hidden ones in it, but for the server's own."""
    above = server.notebook_dir.parent
    found = {}
    for path in sorted(above.rglob("*")):
        inside = path.is_relative_to(server.notebook_dir)
        hidden = inside and any(part.startswith(".") for part in path.relative_to(server.notebook_dir).parts)
        own = path.is_relative_to(server.state_folder) or path.is_relative_to(above / "ipython")
        # A checkpoint of what one of these names became, inside the root, belongs beside it.
        planted = path.name in ("secret.txt", "secret.ipynb", "config")
        own = own or (inside and ".ipynb_checkpoints" in path.parts and not planted)
        if path.is_file() and not path.is_symlink() and not own and (hidden or not inside):
            found[str(path.relative_to(above))] = path.read_bytes()
    return found


def hostile(server: Server) -> list[str]:
    above = server.notebook_dir.parent
    return [
        one.format(root=str(above), name=server.notebook_dir.name) if "{" in one else one for one in CORPUS
    ]


def in_place(route: Route, text: str) -> Iterator[str]:
    """Yield addresses of this route with the text in the place of each of its parts, as it is and percent-encoded."""
    example = written_rows()[route.pattern].example
    found = route.path.fullmatch(example)
    assert found is not None
    for group in range(1, route.path.groups + 1):
        start, end = found.span(group)
        lead = "/" if found[group].startswith("/") else ""
        bare = "".join(
            one if 0x20 < ord(one) < 0x7F and one not in '#?"<>' else _encoded(one) for one in text
        )
        for written in dict.fromkeys((bare, _encoded(text))):
            yield f"{example[:start]}{lead}{written}{example[end:]}"


def _encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


TAKES_A_PATH = [
    route for route in ROUTES if route.path.groups and route.pattern != r"(favicon\.ico|robots\.txt)"
]


@pytest.mark.slow
@pytest.mark.parametrize("route", TAKES_A_PATH, ids=lambda route: route.pattern[:40])
def test_st2_no_path_leads_out(target: Server, route: Route) -> None:
    before = outside(target)
    wrong = []
    # Where an id is wanted, hardly anything of this is one: a few show it.
    wants_id = not any(part in route.pattern for part in ("/.*", ".+", "[^/]+"))
    for text in hostile(target)[:: 6 if wants_id else 1]:
        for address in in_place(route, text):
            if len(address) > 15_000:
                continue
            for method in route.methods.split():
                if method == "HEAD" or (method == "DELETE" and text in {"", "/"}):
                    continue
                body = json.dumps({"type": "file", "format": "text", "content": "pwned", "path": text})
                sent = body if method in {"PUT", "POST", "PATCH"} else None
                got = (
                    target.api(method, address, None, {})
                    if sent is None
                    else target.ask(
                        method,
                        address,
                        sent.encode("utf-8", "surrogatepass"),
                        {"Authorization": f"token {target.token}"},
                    )
                )
                if SECRET.encode() in got.body or (got.status >= 500 and got.status != 501):
                    wrong.append(f"{method} {address}: {got.status} {got.body[:80]!r}")
                if got.headers["X-Injected"] or not lands(target, got.headers["Location"]):
                    wrong.append(f"{method} {address}: {got.headers['Location']}")

    assert wrong == []
    assert outside(target) == before
    assert not (target.notebook_dir / "pwned").exists()
    assert "Traceback" not in target.output()


@pytest.mark.slow
def test_st2_no_path_in_a_body_leads_out(target: Server) -> None:
    before = outside(target)
    wrong = []
    for text in hostile(target):
        for method, address, body in (
            ("PATCH", "api/contents/a.txt", {"path": text}),
            ("POST", "api/contents", {"copy_from": text}),
            ("POST", "api/contents/inside", {"type": "notebook", "ext": text, "name": text}),
            (
                "PUT",
                "api/contents/b.ipynb",
                {"type": "notebook", "copy_from": text, "name": text, "path": text},
            ),
            ("POST", "api/sessions", {"path": text, "type": "notebook", "kernel": {"name": text}}),
            ("POST", "api/kernels", {"path": text, "name": text}),
            ("GET", f"api/resolvePath?path={_encoded(text)}", None),
            ("GET", f"api/kernelspecs/{_encoded(text)}", None),
        ):
            data = None if body is None else json.dumps(body).encode("utf-8", "surrogatepass")
            got = target.ask(method, address, data, {"Authorization": f"token {target.token}"})
            leaks = SECRET.encode() in got.body or "notebooks-private" in got.headers.as_string()
            if leaks or (got.status >= 500 and got.status != 501):
                wrong.append(f"{method} {address} {body}: {got.status} {got.body[:100]!r}")
            if not (target.notebook_dir / "a.txt").exists():
                target.api("PUT", "api/contents/a.txt", {"type": "file", "format": "text", "content": "a"})

    assert wrong == []
    assert outside(target) == before
    assert "Traceback" not in target.output()


async def test_st2_no_path_on_the_link_leads_out(target: Server) -> None:
    async with linked(target, Authorization=f"Bearer {target.token}") as line:
        await line.write_message(encode(Hello(protocol=PROTOCOL, client_id=ClientId("tab"))), binary=True)
        await answer(line)
        for number, text in enumerate(hostile(target), 1):
            try:
                text.encode()
            except UnicodeEncodeError:
                continue  # MessagePack's texts are UTF-8
            await line.write_message(encode(Follow(follow=number, path=NotebookPath(text))), binary=True)
            said: ToBrowser = await answer(line)
            assert isinstance(said, Problem), f"{text!r}: {said}"
            assert 400 <= said.status < 500, f"{text!r}: {said.message}"
            assert SECRET not in said.message


# ---- where redirects lead

NEXT = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\/\\/evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/tree/..//evil.example",
    "/tree/%2e%2e//evil.example",
    "/;@evil.example",
    "/@evil.example",
    "/:@evil.example",
    "/?@evil.example",
    "/#@evil.example",
    "http://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "HTTP:///evil.example",
    "//evil.example@127.0.0.1",
    "//127.0.0.1@evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "blob:x",
    "/\u2215evil.example",
    "/\uff0fevil.example",
    "\u3002evil.example",
    "/tree\r\nLocation: //evil.example",
    "/tree%0d%0aSet-Cookie: a=b",
    "/tree\x00",
    " //evil.example",
    "\x0b//evil.example",
    "evil.example",
    ".evil.example",
    "/logout/../..//evil.example",
    "%2f%2fevil.example",
    "%252f%252fevil.example",
    "/" + "a" * 9000,
)


def lands(server: Server, location: str | None) -> bool:
    """Return whether a browser that is led there stays with us, as browsers read addresses."""
    if location is None:
        return True
    cleaned = location.translate({9: None, 10: None, 13: None}).strip().replace("\\", "/")
    if cleaned.startswith("//") or (urlsplit(cleaned).scheme and not cleaned.startswith(server.url)):
        return False
    # Without a scheme and a host, what begins with a dot is relative to an address of ours.
    return cleaned.startswith(("/", "./", "../")) and "\r" not in location and "\n" not in location


@pytest.mark.parametrize("wanted", NEXT, ids=lambda text: ascii(text)[:30])
def test_ac12_no_login_leads_to_another_host(target: Server, wanted: str) -> None:
    address = f"login?next={_encoded(wanted)}"
    signed_in = target.sign_in()
    for got in (
        signed_in.ask("GET", address),
        target.ask("GET", f"{address}&token={target.token}"),
        target.ask("GET", f"tree?next={_encoded(wanted)}&token={target.token}"),
    ):
        assert lands(target, got.headers["Location"]), got.headers["Location"]
        assert got.headers["Set-Cookie"] is None or "a=b" not in got.headers["Set-Cookie"]

    form = target.ask("GET", "login")
    cookies = form.cookies()
    body = f"password={target.token}&_xsrf={cookies['_xsrf']}&next={_encoded(wanted)}"
    got = target.ask(
        "POST",
        "login",
        body,
        {"Cookie": f"_xsrf={cookies['_xsrf']}", "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert got.status in {302, 413}
    assert lands(target, got.headers["Location"]), got.headers["Location"]


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "///evil.example/%2f..", "//evil.example/..", "/%2fevil.example"],
)
def test_ac12_no_address_of_ours_is_repaired_into_another_hosts(target: Server, path: str) -> None:
    for ending in ("", "/", "/tree", "/?a=b"):
        for method in ("GET", "HEAD"):
            got = target.ask(method, path + ending, raw=True)
            assert lands(target, got.headers["Location"]), (path, got.headers["Location"])
            assert got.status in {302, 400, 403, 404}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1:1@evil.example",
        "evil.example#127.0.0.1",
        "evil.example/",
        "localhost.evil.example",
    ],
)
def test_ac2_a_redirect_never_names_a_host_that_was_sent(target: Server, host: str) -> None:
    for path in ("/", "/tree", "/login", f"/?token={target.token}", "/nothing"):
        for line in (f"GET {path} HTTP/1.1", f"GET http://evil.example{path} HTTP/1.1"):
            with socket.create_connection(("127.0.0.1", target.port), timeout=10) as one:
                one.sendall(
                    f"{line}\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n".encode()
                )
                got = b""
                while data := one.recv(65536):
                    got += data
            head = got.partition(b"\r\n\r\n")[0]
            assert b"ocation:" not in head or b"evil" not in head, head
            assert b"et-Cookie" not in head
            assert not head.startswith(b"HTTP/1.1 2")
