"""What tests of the security tables share: a state folder, a clock that they move, the tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet.security.state import SecurityState
from carnet.testing.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def state(tmp_path: Path, clock: FakeClock) -> Iterator[SecurityState]:
    opened = SecurityState.open(tmp_path / "state", clock)
    yield opened
    opened.close()
