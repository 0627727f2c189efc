"""The guarding headers on every route: whoever asks, and whatever comes of it (AC13 to AC16)."""

import re
from pathlib import Path

import pytest

from carnet.security import headers
from carnet.security.access import SAFE_METHODS, Kind
from carnet.server.routes import ROUTES, Route
from tests.server.authorisation import written_rows
from tests.server.serving import Response, Server, serve

EXAMPLES = {pattern: row.example for pattern, row in written_rows().items()}

#: Nothing that a page of ours could be: an address of ours in the answer, opened alone, is nobody's.
NOBODYS = re.compile(r"(^|; )sandbox( allow-scripts)?(;|$)")


def policy(answer: Response) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split("; ")
    return dict(part.partition(" ")[::2] for part in parts)


def look(answer: Response) -> None:
    """Assert what every response has."""
    found = answer.headers
    for name in ("Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy"):
        assert found.get_all(name) == [headers.COMMON[name]], name
    assert found.get_all("X-Content-Type-Options") == ["nosniff"]
    assert found["Referrer-Policy"] in {"no-referrer", "same-origin"}
    assert found["X-Frame-Options"] in {"DENY", "SAMEORIGIN"}
    assert (found["Server"], found["X-Powered-By"], found["Access-Control-Allow-Origin"]) == (
        None,
        None,
        None,
    )
    assert len(found.get_all("Cache-Control") or ()) == 1
    for one in found.get_all("Set-Cookie") or ():
        assert "SameSite=Lax" in one or "expires=" in one
        assert "Path=" in one
        assert "HttpOnly" in one or one.startswith("_xsrf=")
    if answer.status == 304:
        return
    assert len(found.get_all("Content-Security-Policy") or ()) == 1
    rules = policy(answer)
    assert rules["default-src"] == "'none'"
    assert rules.get("frame-ancestors") in {"'none'", "'self'"}
    assert "allow-same-origin" not in found["Content-Security-Policy"]
    is_ours = "nonce-" in found["Content-Security-Policy"]
    assert (
        is_ours
        or NOBODYS.search(found["Content-Security-Policy"])
        or found["Content-Type"] == "application/pdf"
    )
    if is_ours:
        assert found["Content-Type"].lower() == "text/html; charset=utf-8"
        # JupyterLab's page writes styles, and its schema checker makes functions (LB5); no other may.
        is_lab = "/lab/static/" in rules.get("script-src", "")
        assert "'unsafe-inline'" not in rules.get("script-src", "")
        assert is_lab or "'unsafe-inline'" not in rules["style-src"]
        assert is_lab or "unsafe-eval" not in rules.get("script-src", "")
        assert (rules["base-uri"], rules["frame-ancestors"]) == ("'none'", "'none'")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.pattern[:40] or "home")
def test_ac13_every_answer_is_guarded(server: Server, route: Route) -> None:
    example = EXAMPLES[route.pattern]
    for method in route.methods.split():
        # Nothing here changes anything: a change is asked for without the XSRF token, or with half a body.
        body = b"[" if method in {"POST", "PUT", "PATCH"} else None
        look(server.ask(method, example, body))
        look(server.ask(method, example, body, {"Host": "evil.example"}))
        look(server.sign_in().ask(method, example, body))
        if method in SAFE_METHODS and route.kind is not Kind.SOCKET:
            look(server.ask(method, example, headers={"Authorization": f"token {server.token}"}))
            look(server.ask(method, example + "?token=" + server.token))
    look(server.ask("DELETE" if "DELETE" not in route.methods else "PUT", example))


def test_ac13_what_is_not_there_is_guarded_too(server: Server) -> None:
    for path in (
        "nothing",
        "api/nothing",
        "files/nothing.html",
        "static/%2e%2e/x",
        "tree/../x",
        "%00",
        "a%0d%0aX:%20y",
    ):
        look(server.ask("GET", path))
        look(server.api("GET", path))
    look(server.ask("GET", "/", raw=True))
    look(server.ask("OPTIONS", "api/contents"))
    look(server.ask("TRACE", "api/contents"))


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.html", None),
        ("a.xhtml", None),
        ("a.svg", "image/svg+xml"),
        ("a.xml", "text/plain; charset=utf-8"),
        ("a.js", "text/plain; charset=utf-8"),
        ("a.css", "text/plain; charset=utf-8"),
        ("a.pdf", "application/pdf"),
        ("a.png", "image/png"),
        ("a.swf", None),
        ("a", None),
        ("a.html.png", "image/png"),
        ("a.svgz", None),
        ("a.mht", None),
        ("a.hta", None),
        ("a.wasm", None),
        ("a.appcache", "text/plain; charset=utf-8"),
    ],
)
def test_ac16_a_users_file_is_guarded_by_its_type(server: Server, name: str, media_type: str | None) -> None:
    server.notebook_dir.mkdir(exist_ok=True)
    (server.notebook_dir / name).write_text("<script>1</script>")
    for query in ("", "?download=1"):
        answer = server.api("GET", f"files/{name}{query}")
        look(answer)
        is_shown = media_type is not None and not query
        assert answer.headers["Content-Type"] == (media_type if is_shown else "application/octet-stream")
        assert answer.headers["Content-Disposition"].startswith("inline" if is_shown else "attachment")


def test_ac14_each_page_has_a_nonce_of_its_own_and_trusted_types(server: Server) -> None:
    browser = server.sign_in()
    nonces = set()
    for _ in range(3):
        answer = browser.ask("GET", "tree")
        rules = policy(answer)
        assert re.fullmatch(r"'nonce-[A-Za-z0-9_-]{20,}' 'strict-dynamic'", rules["script-src"])
        assert rules["require-trusted-types-for"] == "'script'"
        assert rules["trusted-types"] == "carnet-parse dompurify"
        assert rules["report-uri"] == "/some/where/api/security/csp-report"
        assert rules["connect-src"] == "'self'"
        nonces.add(rules["script-src"])
        assert answer.body.decode().count("<script") == answer.body.decode().count(
            f'<script nonce="{rules["script-src"].split("nonce-")[1].split(chr(39))[0]}"'
        )
    assert len(nonces) == 3


def test_ac14_browsers_may_report_without_the_token_but_not_for_others(tmp_path: Path) -> None:
    # A server of its own: the log takes ten reports, and the walk above has made some.
    with serve(tmp_path, "--base-url=/some/where") as server:
        _report(server)


def _report(server: Server) -> None:
    browser = server.sign_in()
    report = b'{"csp-report": {"effective-directive": "script-src\\n\\u001b[31mforged"}}'
    own = {"Origin": server.url.rstrip("/")[: -len("/some/where")], "Sec-Fetch-Site": "same-origin"}

    assert browser.ask("POST", "api/security/csp-report", report, own).status == 204
    assert (
        browser.ask("POST", "api/security/csp-report", report, {"Origin": "http://evil.example"}).status
        == 403
    )
    assert server.ask("POST", "api/security/csp-report", report, own).status == 403
    for body in (b"", b"[]", b"\xff", b"[" * 8000, b'{"csp-report": []}'):
        for _ in range(5):
            assert browser.ask("POST", "api/security/csp-report", body, own).status == 204

    said = [line for line in server.output().splitlines() if "content security policy" in line]
    assert len(said) == 10, (
        "a page that breaks its policy does so often: the log takes ten, then one a minute"
    )
    assert r"\n\x1b[31mforged" in said[0]
