"""Entries of the host's append-only files: length, CRC-32, bytes. Pure.

A process may end in the middle of a write, so a file may end in a torn entry;
whatever comes before it is good (HO12).
"""

import struct
import zlib
from typing import NamedTuple

HEAD = struct.Struct(">II")
"""Length of the payload, CRC-32 of the payload."""


def head(payload: bytes) -> bytes:
    """Return what stands before a payload."""
    return HEAD.pack(len(payload), zlib.crc32(payload))


def entry(payload: bytes) -> bytes:
    """Return the payload as an entry."""
    return head(payload) + payload


class Scanned(NamedTuple):
    """What `scan` found: the payloads, and where the first byte after the last whole entry is."""

    payloads: list[bytes]
    end: int


def scan(data: bytes, at: int = 0) -> Scanned:
    """Return the whole, intact entries from `at` on; stop at the first that is not."""
    payloads: list[bytes] = []
    size = len(data)
    while size - at >= HEAD.size:
        length, crc = HEAD.unpack_from(data, at)
        start = at + HEAD.size
        if start + length > size:
            break
        payload = data[start : start + length]
        if zlib.crc32(payload) != crc:
            break
        payloads.append(payload)
        at = start + length
    return Scanned(payloads, at)
