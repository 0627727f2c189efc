"""Freshness."""

from typing import Literal

import pytest

from carnet.core.session.state import CellState, LastRun, RunOutcome, freshness
from tests.core.session.sessions import R1, a_cell


@pytest.mark.parametrize(
    ("outcome", "version", "expected"),
    [
        ("done", 3, "fresh"),
        ("failed", 3, "fresh"),
        ("done", 2, "stale"),
        ("failed", 2, "stale"),
        ("aborted", 3, "unknown"),
        ("lost", 3, "unknown"),
    ],
)
def test_se8_freshness_compares_versions(
    outcome: RunOutcome, version: int, expected: Literal["unknown", "fresh", "stale"]
) -> None:
    last = LastRun(R1, outcome, version, 1, 2)

    assert freshness(CellState(a_cell("a"), version=3, last=last)) == expected


def test_se8_a_cell_that_never_ran_is_unknown() -> None:
    assert freshness(CellState(a_cell("a"))) == "unknown"
