"""Guessing is slow, and does not lock the owner out. Time is moved by hand."""

from carnet.security.throttle import (
    ADDRESS_BURST,
    ADDRESS_REFILL_S,
    ADDRESSES_KEPT,
    STRANGERS_BURST,
    Throttle,
)


def tries_until(
    throttle: Throttle, address: str, end_s: float, step_s: float = 0.5, start_s: float = 0.0
) -> int:
    """Return how many tries an impatient guesser gets."""
    count, now_s = 0, start_s
    while now_s < end_s:
        if throttle.wait_s(address, now_s) == 0:
            throttle.begin(address, now_s)
            count += 1
        now_s += step_s
    return count


def test_ac9_five_at_once_then_one_each_twelve_seconds() -> None:
    assert tries_until(Throttle(), "a", 1.0) == 2
    assert tries_until(Throttle(), "a", 3.0) == ADDRESS_BURST
    assert tries_until(Throttle(), "a", 60.0) == ADDRESS_BURST + 4


def test_ac9_thirty_wrong_logins_take_over_a_minute() -> None:
    assert tries_until(Throttle(), "a", 60.0) < 30


def test_ac10_many_addresses_together_gain_little() -> None:
    throttle = Throttle()
    first = sum(tries_until(throttle, f"10.0.0.{number}", 0.1) for number in range(200))
    later = sum(tries_until(throttle, f"10.0.1.{number}", 60.1, start_s=60.0) for number in range(200))

    assert first == STRANGERS_BURST
    assert later == 10


def test_ac11_an_address_that_signed_in_is_not_locked_out_by_others() -> None:
    throttle = Throttle()
    throttle.begin("owner", 0.0)
    throttle.succeeded("owner")
    for number in range(100):
        throttle.begin(f"10.0.0.{number}", 0.1)

    assert throttle.wait_s("owner", 1.0) == 0
    assert throttle.wait_s("stranger", 1.0) > 0


def test_ac9_the_wait_that_is_told_is_long_enough() -> None:
    throttle = Throttle()
    for _ in range(ADDRESS_BURST):
        throttle.begin("a", 0.0)
    wait_s = throttle.wait_s("a", 0.0)

    assert wait_s == ADDRESS_REFILL_S
    assert throttle.wait_s("a", wait_s) == 0


def test_memory_is_bounded() -> None:
    throttle = Throttle()
    for number in range(ADDRESSES_KEPT + 500):
        throttle.begin(str(number), 0.0)
        throttle.succeeded(f"known {number}")

    assert len(throttle._addresses) <= ADDRESSES_KEPT
    assert len(throttle._known) <= ADDRESSES_KEPT
