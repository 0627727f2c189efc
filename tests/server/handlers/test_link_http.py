"""The link over plain HTTP: who may open it, that each frame arrives once, and how it ends."""

import contextlib
import http.client
import random
import signal
import socket
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from carnet.core.wire.link import PROTOCOL, Bye, Hello, Ping, Pong, ToBrowser, Welcome
from carnet.ids import ClientId
from tests.server.handlers.test_link import decode, encode
from tests.server.serving import Response, Server, serve
from tests.support.seeds import new_seed

HELLO = Hello(protocol=PROTOCOL, client_id=ClientId("tab"))


def up(*frames: Any, cut_after: int | None = None) -> bytes:
    """A body; `cut_after`: only so many bytes of the last frame, and that more comes."""
    pieces: list[bytes] = []
    for frame in frames:
        data = frame if isinstance(frame, bytes) else encode(frame)
        more = frame is frames[-1] and cut_after is not None
        pieces.append(
            struct.pack(">BI", more, cut_after if more else len(data)) + data[: cut_after if more else None]
        )
    return b"".join(pieces)


def down(data: bytes) -> Sequence[ToBrowser]:
    """The frames of a response; signs of life are left out."""
    frames, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if size:
            frames.append(decode(data[at + 4 : at + 4 + size]))
        at += 4 + size
    assert at == len(data)
    return frames


class Line:
    """A page's end of a carrier, one request at a time."""

    def __init__(self, server: Server, headers: Mapping[str, str]) -> None:
        self.server = server
        self.headers = headers
        opened = server.ask("POST", "link/http", "", headers)
        assert opened.status == 201, opened.body
        self.address = f"link/http/{opened.json()['id']}"
        self.number = 0
        self.has = 0

    def post(self, body: bytes, number: int | None = None) -> Response:
        if number is None:
            self.number += 1
        query = f"?number={number if number is not None else self.number}&has={self.has}"
        return self.server.ask("POST", self.address + query, body, self.headers)

    def poll(self, *, hold: int = 1) -> Sequence[ToBrowser]:
        answer = self.server.ask(
            "GET", f"{self.address}/poll?after={self.has}&hold={hold}", headers=self.headers
        )
        assert answer.status == 200, answer.body
        frames = down(answer.body)
        self.has += len(frames)
        return frames

    def poll_for(self, count: int) -> Sequence[ToBrowser]:
        frames: list[ToBrowser] = []
        while len(frames) < count:
            frames += self.poll()
        return frames

    @contextmanager
    def stream(self) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        connection.request(
            "GET", f"{self.server.base}{self.address}/stream?after={self.has}", headers=dict(self.headers)
        )
        response = connection.getresponse()
        try:
            yield response
        finally:
            response.close()
            connection.close()


def next_frame(response: http.client.HTTPResponse) -> ToBrowser | None:
    """The next frame of a stream; None: its end."""
    while len(head := response.read(4)) == 4:
        (size,) = struct.unpack(">I", head)
        if size:
            return decode(response.read(size))
    return None


def token_of(server: Server) -> dict[str, str]:
    return {"Authorization": f"token {server.token}"}


def cookies_of(server: Server) -> dict[str, str]:
    browser = server.sign_in()
    return {"Cookie": browser.cookie_header(), "X-XSRFToken": browser.xsrf}


def test_hl5_frames_go_both_ways_by_polls(server: Server) -> None:
    line = Line(server, cookies_of(server))

    assert line.post(up(Ping(sent_ms=1), HELLO)).status == 204
    first, second = line.poll_for(2)

    assert first == Pong(sent_ms=1)
    assert isinstance(second, Welcome)
    assert line.poll(hold=0) == []


def test_hl5_hl7_and_by_a_stream_as_they_come(server: Server) -> None:
    line = Line(server, cookies_of(server))
    with line.stream() as stream:
        assert stream.read(4) == bytes(4)  # a sign of life, at once
        for number in range(3):
            line.post(up(Ping(sent_ms=number)))
            assert next_frame(stream) == Pong(sent_ms=number)

        assert stream.headers["Cache-Control"] == "no-store, no-transform"
        assert stream.headers["X-Accel-Buffering"] == "no"
        assert stream.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.slow
def test_hl7_after_quiet_a_stream_and_a_poll_say_that_they_live(server: Server) -> None:
    line, other = (Line(server, token_of(server)) for _ in range(2))
    with line.stream() as stream, ThreadPoolExecutor(1) as aside:
        poll = aside.submit(server.ask, "GET", f"{other.address}/poll?after=0&hold=1", None, token_of(server))
        assert stream.read(4) == bytes(4)
        assert stream.read(4) == bytes(4)
        assert (poll.result().status, poll.result().body) == (200, bytes(4))
    # The page asks again, and nothing is lost.
    other.post(up(Ping(sent_ms=1)))
    assert other.poll_for(1) == [Pong(sent_ms=1)]


def test_hl12_a_client_of_http_1_0_gets_no_chunks(server: Server) -> None:
    line = Line(server, token_of(server))
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
        head = f"GET {server.base}{line.address}/stream?after=0 HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n"
        plain.sendall(f"{head}Authorization: token {server.token}\r\n\r\n".encode())
        line.post(up(Ping(sent_ms=1)))
        line.server.ask("DELETE", line.address, headers=line.headers)
        data = b""
        while piece := plain.recv(4096):
            data += piece

    head_bytes, _, body = data.partition(b"\r\n\r\n")
    assert b"chunked" not in head_bytes
    assert down(body) == [Pong(sent_ms=1)]


@pytest.mark.parametrize("way", ["stream", "poll"])
def test_hl13_what_goes_far_is_compressed_as_it_comes(server: Server, way: str) -> None:
    line = Line(server, token_of(server))
    far = {**line.headers, "Accept-Encoding": "gzip", "X-Forwarded-For": "192.0.2.7"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    line.post(up(*(Ping(sent_ms=number) for number in range(100))))
    connection.request("GET", f"{server.base}{line.address}/{way}?after=0&hold=1", headers=far)
    with contextlib.closing(connection), connection.getresponse() as response:
        assert response.headers["Content-Encoding"] == "gzip"
        unzip = zlib.decompressobj(31)
        data, size = b"", 0
        while len(down(data)) < 100:
            piece = response.read1(1 << 16)
            size += len(piece)
            data += unzip.decompress(piece)
    assert down(data) == [Pong(sent_ms=number) for number in range(100)]
    assert size < len(data) / 2


def test_hl2_a_frame_may_be_in_several_requests(server: Server) -> None:
    line = Line(server, token_of(server))
    frame = encode(Ping(sent_ms=7))
    line.post(up(frame, cut_after=3))
    line.post(up(frame[3:5], cut_after=2))
    assert line.poll(hold=0) == []

    line.post(up(frame[5:], Ping(sent_ms=8)))

    assert line.poll_for(2) == [Pong(sent_ms=7), Pong(sent_ms=8)]


def test_hl3_a_request_that_comes_again_counts_once_and_one_too_early_not_at_all(server: Server) -> None:
    line = Line(server, token_of(server))
    for _ in range(3):
        assert line.post(up(Ping(sent_ms=1)), 1).status == 204
    assert line.post(up(Ping(sent_ms=3)), 3).status == 409
    assert line.post(up(Ping(sent_ms=2)), 2).status == 204
    assert line.post(up(Ping(sent_ms=1)), 1).status == 204

    assert line.poll_for(2) == [Pong(sent_ms=1), Pong(sent_ms=2)]
    assert line.poll(hold=0) == []


def test_hl3_even_when_it_comes_again_at_the_same_time(server: Server) -> None:
    line = Line(server, token_of(server))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: line.post(up(Ping(sent_ms=1)), 1).status, range(8)))

    assert answers == [204] * 8
    assert line.poll_for(1) == [Pong(sent_ms=1)]
    assert line.poll(hold=0) == []


def test_hl3_hl6_cut_anywhere_each_frame_arrives_once(server: Server) -> None:
    chance = random.Random(new_seed())
    line = Line(server, token_of(server))
    got: list[ToBrowser] = []
    for number in range(1, 41):
        body = up(Ping(sent_ms=number))
        while not _post_and_cut(line, number, body, chance.randrange(400)):
            pass
        if number % 3 == 0:
            got += _read_and_cut(line, chance.randrange(600))

    while len(got) < 40:
        got += line.poll()

    assert got == [Pong(sent_ms=number) for number in range(1, 41)]
    assert line.poll(hold=0) == []


def _post_and_cut(line: Line, number: int, body: bytes, cut_at: int) -> bool:
    """Send a request, and break the line after so many bytes of it, or before its answer is read."""
    head = (
        f"POST {line.server.base}{line.address}?number={number}&has={line.has} HTTP/1.1\r\n"
        f"Host: 127.0.0.1\r\nAuthorization: token {line.server.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    data = head.encode() + body
    with socket.create_connection(("127.0.0.1", line.server.port), timeout=20) as plain:
        plain.sendall(data[:cut_at])
        if cut_at < len(data) or cut_at % 4 == 0:
            return False  # what was whole may have been taken
        answer = plain.recv(100)
        assert answer.startswith(b"HTTP/1.1 204"), answer
        return True


def _read_and_cut(line: Line, cut_at: int) -> Sequence[ToBrowser]:
    """Read a poll's answer, up to some byte, and keep what frames are whole."""
    query = f"{line.server.base}{line.address}/poll?after={line.has}&hold=0"
    head = f"GET {query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {line.server.token}\r\n\r\n"
    data = b""
    with socket.create_connection(("127.0.0.1", line.server.port), timeout=20) as plain:
        plain.sendall(head.encode())
        while len(data) < cut_at and (piece := plain.recv(cut_at - len(data))):
            data += piece
            whole = data.partition(b"\r\n\r\n")[2]
            length = data.partition(b"Content-Length: ")[2].partition(b"\r\n")
            if length[1] and len(whole) >= int(length[0]):
                break
    frames, at = [], 0
    body = data.partition(b"\r\n\r\n")[2]
    while len(body) - at >= 4:
        (size,) = struct.unpack_from(">I", body, at)
        if len(body) - at - 4 < size:
            break
        if size:
            frames.append(decode(body[at + 4 : at + 4 + size]))
        at += 4 + size
    line.has += len(frames)
    return frames


def test_hl6_what_was_not_said_to_be_there_comes_again(server: Server) -> None:
    line = Line(server, token_of(server))
    line.post(up(*(Ping(sent_ms=number) for number in range(3))))
    assert line.poll_for(3) == [Pong(sent_ms=number) for number in range(3)]
    line.has = 1

    assert line.poll() == [Pong(sent_ms=1), Pong(sent_ms=2)]

    line.has = 2
    line.post(b"")  # says what it has
    line.has = 1
    answer = server.ask("GET", f"{line.address}/poll?after=1", headers=line.headers)
    assert answer.status == 404


def test_hl8_a_newer_reader_ends_the_one_before(server: Server) -> None:
    line = Line(server, token_of(server))
    with line.stream() as old, line.stream() as new:
        assert old.read() == bytes(4)
        line.post(up(Ping(sent_ms=1)))
        assert next_frame(new) == Pong(sent_ms=1)


def test_hl1_it_is_for_who_opened_it_only(server: Server) -> None:
    line = Line(server, cookies_of(server))
    for headers in (cookies_of(server), token_of(server)):
        assert server.ask("GET", f"{line.address}/poll?after=0&hold=0", headers=headers).status == 404
        assert server.ask("POST", f"{line.address}?number=1&has=0", up(HELLO), headers).status == 404
        assert server.ask("DELETE", line.address, headers=headers).status == 404
    assert server.ask("GET", f"{line.address}/stream?after=0").status == 403
    assert server.ask("GET", f"link/http/{'a' * 32}/stream?after=0", headers=line.headers).status == 404
    line.post(up(Ping(sent_ms=1)))
    assert line.poll_for(1) == [Pong(sent_ms=1)]


def test_ac5_ac7_nor_does_the_cookie_do_without_the_page(server: Server) -> None:
    browser = server.sign_in()
    cookie = {"Cookie": browser.cookie_header()}
    line = Line(server, cookie | {"X-XSRFToken": browser.xsrf})

    assert server.ask("POST", "link/http", "", cookie).status == 403
    assert server.ask("POST", f"{line.address}?number=1&has=0", up(HELLO), cookie).status == 403
    foreign = {**line.headers, "Origin": "http://evil.example"}
    assert server.ask("POST", "link/http", "", foreign).status == 403
    site = cookie | {"Sec-Fetch-Site": "cross-site"}
    assert server.ask("GET", f"{line.address}/poll?after=0&hold=0", headers=site).status == 403


def test_hl9_the_page_may_end_it(server: Server) -> None:
    line = Line(server, token_of(server))
    with line.stream() as stream:
        assert server.ask("DELETE", line.address, headers=line.headers).status == 204
        assert stream.read() == bytes(4)
    assert line.post(up(HELLO)).status == 404


@pytest.mark.parametrize(
    "body", [b"\x00", b"\x00\x00\x00\x00\x05abc", b"\x02\x00\x00\x00\x00", up(b"\xc1"), up(b"")]
)
def test_hl10_what_is_no_frame_ends_it_and_nothing_else(server: Server, body: bytes) -> None:
    line, other = Line(server, token_of(server)), Line(server, token_of(server))
    assert line.post(body).status in {204, 400}
    assert line.post(up(HELLO)).status == 404
    other.post(up(Ping(sent_ms=1)))
    assert other.poll_for(1) == [Pong(sent_ms=1)]


@pytest.mark.parametrize("query", ["", "?number=1", "?number=x&has=0", "?number=1&has=1", "?number=-1&has=0"])
def test_hl10_nor_is_what_it_cannot_have(server: Server, query: str) -> None:
    line = Line(server, token_of(server))
    assert server.ask("POST", line.address + query, up(HELLO), line.headers).status == 400
    assert line.post(up(HELLO)).status == 404


def test_hl11_signing_out_ends_the_carriers_of_that_login(server: Server) -> None:
    ours, theirs = server.sign_in(), server.sign_in()
    line = Line(server, {"Cookie": ours.cookie_header(), "X-XSRFToken": ours.xsrf})
    other = Line(server, {"Cookie": theirs.cookie_header(), "X-XSRFToken": theirs.xsrf})
    line.post(up(HELLO))
    own_id = next(one["id"] for one in ours.ask("GET", "api/logins").json() if one["is_this"])
    with line.stream() as stream:
        assert isinstance(next_frame(stream), Welcome)

        ended = theirs.ask("DELETE", f"api/logins/{own_id}", headers={"X-XSRFToken": theirs.xsrf})

        assert ended.status == 204
        assert next_frame(stream) == Bye(reason="This device was signed out from another one.", retry_ms=-1)
        assert next_frame(stream) is None
    assert line.post(up(Ping(sent_ms=1))).status == 403
    other.post(up(Ping(sent_ms=2)))
    assert other.poll_for(1) == [Pong(sent_ms=2)]


@pytest.mark.slow
def test_hl11_a_server_that_stops_says_goodbye(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        line = Line(server, token_of(server))
        line.post(up(HELLO))
        with line.stream() as stream:
            next_frame(stream)

            server.process.send_signal(signal.SIGTERM)

            said = next_frame(stream)
            assert isinstance(said, Bye)
            assert said.retry_ms > 0
            assert next_frame(stream) is None
        assert server.stop() == 0
