"""Entries of append-only files (HO12)."""

from hypothesis import given
from hypothesis import strategies as st

from carnet.kernelhost.entries import Scanned, entry, scan

payload_lists = st.lists(st.binary(max_size=100), max_size=8)


@given(payload_lists)
def test_ho12_what_was_written_is_read(payloads: list[bytes]) -> None:
    data = b"".join(map(entry, payloads))
    assert scan(data) == Scanned(payloads, len(data))


@given(payload_lists, st.binary(min_size=1, max_size=100), st.data())
def test_ho12_a_torn_end_costs_only_itself(payloads: list[bytes], last: bytes, data: st.DataObject) -> None:
    whole = b"".join(map(entry, payloads))
    torn = entry(last)
    kept = data.draw(st.integers(min_value=0, max_value=len(torn) - 1))
    assert scan(whole + torn[:kept]) == Scanned(payloads, len(whole))


def test_ho12_a_changed_byte_ends_the_reading() -> None:
    good, bad = entry(b"good"), bytearray(entry(b"bad"))
    bad[-1] ^= 1
    assert scan(good + bytes(bad) + good) == Scanned([b"good"], len(good))
