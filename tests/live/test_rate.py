from carnet.live.rate import RateGate


def test_rare_acts_are_not_delayed() -> None:
    gate = RateGate(burst=3, window_s=1.0, interval_s=0.1)
    for now_s in (0.0, 0.5, 1.0, 1.5):
        assert gate.delay_s(now_s) == 0.0
        gate.acted(now_s)


def test_a_burst_is_let_through_then_spaced() -> None:
    gate = RateGate(burst=3, window_s=1.0, interval_s=0.1)
    for now_s in (0.0, 0.01, 0.02):
        assert gate.delay_s(now_s) == 0.0
        gate.acted(now_s)
    assert abs(gate.delay_s(0.03) - 0.09) < 1e-9
    assert gate.delay_s(0.2) == 0.0
    gate.acted(0.2)
    assert gate.delay_s(1.01) == 0.0
