"""Both protocols of a kernel's WebSocket, held against Jupyter's own code and against hostile frames (KW1 to KW5)."""

import json
import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.core.wire.host import Record
from carnet.core.wire.kernel_socket import FromClient, decode, encode, peek
from carnet.errors import PeerError

HEADER = b'{"msg_id": "m1", "msg_type": "stream", "session": "s1", "date": "2026-01-01"}'


def record(*buffers: bytes) -> Record:
    return Record(
        7, 1, "iopub", "stream", "p1", HEADER, b'{"msg_id":"p1"}', b"{ }", b'{"text": "\xc3\xa4"}', [*buffers]
    )


def as_jupyter_reads_v1(frame: bytes) -> tuple[str, list[bytes]]:
    """As jupyter_server's `deserialize_msg_from_ws_v1` does it."""
    number = int.from_bytes(frame[:8], "little")
    offsets = [int.from_bytes(frame[8 * (i + 1) : 8 * (i + 2)], "little") for i in range(number)]
    channel = frame[offsets[0] : offsets[1]].decode()
    return channel, [frame[offsets[i] : offsets[i + 1]] for i in range(1, number - 1)]


def as_jupyter_writes_v1(channel: str, parts: list[bytes]) -> bytes:
    """As jupyter_server's `serialize_msg_to_ws_v1` does it."""
    name = channel.encode()
    offsets = [8 * (1 + 1 + len(parts) + 1)]
    offsets.append(len(name) + offsets[-1])
    for part in parts:
        offsets.append(len(part) + offsets[-1])
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(
        [name, *parts]
    )


def as_jupyter_reads_binary(frame: bytes) -> dict[str, Any]:
    """As jupyter_server's `deserialize_binary_message` does it."""
    number = struct.unpack("!I", frame[:4])[0]
    offsets = [*struct.unpack("!" + "I" * number, frame[4 : 4 * (number + 1)]), None]
    parts = [frame[start:stop] for start, stop in pairwise(offsets)]
    return {**json.loads(parts[0]), "buffers": parts[1:]}


def as_jupyter_writes_binary(message: dict[str, Any], buffers: list[bytes]) -> bytes:
    """As jupyter_server's `serialize_binary_message` does it."""
    parts = [json.dumps(message).encode(), *buffers]
    offsets = [4 * (len(parts) + 1)]
    for part in parts[:-1]:
        offsets.append(offsets[-1] + len(part))
    return struct.pack("!" + "I" * (len(parts) + 1), len(parts), *offsets) + b"".join(parts)


def test_kw1_v1_carries_the_parts_as_they_are() -> None:
    frame = encode(record(b"one", b""), v1=True)

    assert isinstance(frame, bytes)
    one = record(b"one", b"")
    parts = [one.header, one.parent_header, one.metadata, one.content, b"one", b""]
    assert as_jupyter_reads_v1(frame) == ("iopub", parts)


def test_kw1_the_default_protocol_wraps_them_in_json() -> None:
    frame = encode(record(), v1=False)

    assert isinstance(frame, str)
    assert json.loads(frame) == {
        "channel": "iopub",
        "msg_id": "m1",
        "msg_type": "stream",
        "header": json.loads(HEADER),
        "parent_header": {"msg_id": "p1"},
        "metadata": {},
        "content": {"text": "ä"},
        "buffers": [],
    }


def test_kw1_the_default_protocol_takes_a_binary_frame_for_buffers() -> None:
    frame = encode(record(b"\0\1", b"", b"end"), v1=False)

    assert isinstance(frame, bytes)
    read = as_jupyter_reads_binary(frame)
    assert (read["buffers"], read["content"], read["channel"]) == (
        [b"\0\1", b"", b"end"],
        {"text": "ä"},
        "iopub",
    )


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_kw2_what_jupyter_writes_is_read_in_both_protocols(buffers: list[bytes]) -> None:
    content = {"code": "1", "deep": [1, None]}
    header = {"msg_id": "m", "msg_type": "execute_request", "session": "s"}
    parts = [json.dumps(header).encode(), b"{}", b'{"a":1}', json.dumps(content).encode()]
    wrapped = {
        "channel": "control",
        "header": header,
        "parent_header": {},
        "metadata": {"a": 1},
        "content": content,
    }

    v1 = decode(as_jupyter_writes_v1("control", [*parts, *buffers]), v1=True)
    default = decode(as_jupyter_writes_binary(wrapped, buffers), v1=False)

    for read in (v1, default):
        assert (read.channel, read.msg_id, read.session) == ("control", "m", "s")
        assert read.buffers == buffers
        assert json.loads(read.content) == content
        assert json.loads(read.metadata) == {"a": 1}


def test_kw2_a_message_without_channel_or_parts_is_for_shell() -> None:
    read = decode('{"header": {"msg_id": "m", "msg_type": "t"}, "parent_header": null}', v1=False)

    header = b'{"msg_id":"m","msg_type":"t","version":"5.0"}'
    assert read == FromClient("shell", "m", "t", "", header, b"{}", b"{}", b"{}")


@pytest.mark.parametrize("version", ['"5.3"', "null", "4"])
def test_kw2_a_header_with_a_version_passes_as_it_is(version: str) -> None:
    header = f'{{ "msg_id":"m", "version": {version}, "msg_type":"t"}}'

    assert decode(f'{{"header":{header}}}', v1=False).header == header.encode()
    v1 = as_jupyter_writes_v1("shell", [header.encode(), b"{}", b"{}", b"{}"])
    assert decode(v1, v1=True).header == header.encode()


def test_kw2_a_header_without_one_is_given_one_and_keeps_the_rest() -> None:
    header = '{"msg_id":"m","msg_type":"t","date":"2026-01-01","deep":{"a":[1,1e400]}}'
    wanted = f'{header[:-1]},"version":"5.0"}}'.encode()

    assert decode(f'{{"header":{header}}}', v1=False).header == wanted
    v1 = as_jupyter_writes_v1("shell", [header.encode(), b"{}", b"{}", b"{}"])
    assert decode(v1, v1=True).header == wanted


def test_kw2_only_what_is_executed_needs_an_id() -> None:
    greeting = '{"header":{"msg_id":"", "msg_type":"connect_request"}, "parent_header":"", "metadata":{}}'

    read = decode(greeting, v1=False)

    assert (read.msg_id, read.msg_type, read.parent_header) == ("", "connect_request", b'""')


@pytest.mark.parametrize(
    ("frame", "v1", "says"),
    [
        (b"", True, "0 offsets"),
        (b"\xff" * 8, True, "offsets"),
        ((1 << 40).to_bytes(8, "little") + b"\0" * 64, True, "offsets"),
        (as_jupyter_writes_v1("shell", [b"{}"]), True, "offsets"),
        (as_jupyter_writes_v1("iopub", [HEADER, b"{}", b"{}", b"{}"]), True, "only on shell"),
        (as_jupyter_writes_v1("shell", [b"{}", b"{}", b"{}", b"{}"]), True, "needs msg_type"),
        ('{"header": {"msg_type": "execute_request"}}', False, "execute_request msg_id"),
        (as_jupyter_writes_v1("shell", [b"[", b"{}", b"{}", b"{}"]), True, "could not be read"),
        (as_jupyter_writes_v1("\xff", [HEADER, b"{}", b"{}", b"{}"]), True, "not a word"),
        ("text", True, "binary"),
        ("{", False, "could not be read"),
        ("[]", False, "could not be read"),
        ("{}", False, "could not be read"),
        (b"\0\0\0\2\0\0\0\x0c\0\0\0\x04{}{}", False, "a part at 4"),
        (b"\xff\xff\xff\xff", False, "offsets"),
    ],
)
def test_kw3_what_is_no_message_is_refused_in_words(frame: str | bytes, v1: bool, says: str) -> None:
    with pytest.raises(PeerError, match=says):
        decode(frame, v1=v1)


@given(st.binary(max_size=200), st.booleans())
def test_kw3_no_frame_does_more_than_that(frame: bytes, v1: bool) -> None:
    try:
        decode(frame, v1=v1)
    except PeerError:
        pass


def test_kw3_offsets_outside_the_frame_or_backwards() -> None:
    good = bytearray(as_jupyter_writes_v1("shell", [HEADER, b"{}", b"{}", b"{}"]))
    for at in range(8, 8 * 7, 8):
        bad = bytearray(good)
        bad[at : at + 8] = (len(good) + 1).to_bytes(8, "little")
        with pytest.raises(PeerError, match="a part at"):
            decode(bytes(bad), v1=True)


def test_a_header_that_is_none_has_nothing_to_read() -> None:
    assert peek(b"null") == peek(b"\xff") == peek(b"{}")
