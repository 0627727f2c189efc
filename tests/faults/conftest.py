"""Servers to break. Each file has one of its own, so that what one breaks, another does not feel."""

from collections.abc import Iterator

import pytest

from tests.support.cgroups import can_limit_memory
from tests.support.seeds import new_seed
from tests.support.server import CarnetServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """Return a running server. Tests may restart it; they leave it running."""
    with CarnetServer(tmp_path_factory.mktemp("faults")) as server:
        yield server


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """Return the path of this test's own notebook."""
    return f"{request.node.originalname}.ipynb"


@pytest.fixture
def seed() -> int:
    """Return a seed, shown when the test fails."""
    return new_seed()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and count as left out, what needs control groups where there are none to be had."""
    needy = [item for item in items if item.get_closest_marker("cgroup") is not None]
    if needy and not can_limit_memory():
        items[:] = [item for item in items if item not in needy]
        config.hook.pytest_deselected(items=needy)
