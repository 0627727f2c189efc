"""Slow down guessing: a token bucket for each address, and one for all strangers together.

Time is a parameter. An address that signed in well before is not a stranger: an
attack from elsewhere does not lock its owner out. Memory is bounded. Rules AC9
to AC11: docs/specs/access.md.
"""

from dataclasses import dataclass
from typing import Final

ADDRESS_BURST: Final = 5
ADDRESS_REFILL_S: Final = 12.0
STRANGERS_BURST: Final = 30
STRANGERS_REFILL_S: Final = 6.0
ADDRESSES_KEPT: Final = 10_000


@dataclass
class Bucket:
    """Holds up to `burst` tries, and gets one back each `refill_s` seconds."""

    burst: int
    refill_s: float
    tries: float
    at_s: float

    def level(self, now_s: float) -> float:
        """Return how many tries are in it now."""
        return min(self.burst, self.tries + max(0.0, now_s - self.at_s) / self.refill_s)

    def take(self, now_s: float) -> None:
        """Take one try out."""
        self.tries, self.at_s = self.level(now_s) - 1, now_s

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until a try is in it; 0: now."""
        return max(0.0, (1 - self.level(now_s)) * self.refill_s)


class Throttle:
    """Counts wrong passwords and tokens. Ask `wait_s` first, then say how the try went."""

    def __init__(self) -> None:
        self._addresses: dict[str, Bucket] = {}
        self._known: dict[str, None] = {}
        self._strangers = Bucket(STRANGERS_BURST, STRANGERS_REFILL_S, STRANGERS_BURST, 0.0)

    def wait_s(self, address: str, now_s: float) -> float:
        """Return how long this address must wait before its next try; 0: not at all."""
        own = self._addresses.get(address)
        wait_s = own.wait_s(now_s) if own else 0.0
        if address not in self._known:
            wait_s = max(wait_s, self._strangers.wait_s(now_s))
        return wait_s

    def begin(self, address: str, now_s: float) -> None:
        """Count a try. It is counted before it is judged, so that many at once gain nothing."""
        if address not in self._addresses:
            self._forget_full(now_s)
            self._addresses[address] = Bucket(ADDRESS_BURST, ADDRESS_REFILL_S, ADDRESS_BURST, now_s)
        self._addresses[address].take(now_s)
        if address not in self._known:
            self._strangers.take(now_s)

    def succeeded(self, address: str) -> None:
        """The try was right: the address starts afresh, and is a stranger no more."""
        self._addresses.pop(address, None)
        self._known.pop(address, None)
        self._known[address] = None
        while len(self._known) > ADDRESSES_KEPT:
            del self._known[next(iter(self._known))]

    def _forget_full(self, now_s: float) -> None:
        """Keep memory bounded: drop what says nothing any more, then the oldest."""
        if len(self._addresses) < ADDRESSES_KEPT:
            return
        self._addresses = {
            one: bucket for one, bucket in self._addresses.items() if bucket.level(now_s) < bucket.burst
        }
        while len(self._addresses) >= ADDRESSES_KEPT:
            del self._addresses[next(iter(self._addresses))]
