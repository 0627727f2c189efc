"""Rule LV6: docs/specs/live.md."""

import pytest

from carnet.live.rate import RateGate


def test_rare_acts_are_not_delayed() -> None:
    gate = RateGate(burst=3, interval_s=0.1)
    for number in range(100):
        assert gate.delay_s(number * 0.1) == 0.0
        gate.acted(number * 0.1)


def test_lv6_a_burst_is_let_through_then_spaced() -> None:
    gate = RateGate(burst=3, interval_s=0.1)
    for now_s in (0.0, 0.01, 0.02):
        assert gate.delay_s(now_s) == 0.0
        gate.acted(now_s)
    assert gate.delay_s(0.03) == pytest.approx(0.07)
    assert gate.delay_s(0.1) == 0.0
    gate.acted(0.1)
    assert gate.delay_s(0.1) == pytest.approx(0.1)
    # After a rest, a burst again.
    for _ in range(3):
        assert gate.delay_s(1.0) == 0.0
        gate.acted(1.0)
    assert gate.delay_s(1.0) > 0


def test_lv6_a_flood_costs_a_fixed_number_of_acts() -> None:
    gate = RateGate(burst=5, interval_s=0.05)
    now_s, acts = 0.0, 0
    while now_s < 10.0:
        now_s += gate.delay_s(now_s)
        gate.acted(now_s)
        acts += 1

    assert acts == pytest.approx(205, abs=2)
