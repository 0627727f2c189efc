"""What goes over a kernel's WebSocket, in Jupyter's two protocols: bytes to parts and back. Pure.

`v1.kernel.websocket.jupyter.org` carries the parts of a message as they are;
the default one wraps them in JSON, and needs binary frames only for buffers.
In neither are the parts decoded: they pass as the kernel, or the client, wrote
them. Rules KW1 to KW5, KW8: docs/specs/kernel-socket.md.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from carnet.core.wire.host import Channel, Record
from carnet.errors import PeerError

V1: Final = "v1.kernel.websocket.jupyter.org"
"""The subprotocol's name. Its offsets are little-endian u64; those of the default protocol big-endian u32."""

Sendable: TypeAlias = Literal["shell", "control", "stdin"]

_EMPTY: Final = b"{}"

_VERSION: Final = "5.0"
"""What a header without a version is given, as jupyter_server does it."""

#: Channel and four parts; each part ends where the next begins, so there is one offset more.
_V1_LEAST_OFFSETS: Final = 6


class FromClient(Struct, frozen=True):
    """One message a client sends to its kernel, parts as it wrote them."""

    channel: Sendable
    msg_id: str
    msg_type: str
    session: str
    header: bytes
    parent_header: bytes
    metadata: bytes
    content: bytes
    buffers: list[bytes] = []


class HeaderPeek(Struct, frozen=True):
    """What we read of a header."""

    msg_id: str = ""
    msg_type: str = ""
    session: str = ""


class CellRequest(Struct, frozen=True):
    """An `execute_request` that says which cell it runs."""

    cell_id: str
    source: str


class _CellPeek(Struct, frozen=True):
    cell_id: str = msgspec.field(name="cellId", default="")


class _ExecutePeek(Struct, frozen=True):
    code: str = ""
    silent: bool = False
    store_history: bool = True


class _SentHeader(Struct, frozen=True):
    """What we read of a client's header."""

    msg_id: str = ""
    msg_type: str = ""
    session: str = ""
    version: Raw = Raw()


class _Wrapped(Struct, frozen=True):
    """A message of the default protocol."""

    header: Raw
    channel: str | None = None
    parent_header: Raw = Raw(_EMPTY)
    metadata: Raw = Raw(_EMPTY)
    content: Raw = Raw(_EMPTY)


_wrapped = msgspec.json.Decoder(_Wrapped).decode
_cell = msgspec.json.Decoder(_CellPeek).decode
_execute = msgspec.json.Decoder(_ExecutePeek).decode
_header = msgspec.json.Decoder(HeaderPeek).decode
_sent_header = msgspec.json.Decoder(_SentHeader).decode
_text = msgspec.json.Encoder().encode


def peek(header: bytes) -> HeaderPeek:
    """Return what we read of a header; nothing where it is not one."""
    try:
        return _header(header)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return HeaderPeek()


def cell_request(message: FromClient) -> CellRequest | None:
    """Return what a message runs; None: it runs no cell, or leaves no trace in the history (KW8)."""
    if message.channel != "shell" or message.msg_type != "execute_request":
        return None
    try:
        cell_id = _cell(message.metadata).cell_id
        asked = _execute(message.content) if cell_id else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if asked is None or asked.silent or not asked.store_history:
        return None
    return CellRequest(cell_id, asked.code)


def decode(frame: str | bytes, *, v1: bool) -> FromClient:
    """Return the message in a frame of a client. Without a channel it is for shell (KW2).

    Raises:
        PeerError: it is not a message; says what is wrong.
    """
    if v1:
        if isinstance(frame, str):
            raise PeerError(f"frames of {V1} are binary, but a text frame came")
        return _decode_v1(frame)
    return _decode_default(frame)


def encode(record: Record, *, v1: bool) -> str | bytes:
    """Return the frame for what a kernel said; a `str` is a text frame."""
    return encode_parts(
        record.channel,
        (record.header, record.parent_header, record.metadata, record.content),
        record.buffers,
        v1=v1,
    )


def encode_parts(
    channel: Channel, parts: tuple[bytes, bytes, bytes, bytes], buffers: Sequence[bytes] = (), *, v1: bool
) -> str | bytes:
    """Return the frame for header, parent header, metadata and content."""
    if v1:
        return _joined((channel.encode(), *parts, *buffers), width=8, order="little", end=True)
    header, parent_header, metadata, content = parts
    seen = peek(header)
    whole = b"".join(
        (
            b'{"channel":',
            _text(channel),
            b',"msg_id":',
            _text(seen.msg_id),
            b',"msg_type":',
            _text(seen.msg_type),
            b',"header":',
            header,
            b',"parent_header":',
            parent_header or _EMPTY,
            b',"metadata":',
            metadata or _EMPTY,
            b',"content":',
            content,
            b"}" if buffers else b',"buffers":[]}',
        )
    )
    if buffers:
        return _joined((whole, *buffers), width=4, order="big", end=False)
    return whole.decode("utf-8", "replace")


def _joined(parts: Sequence[bytes], *, width: int, order: Literal["little", "big"], end: bool) -> bytes:
    """Return count, offsets and parts in one. `end`: the end of the last part is an offset too."""
    count = len(parts) + (1 if end else 0)
    at = width * (1 + count)
    offsets: list[int] = []
    for part in parts:
        offsets.append(at)
        at += len(part)
    if end:
        offsets.append(at)
    if at >= 1 << (8 * width):
        raise PeerError(f"a message of {at} bytes is too long for this protocol: use {V1}")
    return b"".join((*(number.to_bytes(width, order) for number in (count, *offsets)), *parts))


def _decode_v1(frame: bytes) -> FromClient:
    offsets = _offsets(frame, width=8, order="little", least=_V1_LEAST_OFFSETS)
    parts = [frame[start:stop] for start, stop in pairwise(offsets)]
    try:
        channel = parts[0].decode("ascii")
    except UnicodeDecodeError:
        raise PeerError("the channel of a message is not a word") from None
    return _message(channel, (parts[1], parts[2], parts[3], parts[4]), parts[5:])


def _decode_default(frame: str | bytes) -> FromClient:
    buffers: list[bytes] = []
    if isinstance(frame, bytes):
        offsets = [*_offsets(frame, width=4, order="big", least=1), len(frame)]
        parts = [frame[start:stop] for start, stop in pairwise(offsets)]
        wrapped_bytes: str | bytes = parts[0]
        buffers = parts[1:]
    else:
        wrapped_bytes = frame
    try:
        wrapped = _wrapped(wrapped_bytes)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PeerError(f"a message could not be read: {error}") from None
    parts4 = (
        bytes(wrapped.header),
        bytes(wrapped.parent_header),
        bytes(wrapped.metadata),
        bytes(wrapped.content),
    )
    return _message(wrapped.channel or "shell", parts4, buffers)


def _offsets(frame: bytes, *, width: int, order: Literal["little", "big"], least: int) -> list[int]:
    """Return the offsets at the beginning of a frame, each inside it and none before the one before it.

    Their number comes from the other side: it is held against the length of the
    frame before anything is made of it (KW3).
    """
    count = int.from_bytes(frame[:width], order)
    if not least <= count <= len(frame) // width - 1:
        raise PeerError(f"a frame of {len(frame)} bytes says that it has {count} offsets")
    offsets = [
        int.from_bytes(frame[at : at + width], order) for at in range(width, width * (count + 1), width)
    ]
    before = width * (count + 1)
    for offset in offsets:
        if not before <= offset <= len(frame):
            raise PeerError(f"a frame of {len(frame)} bytes has a part at {offset}")
        before = offset
    return offsets


def _message(channel: str, parts: tuple[bytes, bytes, bytes, bytes], buffers: list[bytes]) -> FromClient:
    try:
        header = _sent_header(parts[0])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PeerError(f"the header of a message could not be read: {error}") from None
    # PyCharm greets each kernel with a message without an id; what is executed needs one, to be executed once.
    if not header.msg_type or (header.msg_type == "execute_request" and not header.msg_id):
        raise PeerError("the header of a message needs msg_type, and that of an execute_request msg_id")
    match channel:
        case "shell" | "control" | "stdin":
            pass
        case _:
            raise PeerError(f"nothing can be sent on {channel!r}, only on shell, control and stdin")
    header_bytes, parent_header, metadata, content = parts
    return FromClient(
        channel=channel,
        msg_id=header.msg_id,
        msg_type=header.msg_type,
        session=header.session,
        header=header_bytes if bytes(header.version) else _versioned(header_bytes),
        # Some clients say null where there is nothing.
        parent_header=_EMPTY if parent_header.strip() in {b"", b"null"} else parent_header,
        metadata=_EMPTY if metadata.strip() in {b"", b"null"} else metadata,
        content=_EMPTY if content.strip() in {b"", b"null"} else content,
        buffers=buffers,
    )


def _versioned(header: bytes) -> bytes:
    """Return a header with a version: without one it is of a protocol before 5.0, and ipykernel 7 drops the message unsaid."""
    fields = msgspec.json.decode(header, type=dict[str, Raw])
    return _text({**fields, "version": _VERSION})
