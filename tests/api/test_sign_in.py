"""How other people's clients sign in, step by step as their sources do it (VS Code, jupyter-mcp-server), and every form of a token."""

from collections.abc import Iterator
from urllib.parse import urlencode, urljoin

import pytest

from carnet.security.passwords import hash_password
from tests.server.serving import Server, serve

pytestmark = pytest.mark.slow

PASSWORD = "correct horse"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a password, and no token."""
    folder = tmp_path_factory.mktemp("password")
    with serve(folder, f"--NotebookApp.password={hash_password(PASSWORD)}") as server:
        yield server


def followed(server: Server, path: str, cookies: str = "") -> tuple[str, int]:
    """Follow redirects as fetch does; return where they end, and the status."""
    for _ in range(5):
        answer = server.ask("GET", path, headers={"Cookie": cookies} if cookies else {}, raw=True)
        if answer.status not in {301, 302, 303, 307, 308}:
            return path, answer.status
        path = urljoin(path, answer.headers["Location"])
    raise AssertionError("too many redirects")


@pytest.mark.parametrize("form", ["token {}", "Token {}", "Bearer {}", "bearer  {}"])
def test_a_token_in_every_form_of_the_header(server: Server, form: str) -> None:
    answer = server.ask("GET", "api/status", headers={"Authorization": form.format(server.token)})
    assert answer.status == 200
    assert server.ask("GET", "api/status", headers={"Authorization": form.format("wrong")}).status == 403


def test_a_token_in_the_address(server: Server) -> None:
    assert server.ask("GET", f"api/status?token={server.token}").status == 200
    assert server.ask("GET", "api/status?token=wrong").status == 403
    assert server.ask("POST", f"api/kernels?token={server.token}", "{}").status == 403


def test_a_cookie_needs_the_xsrf_token_to_write(server: Server) -> None:
    browser = server.sign_in()
    made = '{"type":"directory"}'
    assert browser.ask("GET", "api/status").status == 200
    assert browser.ask("POST", "api/contents", made).status == 403
    assert browser.ask("POST", "api/contents", made, {"X-XSRFToken": browser.xsrf}).status == 201
    assert browser.ask("POST", f"api/contents?_xsrf={browser.xsrf}", made).status == 201


def test_vs_code_finds_out_that_a_password_is_wanted(guarded: Server) -> None:
    end, _ = followed(guarded, "/")
    assert "/login?" in end
    assert guarded.ask("GET", "tree?").status == 302


def test_vs_code_signs_in_with_a_password(guarded: Server) -> None:
    page = guarded.ask("GET", "login?")
    xsrf = page.cookies()["_xsrf"]
    headers = {**FORM, "Cookie": f"_xsrf={xsrf}", "X-XSRFToken": xsrf, "Connection": "keep-alive"}
    wrong = guarded.ask("POST", "login?", urlencode({"_xsrf": xsrf, "password": "wrong"}), headers)
    assert wrong.status == 401
    answer = guarded.ask("POST", "login?", urlencode({"_xsrf": xsrf, "password": PASSWORD}), headers)

    assert answer.status == 302
    # It takes the first cookie for the session's.
    name, _, value = (answer.headers.get_all("Set-Cookie") or [""])[0].partition(";")[0].partition("=")
    cookies = {"_xsrf": answer.cookies()["_xsrf"], name: value}
    header = "; ".join(f"{key}={word}" for key, word in cookies.items())
    assert guarded.ask("GET", "tree?", headers={"Cookie": header}).status in {200, 503}
    assert guarded.ask("GET", "api/kernelspecs", headers={"Cookie": header}).status == 200
    assert (
        guarded.ask("POST", "api/kernels", "{}", {"Cookie": header, "X-XSRFToken": cookies["_xsrf"]}).status
        == 201
    )


def test_vs_code_finds_out_that_a_token_is_enough(server: Server) -> None:
    browser = server.sign_in()
    end, _ = followed(server, f"{server.base}", browser.cookie_header())
    assert "/login?" not in end
    assert browser.ask("GET", "tree?").status in {200, 503}


def test_mcp_signs_in_with_a_password(guarded: Server) -> None:
    at = ""
    first = guarded.ask("GET", at)
    cookies = first.cookies()
    while "_xsrf" not in cookies:
        at = urljoin(f"{guarded.base}{at}", first.headers["Location"]).removeprefix(guarded.base)
        first = guarded.ask("GET", at)
        cookies |= first.cookies()
    body = urlencode({"_xsrf": cookies["_xsrf"], "password": PASSWORD})
    signed = guarded.ask("POST", "login", body, {**FORM, "Cookie": f"_xsrf={cookies['_xsrf']}"})
    cookies |= signed.cookies()

    header = {"Cookie": "; ".join(f"{key}={word}" for key, word in cookies.items())}
    status = guarded.ask("GET", "api/status", headers=header)
    assert status.status == 200
    assert cookies["_xsrf"]
