"""A clock that tests move."""


class FakeClock:
    """A `carnet.clock.Clock` that stands still until a test calls `advance` or `jump_wall`."""

    def __init__(self, *, now_ms: int = 1_700_000_000_000, monotonic_s: float = 1000.0) -> None:
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass: both clocks go on. Time does not run backwards."""
        if seconds < 0:
            raise ValueError(f"time cannot pass backwards ({seconds} s); see jump_wall")
        self._now_ms += round(seconds * 1000)
        self._monotonic_s += seconds

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as people and daylight saving do. The other goes on."""
        self._now_ms += round(seconds * 1000)
