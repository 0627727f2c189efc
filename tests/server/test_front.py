"""The front door: what it refuses before a handler is made. Who gets in where: tests/server/test_authorisation.py."""

import http.client
import socket

import pytest

from tests.server.serving import Server


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
    assert page.body.count(b"<h1>") == 1
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
