"""Messages of a room's socket are those of y-protocols, as pycrdt speaks them (CB16, CB20)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import (
    Awareness,
    Doc,
    Text,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
)

from carnet.collaboration import protocol
from carnet.collaboration.protocol import (
    AskPresences,
    Changed,
    Presence,
    Presences,
    Save,
    WhatIHave,
    WhatYouMiss,
    decode,
)
from carnet.errors import PeerError


def test_sync_as_pycrdt_speaks_it() -> None:
    ours: Doc[Any] = Doc()
    theirs: Doc[Any] = Doc()
    ours.get("t", type=Text).insert(0, "hello")

    asked = decode(create_sync_message(theirs))
    assert asked == WhatIHave(theirs.get_state())
    answer = protocol.what_you_miss(ours.get_update(asked.vector))
    handle_sync_message(answer[1:], theirs)
    assert str(theirs.get("t", type=Text)) == "hello"

    update = ours.get_update()
    assert decode(create_update_message(update)) == Changed(update)
    assert protocol.changed(update) == create_update_message(update)
    reply = handle_sync_message(protocol.what_i_have(theirs.get_state())[1:], ours)
    assert reply is not None
    assert isinstance(decode(reply), WhatYouMiss)


def test_awareness_as_pycrdt_speaks_it() -> None:
    awareness = Awareness(Doc())
    awareness.set_local_state({"user": "ann"})
    update = awareness.encode_awareness_update([awareness.client_id])

    said = decode(create_awareness_message(update))

    assert isinstance(said, Presences)
    assert [one.client for one in said.of] == [awareness.client_id]
    assert said.of[0].state == '{"user":"ann"}'
    other = Awareness(Doc())
    other.apply_awareness_update(protocol.presences(said.of)[2:], "remote")
    assert other.states[awareness.client_id] == {"user": "ann"}


def test_other_messages() -> None:
    assert decode(b"\x03") == AskPresences()
    assert decode(b"\x02\x04save\x09") == Save(9)
    assert decode(b"\x02\x04load") is None
    assert decode(b"\x63what") is None
    assert protocol.saved(9, ok=False)[2:] == b'{"type":"save","responseTo":9,"status":"failed"}'


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00",
        b"\x00\x03\x00",
        b"\x00\x02\x05\x00",
        b"\x00\x02\x00\x00",
        b"\x00\x00\x02\x01\x01",
        b"\x00\x00\x02\x00\x01",
        b"\x01\x01\x41",
        b"\x01\x05\x01\x01\x01\x01{",
        b"\x01\x02\x00\x00",
        protocol.presences([Presence(1, 1, '"' + "x" * protocol.PRESENCE_LIMIT_BYTES + '"')]),
        protocol.presences([Presence(1, 1, "[" * 1000 + "]" * 1000)]),
    ],
)
def test_cb20_what_is_malformed(frame: bytes) -> None:
    with pytest.raises(PeerError):
        decode(frame)


@given(st.binary(max_size=60))
def test_cb20_any_bytes(frame: bytes) -> None:
    try:
        decode(frame)
    except PeerError:
        pass


@given(
    st.lists(
        st.builds(
            Presence, st.integers(0, 2**53 - 1), st.integers(0, 2**31), st.sampled_from(["null", '{"a":"ä"}'])
        ),
        max_size=5,
    )
)
def test_presences_come_back(said: list[Presence]) -> None:
    assert decode(protocol.presences(said)) == Presences(tuple(said))
