"""What the doctor asks of a server: how a request arrives, and what becomes of answers."""

from tests.server.serving import Server

FORWARDED = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


def test_dr1_it_says_how_a_request_arrived_and_nothing_secret(server: Server) -> None:
    browser = server.sign_in()
    answer = server.ask(
        "GET",
        "api/doctor",
        headers={
            "Cookie": browser.cookie_header(),
            "X-Secret": "s3cret",
            "Accept-Encoding": "gzip",
            **FORWARDED,
        },
    )

    said = answer.json()
    assert said["path"] == f"{server.base}api/doctor"
    assert said["host"] == f"127.0.0.1:{server.port}"
    assert (said["scheme"], said["address"], said["direct"]) == ("http", "127.0.0.1", None)
    assert said["headers"] == {"Accept-Encoding": "gzip", **FORWARDED}
    assert browser.secret not in answer.body.decode()
    assert "s3cret" not in answer.body.decode()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_dr2_pieces_come_and_a_quiet_time_is_bounded(server: Server) -> None:
    answer = server.api("GET", "api/doctor/stream")
    assert answer.body == b"......"
    assert answer.headers["X-Accel-Buffering"] == "no"
    for quiet in ("121", "-1", "x", "1e9", "9" * 5000):
        assert server.api("GET", f"api/doctor/stream?quiet={quiet}").status == 400


def test_dr3_bodies_are_counted(server: Server) -> None:
    headers = {"Authorization": f"token {server.token}"}
    assert server.ask("POST", "api/doctor/body", bytes(1 << 20), headers).json() == {"bytes": 1 << 20}


def test_dr4_they_are_for_who_is_signed_in(server: Server) -> None:
    for method, path in (("GET", "api/doctor"), ("GET", "api/doctor/stream"), ("POST", "api/doctor/body")):
        assert server.ask(method, path).status == 403
