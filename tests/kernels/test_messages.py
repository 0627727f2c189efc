"""What a kernel said, typed at the edge."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.core.wire.host import HostEvent, Record, RunSent
from carnet.core.wire.kernel import (
    DisplayContent,
    ErrorContent,
    ExecuteReplyContent,
    StreamContent,
    TransientData,
)
from carnet.errors import PeerError
from carnet.ids import RunId
from carnet.kernels.messages import CONTENT_TYPES, KernelContent, content, content_as


def a_record(msg_type: str, data: bytes, channel: str = "iopub") -> Record:
    return Record(7, 0, channel, msg_type, "", b"{}", b"{}", b"{}", data)  # type: ignore[arg-type]  # any channel


@pytest.mark.parametrize(
    ("msg_type", "data", "expected"),
    [
        ("stream", b'{"name":"stdout","text":"a\\n","unknown":1}', StreamContent("stdout", "a\n")),
        ("error", b'{"ename":"E","evalue":"v","traceback":["t"]}', ErrorContent("E", "v", ["t"])),
        (
            "update_display_data",
            b'{"data":{"text/plain":"x"},"metadata":{},"transient":{"display_id":"d"}}',
            DisplayContent({"text/plain": "x"}, {}, TransientData("d")),
        ),
        ("execute_reply", b'{"status":"ok","execution_count":3}', ExecuteReplyContent("ok", 3)),
        ("comm_msg", b"whatever it is", None),
    ],
)
def test_a_content_has_the_type_of_its_message(
    msg_type: str, data: bytes, expected: KernelContent | None
) -> None:
    assert content(a_record(msg_type, data)) == expected


def test_what_the_host_says_is_an_event() -> None:
    event: HostEvent = RunSent(RunId("r"))
    assert content(a_record("run-sent", msgspec.json.encode(event), "host")) == event
    with pytest.raises(PeerError, match=r"a run-sent message that cannot be read \(record 7\)"):
        content(a_record("run-sent", b"{}", "host"))


@given(st.sampled_from(sorted(CONTENT_TYPES)), st.binary(max_size=60))
def test_a_kernel_may_say_anything(msg_type: str, data: bytes) -> None:
    found = None
    with contextlib.suppress(PeerError):
        found = content(a_record(msg_type, data))
    assert found is None or type(found) is CONTENT_TYPES[msg_type]


def test_who_waits_for_a_type_gets_it_or_an_error() -> None:
    record = a_record("stream", b'{"name":"stderr","text":""}')
    assert content_as(record, StreamContent) == StreamContent("stderr", "")
    with pytest.raises(PeerError, match="record 7 is a stream, not ErrorContent"):
        content_as(record, ErrorContent)
