"""Large outputs by the hash of their bytes."""

import hashlib

import pytest

from carnet.journal.blobs import BlobStore
from tests.server.serving import Server

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


@pytest.fixture(scope="module")
def sha256(server: Server) -> str:
    return BlobStore(server.state_folder / "blobs").put(PNG, "image/png").sha256


def test_a_blob_is_kept_for_ever_and_cannot_act(server: Server, sha256: str) -> None:
    answer = server.api("GET", f"blobs/{sha256}?type=image/png")

    assert (answer.status, answer.body) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert (
        server.api("GET", f"blobs/{sha256}", headers={"If-None-Match": answer.headers["Etag"]}).status == 304
    )
    part = server.api("GET", f"blobs/{sha256}", headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, b"PNG")


@pytest.mark.parametrize(
    "claimed", ["text/html", "application/xhtml+xml", "x", "text/html;charset=utf-7", "%0d%0aX:%20y"]
)
def test_a_type_that_could_act_is_not_believed(server: Server, sha256: str, claimed: str) -> None:
    answer = server.api("GET", f"blobs/{sha256}?type={claimed}")

    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_text_is_shown_as_text(server: Server, sha256: str) -> None:
    for claimed in ("", "?type=text/plain", "?type=text/x-python", "?type=application/json"):
        assert (
            server.api("GET", f"blobs/{sha256}{claimed}").headers["Content-Type"]
            == "text/plain; charset=utf-8"
        )


def test_what_is_not_a_blob(server: Server) -> None:
    assert server.api("GET", f"blobs/{hashlib.sha256(b'').hexdigest()}").status == 404
    assert server.api("GET", "blobs/../carnet.sqlite3").status == 404


def test_fi11_bytes_for_the_kernel_are_kept_under_their_name(server: Server) -> None:
    data = bytes(range(256)) * 5_000
    for _ in range(2):
        answer = server.ask("POST", "blobs", data, {"Authorization": f"token {server.token}"})
        assert answer.status == 201
        assert answer.json() == {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    assert server.api("GET", f"blobs/{hashlib.sha256(data).hexdigest()}").body == data
