"""When to do something that comes in bursts: at once while it is rare, in batches in a flood.

Time is a parameter, in monotonic seconds.
"""


class RateGate:
    """Allow `burst` acts at once; after that one each `interval_s`.

    So the answer to one key press is not delayed, and a flood costs a fixed
    number of batches a second, whatever its rate (invariant 5: nothing is
    dropped, only put together). Each `interval_s` allows one more act at once.
    """

    def __init__(self, *, burst: int = 25, interval_s: float = 0.05) -> None:
        self._burst = burst
        self._interval_s = interval_s
        self._allowed = float(burst)
        self._counted_s = 0.0

    def delay_s(self, now_s: float) -> float:
        """Return how long to wait before the next act; 0: act now."""
        self._count(now_s)
        # A millionth of an act is a rounding error, not a reason to wait.
        return 0.0 if self._allowed > 1 - 1e-6 else (1 - self._allowed) * self._interval_s

    def acted(self, now_s: float) -> None:
        """Say that an act happened."""
        self._count(now_s)
        self._allowed = max(0.0, self._allowed - 1)

    def _count(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._counted_s)
        self._counted_s = now_s
        self._allowed = min(float(self._burst), self._allowed + passed_s / self._interval_s)
