"""The only clock. Everything that needs the time is given one of these."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time. `carnet.testing.FakeClock` is one that tests move."""

    def now_ms(self) -> int:
        """Return wall time, milliseconds since the epoch (for people and records)."""

    def monotonic_s(self) -> float:
        """Return seconds that never go back (for time-outs and order)."""


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()
