"""The messages of a room's socket: y-protocols' sync and awareness, and Jupyter's own. Purely.

Each message is one frame: a number that says what it is, then its parts. Rules
CB16 to CB20: docs/specs/collaboration.md.
"""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from carnet.collaboration.updates import DEPTH_LIMIT, Reader
from carnet.errors import PeerError

SYNC: Final = 0
AWARENESS: Final = 1
RAW: Final = 2
"""Jupyter's: a request by name (`save`), answered with JSON."""
ASK_AWARENESS: Final = 3

STEP_1: Final = 0
STEP_2: Final = 1
UPDATE: Final = 2

PRESENCE_LIMIT_BYTES: Final = 16 << 10
"""Of one client's presence: a name, a colour, a cursor."""

PRESENCES_LIMIT: Final = 64
"""In one message; providers send those of others along."""

ROOM_HASH: Final = sha256(b"Carnet brings it together: there is no other version.").hexdigest()
"""What clients of rooms hear in the place of the file's hash. JupyterLab asks whether to overwrite a file that has another
one than it knows; what it shows and what the file has is brought together here, however often the file is written."""

NOTHING: Final = b"\x00\x00"
"""The update that changes nothing."""


class WhatIHave(Struct, frozen=True):
    """Sync, step 1: a state vector. Wants the update of what is missing in it."""

    vector: bytes


class WhatYouMiss(Struct, frozen=True):
    """Sync, step 2: the answer, an update."""

    update: bytes


class Changed(Struct, frozen=True):
    """An update, as it happens."""

    update: bytes


class Presence(Struct, frozen=True):
    """What one client says of itself, in awareness."""

    client: int
    clock: int
    state: str
    """JSON; `null`: it is gone."""


class Presences(Struct, frozen=True):
    """Awareness."""

    of: tuple[Presence, ...]


class AskPresences(Struct, frozen=True):
    """Wants all presences."""


class Save(Struct, frozen=True):
    """Jupyter's request to write the file now."""

    number: int


Message = WhatIHave | WhatYouMiss | Changed | Presences | AskPresences | Save


def decode(frame: bytes) -> Message | None:
    """Return the message in a frame; None: of a kind that we do not know, and need not.

    Raises:
        PeerError: it is malformed.
    """
    reader = Reader(frame)
    kind = reader.number()
    message: Message | None = None
    if kind == SYNC:
        message = _sync(reader)
    elif kind == AWARENESS:
        message = _awareness(reader)
    elif kind == RAW:
        if reader.string() == "save":
            message = Save(reader.number())
        else:
            return None
    elif kind == ASK_AWARENESS:
        message = AskPresences()
    else:
        return None
    if not reader.is_done:
        reader.fail("something follows its end")
    return message


def what_i_have(vector: bytes) -> bytes:
    """Encode sync's step 1."""
    return bytes((SYNC, STEP_1)) + _with_length(vector)


def what_you_miss(update: bytes) -> bytes:
    """Encode sync's step 2."""
    return bytes((SYNC, STEP_2)) + _with_length(update)


def changed(update: bytes) -> bytes:
    """Encode an update."""
    return bytes((SYNC, UPDATE)) + _with_length(update)


def presences(of: "tuple[Presence, ...] | list[Presence]") -> bytes:
    """Encode awareness."""
    parts = [_number(len(of))]
    for one in of:
        parts += [_number(one.client), _number(one.clock), _with_length(one.state.encode())]
    return bytes((AWARENESS,)) + _with_length(b"".join(parts))


def saved(number: int, *, ok: bool) -> bytes:
    """Encode the answer to `Save`."""
    said = {"type": "save", "responseTo": number, "status": "success" if ok else "failed"}
    return bytes((RAW,)) + _with_length(msgspec.json.encode(said))


def _sync(reader: Reader) -> Message:
    step = reader.number()
    data = reader.bytes()
    if step == STEP_1:
        _check_vector(data)
        return WhatIHave(data)
    if step == STEP_2:
        return WhatYouMiss(data)
    if step != UPDATE:
        reader.fail(f"sync has no step {step}")
    return Changed(data)


def _check_vector(vector: bytes) -> None:
    reader = Reader(vector)
    for _ in range(reader.number()):
        reader.number()
        reader.number()
    if not reader.is_done:
        reader.fail("something follows the end of a state vector")


def _awareness(reader: Reader) -> Presences:
    inner = Reader(reader.bytes())
    count = inner.number()
    if count > PRESENCES_LIMIT:
        inner.fail(f"{count} presences in one message; {PRESENCES_LIMIT} are the most")
    found = tuple(Presence(inner.number(), inner.number(), _state(inner)) for _ in range(count))
    if not inner.is_done:
        inner.fail("something follows the end of awareness")
    return Presences(found)


def _state(reader: Reader) -> str:
    state = reader.string()
    if len(state) > PRESENCE_LIMIT_BYTES:
        reader.fail(f"a presence of {len(state)} characters; {PRESENCE_LIMIT_BYTES} are the most")
    if state.count("[") + state.count("{") > DEPTH_LIMIT * 4:
        reader.fail("a presence is nested too deep")
    try:
        msgspec.json.decode(state)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PeerError("not a Yjs message: a presence is not JSON") from error
    return state


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _with_length(data: bytes) -> bytes:
    return _number(len(data)) + data
