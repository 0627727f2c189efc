"""Our own files: in the smallest form the browser takes, kept for ever, and nothing else of the folder."""

import gzip

import pytest

from tests.server.serving import Server

SCRIPT = "static/assets/app-0a1B2c3D.js"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("", None),
        ("identity", None),
        ("brotli", None),
    ],
)
def test_the_smallest_form_that_is_accepted(server: Server, accepted: str, coding: str | None) -> None:
    answer = server.ask("GET", SCRIPT, headers={"Accept-Encoding": accepted})

    assert (answer.status, answer.headers["Content-Encoding"]) == (200, coding)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["Cache-Control"]
    if coding == "gzip":
        assert gzip.decompress(answer.body).startswith(b"export const one")


def test_what_has_no_hash_in_its_name_is_asked_for_again(server: Server) -> None:
    answer = server.ask("GET", "static/icon.svg")
    again = server.ask("GET", "static/icon.svg", headers={"If-None-Match": answer.headers["Etag"]})

    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "frame.html",
        "drawing.html",
        "manifest.json",
        "assets/app-0a1B2c3D.js.gz",
        "assets",
        "assets/",
        "../index.py",
        "..%2findex.py",
        "assets/..%2f..%2findex.py",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "assets%00.js",
        "assets/nothing.js",
        "assets/%ff",
    ],
)
def test_nothing_else_is_served(server: Server, name: str) -> None:
    assert server.ask("GET", f"static/{name}").status in {400, 404}


def test_robots_are_sent_away(server: Server) -> None:
    assert server.ask("GET", "robots.txt").body == b"User-agent: *\nDisallow: /\n"
    assert server.ask("GET", "favicon.ico").status == 404
