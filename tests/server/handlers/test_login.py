"""Signing in and out, as browsers and as Jupyter's clients do it."""

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from carnet.security.passwords import hash_password
from tests.server.serving import Browser, Response, Server, serve

PASSWORD = "a long enough pass phrase "


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a password and no token, below a base URL."""
    hashed = hash_password(PASSWORD, "sha1")
    with serve(
        tmp_path_factory.mktemp("locked"), f"--NotebookApp.password={hashed}", "--base-url=/here"
    ) as running:
        yield running


def form_token(server: Server) -> str:
    return server.ask("GET", "login").cookies()["_xsrf"]


def post(server: Server, typed: str, *, next_url: str = "", token: str | None = None) -> Response:
    token = form_token(server) if token is None else token
    body = urlencode({"password": typed, "_xsrf": token, "next": next_url})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"_xsrf={token}"}
    return server.ask("POST", "login", body, headers)


def test_the_form_is_a_page_that_needs_no_script(server: Server) -> None:
    page = server.ask("GET", "login")
    text = page.body.decode()

    assert page.status == 200
    assert "<script" not in text
    assert '<label for="password">Token</label>' in text
    assert 'method="post" action="./login"' in text
    nonce = re.search(r'<style nonce="([^"]+)">', text)
    assert nonce is not None
    assert f"style-src 'nonce-{nonce[1]}'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_the_token_typed_into_the_form_signs_in(server: Server) -> None:
    answer = post(server, f" {server.token} ")

    assert (answer.status, answer.headers["Location"]) == (302, "./")
    # Clients that log in with a password take the first cookie for the login.
    assert list(answer.cookies()) == [server.cookie_name, "_xsrf"]
    assert (
        server.ask(
            "GET", "api/me", headers={"Cookie": Browser(server, answer.cookies()).cookie_header()}
        ).status
        == 200
    )


def test_a_password_is_taken_as_it_was_typed(locked: Server) -> None:
    assert locked.token == ""
    wrong, right = post(locked, PASSWORD.strip()), post(locked, PASSWORD, next_url="/here/tree/a")

    assert (wrong.status, wrong.headers.get_all("Set-Cookie")) == (401, None)
    assert "That is not the password." in wrong.body.decode()
    assert (right.status, right.headers["Location"]) == (302, "/here/tree/a")
    cookies = right.headers.get_all("Set-Cookie")
    assert cookies is not None
    assert all("Path=/here/" in cookie and "SameSite=Lax" in cookie for cookie in cookies)
    assert "HttpOnly" in cookies[0]


def test_ac9_guessing_is_slowed_down(locked: Server) -> None:
    answers = [post(locked, f"guess {number}") for number in range(8)]

    assert {answer.status for answer in answers} == {401, 429}
    assert [answer.status for answer in answers].count(401) <= 5
    assert int(answers[-1].headers["Retry-After"]) <= 13
    # Not even the right one passes: otherwise trying would tell.
    assert post(locked, PASSWORD).status == 429


def test_ac8_a_form_without_its_token_is_shown_again(server: Server) -> None:
    real = form_token(server)
    for token in ("", "0" * 96, real[:-1] + ("0" if real[-1] != "0" else "1")):
        assert post(server, server.token, token=token).status == 403
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    # A token without the cookie that belongs to it.
    assert (
        server.ask("POST", "login", urlencode({"password": server.token, "_xsrf": real}), headers).status
        == 403
    )


def test_the_form_token_goes_on_working_after_the_login(server: Server) -> None:
    """VS Code sends the `_xsrf` it got with the form, for ever."""
    token = form_token(server)
    cookies = post(server, server.token, token=token).cookies()
    headers = {
        "Cookie": f"{server.cookie_name}={cookies[server.cookie_name]}; _xsrf={token}",
        "X-XSRFToken": token,
    }

    assert server.ask("POST", "api/contents", b'{"type":"directory"}', headers).status == 201
    assert server.sign_in().ask("POST", "api/contents", b"{}", {"X-XSRFToken": token}).status == 403


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/%2F/evil.example//",
        "/here/..//evil.example",
        "/here/../../evil",
        "/here/%2e%2e/evil",
        "/here\r\nSet-Cookie: a=b",
        "/here/\tx",
        "/here/?next=//evil.example",
        "here/",
        "@evil.example",
        "/here/@evil.example",
        "/here/\u2044/evil",
        "%2F%2Fevil.example",
        " /here/",
    ],
)
def test_ac12_a_login_leads_nowhere_else(server: Server, wanted: str) -> None:
    answer = server.sign_in().ask("GET", f"login?next={quote(wanted, safe='')}")

    assert (answer.status, answer.headers["Location"]) == (302, "./")


def test_a_page_that_needs_a_login_is_shown_after_it(server: Server) -> None:
    asked = server.ask("GET", "notebooks/a%20b/%C3%A9t%C3%A9%20(1).ipynb")
    form = server.ask("GET", asked.headers["Location"].removeprefix("../../"))
    found = re.search(r'name="next" value="([^"]*)"', form.body.decode())

    assert found is not None
    assert found[1] == "/notebooks/a%20b/%C3%A9t%C3%A9%20%281%29.ipynb"


def test_who_is_signed_in_is_not_asked_again(server: Server) -> None:
    answer = server.sign_in().ask("GET", "login?next=/tree/a")

    assert (answer.status, answer.headers["Location"]) == (302, "./tree/a")


def test_a_token_in_the_address_is_exchanged_at_once(server: Server) -> None:
    answer = server.ask("GET", f"notebooks/a.ipynb?token={server.token}&kernel=x")

    assert (answer.status, answer.headers["Location"]) == (302, "../notebooks/a.ipynb?kernel=x")
    cookie = (answer.headers.get_all("Set-Cookie") or [""])[0]
    assert cookie.startswith(f"{server.cookie_name}=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    again = Browser(server, answer.cookies()).ask("GET", f"?token={server.token}")
    assert list(again.cookies()) == []  # one login for one browser


def test_signing_out_ends_the_login(server: Server) -> None:
    browser = server.sign_in()
    secret = browser.secret
    page = browser.ask("GET", "logout")
    assert browser.ask("GET", "api/me").status == 200, "a link must not sign out"
    token = re.search(r'name="_xsrf" value="([0-9a-f]+)"', page.body.decode())
    assert token is not None

    refused = browser.ask("POST", "logout", "", {"Content-Type": "application/x-www-form-urlencoded"})
    done = browser.ask(
        "POST", "logout", f"_xsrf={token[1]}", {"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert (refused.status, done.status) == (403, 200)
    assert done.cookies()[server.cookie_name] == '""'
    assert server.ask("GET", "api/me", headers={"Cookie": f"{server.cookie_name}={secret}"}).status == 403


def test_bodies_that_are_no_forms_are_refused(server: Server) -> None:
    token = form_token(server)
    headers = {"Cookie": f"_xsrf={token}", "X-XSRFToken": token}

    for kind, body in (
        ("application/json", b'{"password":1}'),
        ("text/plain", b"password=x"),
        ("", b"\xff\x00"),
    ):
        assert server.ask("POST", "login", body, {**headers, "Content-Type": kind}).status == 401
