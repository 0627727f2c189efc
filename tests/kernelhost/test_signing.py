"""Messages on a kernel's wire: signed, verified, not decoded."""

import msgspec
import pytest
from jupyter_client.session import Session

from carnet.errors import PeerError
from carnet.kernelhost.signing import Message, Signer, header

KEY = b"a kernel's key"


@pytest.mark.parametrize("size", [10, 200_000])
def test_what_we_sign_jupyter_client_accepts(size: int) -> None:
    frames = Signer(KEY).frames(
        header("m1", "execute_request", session="s", date="2026-11-23T10:00:00+00:00"),
        b"{}",
        b'{"cellId":"c"}',
        msgspec.json.encode({"code": "x" * size}),
        [b"buffer"],
    )
    session = Session(key=KEY)
    _, parts = session.feed_identities(frames)
    message = session.deserialize(parts)
    assert message["header"]["msg_id"] == "m1"
    assert message["content"] == {"code": "x" * size}
    assert [bytes(buffer) for buffer in message["buffers"]] == [b"buffer"]


def test_what_jupyter_client_signs_we_accept() -> None:
    session = Session(key=KEY)
    parent = session.msg("execute_request", {})
    message = session.msg("stream", {"name": "stdout", "text": "é"}, parent=parent)
    parts = session.serialize(message, ident=b"stream.stdout")
    found = Signer(KEY).verify([bytes(part) for part in parts])
    assert (found.msg_type, found.parent_id, found.buffers) == ("stream", parent["header"]["msg_id"], [])
    assert msgspec.json.decode(found.content) == {"name": "stdout", "text": "é"}


def test_without_a_key_nothing_is_signed() -> None:
    signer = Signer(b"")
    frames = signer.frames(b'{"msg_type":"status"}', b"{}", b"{}", b"{}")
    assert frames[1] == b""
    assert signer.verify(frames) == Message("status", "", b'{"msg_type":"status"}', b"{}", b"{}", b"{}", [])


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([], "0 parts that are no Jupyter message"),
        ([b"<IDS|MSG>", b"sig", b"{}"], "3 parts that are no Jupyter message"),
        ([b"<IDS|MSG>", b"0" * 64, b"{}", b"{}", b"{}", b"{}"], "wrong signature"),
        (
            [b"<IDS|MSG>", Signer(KEY).sign([b"{", b"{}", b"{}", b"{}"]), b"{", b"{}", b"{}", b"{}"],
            "cannot be read",
        ),
    ],
)
def test_anything_else_is_an_error_with_a_sentence(frames: list[bytes], sentence: str) -> None:
    with pytest.raises(PeerError, match=sentence):
        Signer(KEY).verify(frames)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(PeerError, match="signs with hmac-rot13, which this Python does not know"):
        Signer(KEY, "hmac-rot13")
