"""Times as Jupyter writes them."""

from datetime import UTC, datetime


def iso_time(ms: int) -> str:
    """Return milliseconds since the epoch as `2026-11-23T14:00:00.000000Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
