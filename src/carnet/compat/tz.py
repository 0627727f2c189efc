"""`IPython.utils.tz` of 2014: times with a zone."""

from datetime import UTC, datetime
from typing import Any

__all__ = ["UTC", "isoformat", "utcfromtimestamp", "utcnow"]


def utcnow() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


def utcfromtimestamp(timestamp: float) -> datetime:
    """Return the moment of a time stamp."""
    return datetime.fromtimestamp(timestamp, UTC)


def isoformat(value: Any) -> str:
    """Return a moment as text, with Z for UTC."""
    return str(value.isoformat()).replace("+00:00", "Z")
