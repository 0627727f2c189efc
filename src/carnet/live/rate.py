"""When to do something that comes in bursts: at once while it is rare, in batches in a flood.

Time is a parameter, in monotonic seconds.
"""

from collections import deque


class RateGate:
    """Allow `burst` acts in each `window_s` at once; after that one each `interval_s`.

    So the answer to one key press is not delayed, and a flood costs a fixed
    number of batches a second, whatever its rate (invariant 5: nothing is
    dropped, only put together).
    """

    def __init__(self, *, burst: int = 25, window_s: float = 0.25, interval_s: float = 0.025) -> None:
        self._burst = burst
        self._window_s = window_s
        self._interval_s = interval_s
        self._acts: deque[float] = deque(maxlen=burst)

    def delay_s(self, now_s: float) -> float:
        """Return how long to wait before the next act; 0: act now."""
        acts = self._acts
        if len(acts) < self._burst or now_s - acts[0] >= self._window_s:
            return 0.0
        return max(0.0, acts[-1] + self._interval_s - now_s)

    def acted(self, now_s: float) -> None:
        """Say that an act happened."""
        self._acts.append(now_s)
