"""What a kernel said, typed: `Record` to the contents in `carnet.core.wire.kernel`, or a `PeerError`.

A kernel may say anything. Decoding happens here, at the edge, so that further
in there are only valid values. Pure.
"""

from typing import TypeAlias, TypeVar

import msgspec

from carnet.core.wire.host import HostEvent, Record
from carnet.core.wire.kernel import (
    ClearOutputContent,
    CompleteReplyContent,
    DisplayContent,
    ErrorContent,
    ExecuteInputContent,
    ExecuteReplyContent,
    InputRequestContent,
    InspectReplyContent,
    StatusContent,
    StreamContent,
)
from carnet.errors import PeerError

KernelContent: TypeAlias = (
    StatusContent
    | StreamContent
    | DisplayContent
    | ErrorContent
    | ClearOutputContent
    | ExecuteInputContent
    | ExecuteReplyContent
    | InputRequestContent
    | CompleteReplyContent
    | InspectReplyContent
)

#: msg_type -> the type of its content.
CONTENT_TYPES: dict[str, type[KernelContent]] = {
    "status": StatusContent,
    "stream": StreamContent,
    "display_data": DisplayContent,
    "update_display_data": DisplayContent,
    "execute_result": DisplayContent,
    "error": ErrorContent,
    "clear_output": ClearOutputContent,
    "execute_input": ExecuteInputContent,
    "execute_reply": ExecuteReplyContent,
    "input_request": InputRequestContent,
    "complete_reply": CompleteReplyContent,
    "inspect_reply": InspectReplyContent,
}

_decoders = {msg_type: msgspec.json.Decoder(kind) for msg_type, kind in CONTENT_TYPES.items()}
_host_event: msgspec.json.Decoder[HostEvent] = msgspec.json.Decoder(HostEvent)

T = TypeVar("T", bound=KernelContent)


def content(record: Record) -> KernelContent | HostEvent | None:
    """Return the typed content; None for a message type that we do not act on.

    Raises:
        PeerError: the kernel's content is not what its type says.
    """
    if record.channel == "host":
        return host_event(record)
    decoder = _decoders.get(record.msg_type)
    if decoder is None:
        return None
    try:
        return decoder.decode(record.content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _fault(record, error) from None


def content_as(record: Record, kind: type[T]) -> T:
    """Return the content as this type, where the caller knows what it waits for.

    Raises:
        PeerError: it is something else.
    """
    found = content(record)
    if not isinstance(found, kind):
        raise PeerError(f"record {record.number} is a {record.msg_type}, not {kind.__name__}")
    return found


def host_event(record: Record) -> HostEvent:
    """Return what the host itself said in a record of channel `host`.

    Raises:
        PeerError: it is not one of its events.
    """
    try:
        return _host_event.decode(record.content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _fault(record, error) from None


def _fault(record: Record, error: Exception) -> PeerError:
    return PeerError(
        f"the kernel sent a {record.msg_type} message that cannot be read (record {record.number}): {error}"
    )
