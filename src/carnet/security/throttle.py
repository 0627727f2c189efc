"""Slow down guessing: a token bucket for each address, and one for all strangers together.

Time is a parameter. An address that signed in well before is not a stranger: an
attack from elsewhere does not lock its owner out. Memory is bounded. Rules AC9
to AC11: docs/specs/access.md.
"""

from dataclasses import dataclass
from typing import Final

from carnet.clock import Clock
from carnet.security.attempts import AttemptStore, Level

ADDRESS_BURST: Final = 5
ADDRESS_REFILL_S: Final = 12.0
STRANGERS_BURST: Final = 30
STRANGERS_REFILL_S: Final = 6.0
ADDRESSES_KEPT: Final = 10_000
STRANGERS: Final = ""
"""As an address: all strangers together."""
FULL_AGAIN_MS: Final = round(
    1000 * max(ADDRESS_BURST * ADDRESS_REFILL_S, STRANGERS_BURST * STRANGERS_REFILL_S)
)
"""After this long without a try, a bucket is full."""


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

    def __init__(self, store: AttemptStore | None = None, clock: Clock | None = None) -> None:
        """`store`: where levels are kept over a restart; it needs the clock."""
        self._addresses: dict[str, Bucket] = {}
        self._known: dict[str, None] = {}
        self._strangers = Bucket(STRANGERS_BURST, STRANGERS_REFILL_S, STRANGERS_BURST, 0.0)
        self._store = store
        self._clock = clock
        if store is not None and clock is not None:
            self._restore(store, clock)

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
        self._keep(address)

    def succeeded(self, address: str) -> None:
        """The try was right: the address starts afresh, and is a stranger no more."""
        self._addresses.pop(address, None)
        self._known.pop(address, None)
        self._known[address] = None
        while len(self._known) > ADDRESSES_KEPT:
            del self._known[next(iter(self._known))]
        if self._store is not None:
            self._store.forget(address)

    def _keep(self, address: str) -> None:
        if self._store is None or self._clock is None:
            return
        now_ms = self._clock.now_ms()
        levels = {
            address: Level(self._addresses[address].tries, now_ms),
            STRANGERS: Level(self._strangers.tries, now_ms),
        }
        self._store.keep(levels, forget_before_ms=now_ms - FULL_AGAIN_MS)

    def _restore(self, store: AttemptStore, clock: Clock) -> None:
        now_s, now_ms = clock.monotonic_s(), clock.now_ms()
        for address, level in store.load().items():
            # A wall clock that was set back must not lock anybody out for longer.
            at_s = now_s - max(0, now_ms - level.at_ms) / 1000
            if address == STRANGERS:
                self._strangers = Bucket(STRANGERS_BURST, STRANGERS_REFILL_S, level.tries, at_s)
            elif len(self._addresses) < ADDRESSES_KEPT:
                self._addresses[address] = Bucket(ADDRESS_BURST, ADDRESS_REFILL_S, level.tries, at_s)

    def _forget_full(self, now_s: float) -> None:
        """Keep memory bounded: drop what says nothing any more, then the oldest."""
        if len(self._addresses) < ADDRESSES_KEPT:
            return
        self._addresses = {
            one: bucket for one, bucket in self._addresses.items() if bucket.level(now_s) < bucket.burst
        }
        while len(self._addresses) >= ADDRESSES_KEPT:
            del self._addresses[next(iter(self._addresses))]
