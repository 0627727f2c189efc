"""Figures become medians, goals are judged against them, and tables say what was measured."""

from benchmarks.report import Figures, Goal, number

GOAL = Goal("p50", "raw + 0.5 ms", lambda medians: medians["p50", "raw"] + 0.5)


def figures(carnet: tuple[float, ...], raw: tuple[float, ...] = ()) -> Figures:
    """Return what was measured of p50, a value a round."""
    found = Figures("round_trip")
    for value in raw:
        found.note("p50", "ms", "raw", value)
    for value in carnet:
        found.note("p50", "ms", "carnet", value)
    return found


def test_a_goal_is_judged_by_medians() -> None:
    reached = figures(carnet=(3.4, 99.0, 3.3), raw=(3.0, 3.0, 2.0))
    missed = figures(carnet=(3.6,), raw=(3.0,))

    assert [one.reached for one in reached.verdicts([GOAL])] == [True]
    assert [one.reached for one in missed.verdicts([GOAL])] == [False]


def test_a_goal_beside_a_column_that_was_not_measured_is_not_judged() -> None:
    assert list(figures(carnet=(1.0,)).verdicts([GOAL])) == []


def test_a_table_has_carnet_first_with_median_and_range() -> None:
    table = figures(carnet=(1.0, 2.0, 4.0), raw=(3.0,)).table()

    assert table.splitlines() == [
        "| round_trip | unit | carnet | raw |",
        "|---|---|---|---|",
        "| p50 | ms | 2.00 [1.00..4.00] | 3.00 |",
    ]


def test_json_has_every_value_and_verdict() -> None:
    said = figures(carnet=(1.0, 2.0), raw=(3.0,)).as_json([GOAL])

    assert said["rows"] == [
        {"what": "p50", "unit": "ms", "column": "raw", "values": [3.0]},
        {"what": "p50", "unit": "ms", "column": "carnet", "values": [1.0, 2.0]},
    ]
    assert said["goals"] == [
        {"what": "p50", "goal": "raw + 0.5 ms", "limit": 3.5, "measured": 1.5, "reached": True}
    ]


def test_numbers_have_three_significant_digits() -> None:
    assert [number(one) for one in (0, 0.0123, 0.123, 1.234, 12.34, 1234.5)] == [
        "0",
        "0.0123",
        "0.123",
        "1.23",
        "12.3",
        "1,234",
    ]
