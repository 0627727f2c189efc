"""The fake clock moves only when told to."""

import pytest

from carnet.clock import Clock
from carnet.testing.fake_clock import FakeClock


def test_it_stands_still_until_moved() -> None:
    clock: Clock = FakeClock(now_ms=5000, monotonic_s=10.0)
    assert [(clock.now_ms(), clock.monotonic_s()) for _ in range(2)] == [(5000, 10.0)] * 2


def test_advance_moves_both_clocks() -> None:
    clock = FakeClock(now_ms=5000, monotonic_s=10.0)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic_s()) == (6500, 11.5)


def test_a_wall_clock_jump_leaves_the_monotonic_clock() -> None:
    clock = FakeClock(now_ms=5000, monotonic_s=10.0)
    clock.jump_wall(-3600)
    assert (clock.now_ms(), clock.monotonic_s()) == (5000 - 3_600_000, 10.0)


def test_time_does_not_pass_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)
