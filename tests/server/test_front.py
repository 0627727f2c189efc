"""Every route, for everybody who should not pass: the written table holds, before any handler is made."""

import http.client
import re
import secrets
import socket

import pytest

from carnet.security.access import Kind, Who
from carnet.server.routes import ROUTES, Route
from tests.server.serving import Server

#: For each route an address that matches it, in the order of the table.
EXAMPLES = {
    r"": "",
    r"(?:tree|notebooks|edit|view)((?:/.*)?)": "tree/folder",
    r"static/(.+)": "static/assets/app.js",
    r"(favicon\.ico|robots\.txt)": "robots.txt",
    r"nbconvert/(\w{1,64})/(.+)": "nbconvert/html/nowhere.ipynb",
    r"nbconvert/(\w{1,64})": "nbconvert/html",
    r"files/(.+)": "files/a.txt",
    r"blobs/([0-9a-f]{64})": "blobs/" + "0" * 64,
    r"api/?": "api",
    r"api/contents(/.*)?/checkpoints": "api/contents/a.ipynb/checkpoints",
    r"api/contents(/.*)?/checkpoints/([0-9A-Za-z_-]{1,64})": "api/contents/a.ipynb/checkpoints/0",
    r"api/contents((?:/.*)?)": "api/contents/a.txt",
    r"api/notebooks(/.*)?": "api/notebooks/a.ipynb",
    r"api/trash/([0-9A-Za-z_-]{1,64})": "api/trash/abc",
    r"api/kernelspecs/([^/]+)": "api/kernelspecs/nope",
    r"kernelspecs/([^/]+)/([^/]+)": "kernelspecs/nope/logo-64x64.png",
    r"api/kernels/([0-9A-Za-z_-]{1,64})": "api/kernels/abc",
    r"api/kernels/([0-9A-Za-z_-]{1,64})/(interrupt|restart)": "api/kernels/abc/interrupt",
    r"api/kernels/([0-9A-Za-z_-]{1,64})/channels": "api/kernels/abc/channels",
    r"api/sessions/([0-9A-Za-z_-]{1,64})": "api/sessions/abc",
    r"api/spec\.yaml": "api/spec.yaml",
    r"api/config/(\w{1,64})": "api/config/notebook",
    r"api/terminals/(\w{1,64})": "api/terminals/1",
    r"terminals/websocket/(\w{1,64})": "terminals/websocket/1",
    r"api/kernels/([0-9A-Za-z_-]{1,64})/execute": "api/kernels/abc/execute",
    r"api/kernels/([0-9A-Za-z_-]{1,64})/requests/([0-9A-Za-z_-]{1,64})": "api/kernels/abc/requests/abc",
    r"api/kernels/([0-9A-Za-z_-]{1,64})/input": "api/kernels/abc/input",
    r"api/contents(/.*)?/trust": "api/contents/a.ipynb/trust",
    r"api/logins/([0-9a-f]{16})": "api/logins/" + "0" * 16,
}

#: The authorisation table: everything that is not here needs a login.
PUBLIC = {"login", "logout", r"static/(.+)", r"(favicon\.ico|robots\.txt)", r"api/?"}


def example(route: Route) -> str:
    address = EXAMPLES.get(route.pattern, route.pattern)
    assert route.path.fullmatch(address), f"{route.pattern} needs an example"
    return address


def cases() -> list[tuple[Route, str]]:
    return [(route, method) for route in ROUTES for method in route.methods.split()]


def name_of(case: object) -> str:
    return case.pattern[:30] if isinstance(case, Route) else str(case)


every_route = pytest.mark.parametrize(("route", "method"), cases(), ids=name_of)


def test_ac1_the_public_routes_are_those_of_the_table() -> None:
    assert {route.pattern for route in ROUTES if route.who is Who.PUBLIC} == PUBLIC


@every_route
def test_ac6_without_a_login(server: Server, route: Route, method: str) -> None:
    answer = server.ask(method, example(route))

    if route.who is Who.PUBLIC:
        assert answer.status in {200, 403 if method == "POST" else 200, 404, 503}
        if method == "POST" and route.pattern == "login":
            assert answer.status == 403  # no XSRF token
    elif route.kind is Kind.PAGE or (route.kind is Kind.FORM and method in {"GET", "HEAD"}):
        assert answer.status == 302
        assert re.fullmatch(r"/some/where/login\?next=[A-Za-z0-9%._~-]+", answer.headers["Location"])
    else:
        assert (answer.status, answer.headers.get("Set-Cookie")) == (403, None)


@every_route
def test_ac2_with_a_wrong_host(server: Server, route: Route, method: str) -> None:
    browser = server.sign_in()
    for host in (
        "evil.example",
        f"127.0.0.1.evil.example:{server.port}",
        "localhost.evil.example",
        "1.2.3.4",
    ):
        answer = browser.ask(method, example(route), headers={"Host": host, "X-XSRFToken": browser.xsrf})
        assert answer.status == 403, host

    with_token = server.api(method, example(route), headers={"Host": "evil.example"})
    assert with_token.status == 403


@every_route
def test_ac4_with_a_wrong_origin(server: Server, route: Route, method: str) -> None:
    browser = server.sign_in()
    for origin in (
        "http://evil.example",
        f"http://127.0.0.1:{server.port + 1}",
        f"http://localhost:{server.port}",
        f"http://127.0.0.1:{server.port}.evil.example",
        f"http://evil.example#127.0.0.1:{server.port}",
        "null",
        "",
    ):
        answer = browser.ask(method, example(route), headers={"Origin": origin, "X-XSRFToken": browser.xsrf})
        assert answer.status == 403, origin


@every_route
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_ac5_loaded_by_another_site(server: Server, route: Route, method: str, site: str) -> None:
    browser = server.sign_in()
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}

    answer = browser.ask(method, example(route), headers={**headers, "X-XSRFToken": browser.xsrf})

    assert answer.status == 403


@every_route
def test_ac5_followed_as_a_link_from_another_site(server: Server, route: Route, method: str) -> None:
    browser = server.sign_in()
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    answer = browser.ask(method, example(route), headers={**headers, "X-XSRFToken": browser.xsrf})

    if method in {"GET", "HEAD"} and route.kind in {Kind.PAGE, Kind.FILE, Kind.FORM}:
        assert answer.status != 403
    else:
        assert answer.status == 403


@every_route
def test_ac7_without_the_xsrf_token(server: Server, route: Route, method: str) -> None:
    if method in {"GET", "HEAD"}:
        return
    browser = server.sign_in()
    for wrong in ({}, {"X-XSRFToken": ""}, {"X-XSRFToken": "0" * 64}, {"X-XSRFToken": secrets.token_hex(48)}):
        answer = browser.ask(method, example(route), headers=wrong)
        assert answer.status == 403, wrong


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    assert server.api(method, "api").status in {400, 405}


def test_a_stranger_with_a_wrong_token_is_a_stranger(server: Server) -> None:
    for wrong in ("token " + "0" * 48, "Bearer x", f"Basic {server.token}", "token"):
        assert server.ask("GET", "api/me", headers={"Authorization": wrong}).status == 403


def test_both_words_for_the_token_are_understood(server: Server) -> None:
    for word in ("token", "Token", "Bearer", "bearer"):
        assert server.ask("GET", "api/me", headers={"Authorization": f"{word} {server.token}"}).status == 200
    assert server.ask("GET", f"api/me?token={server.token}").status == 200


def test_a_token_in_the_address_of_a_write_counts_for_nothing(server: Server) -> None:
    assert server.ask("POST", f"api/contents?token={server.token}", b"{}").status == 403


def test_a_large_body_is_refused_before_it_is_read(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            f"PUT /some/where/api/contents/a.txt HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Content-Length: 100000000\r\n\r\n".encode()
        )
        # Not one byte of the body is sent: the answer comes all the same.
        assert connection.recv(12) == b"HTTP/1.1 403"


def test_a_body_over_the_limit_is_refused_with_a_sentence(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            f"POST /some/where/login HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Content-Length: 9000\r\n\r\n".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_multipart_bodies_are_refused(server: Server) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    assert server.ask("POST", "login", b"--x--", headers).status == 415
    assert server.api("POST", "api/contents", headers=headers).status == 415


def test_headers_over_16_kib_are_refused(server: Server) -> None:
    with pytest.raises(http.client.RemoteDisconnected):  # Tornado says nothing to who sends such things
        server.ask("GET", "api", headers={"X-Long": "x" * 17_000})


def test_the_base_url_without_its_slash_and_the_root_lead_to_it(server: Server) -> None:
    for address in ("/some/where", "/"):
        answer = server.ask("GET", address, raw=True)
        assert (answer.status, answer.headers["Location"]) == (302, "/some/where/")


def test_what_is_not_there_is_a_page_for_people_and_json_for_programs(server: Server) -> None:
    page, data = server.ask("GET", "nothing/here"), server.ask("GET", "api/nothing")

    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert b"<h1>Not found</h1>" in page.body
    assert (data.status, data.json()["reason"]) == (404, "no-route")
    assert server.ask("GET", "/elsewhere", raw=True).status == 404


def test_no_response_names_the_program_that_sent_it(server: Server) -> None:
    for path in ("", "login", "api", "nothing", "static/nothing"):
        headers = server.ask("GET", path).headers
        assert (headers.get("Server"), headers["X-Content-Type-Options"]) == (None, "nosniff")


def test_secrets_never_reach_the_log(server: Server) -> None:
    browser = server.sign_in()
    server.ask("GET", f"api/contents/{server.token}?token={server.token}&x=1")
    server.ask("GET", f"nothing?token={server.token}")
    browser.ask("POST", "api/nothing", b"x" * 10)
    server.ask("GET", "api/contents/%ff", headers={"Authorization": f"token {server.token}"})

    said = server.output().partition("\n\n")[2]

    # The one address it prints is the only place.
    assert server.output().count(server.token) == 1
    assert browser.secret not in server.output()
    assert "token=" not in said.partition("Ctrl-C")[2]
