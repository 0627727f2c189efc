"""One server, its kernel host and its kernels for all tests here; each test has a notebook of its own."""

from collections.abc import Iterator

import pytest

from tests.support.seeds import new_seed
from tests.support.server import CarnetServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """Return a running server. Tests may restart it; they leave it running."""
    with CarnetServer(tmp_path_factory.mktemp("integration")) as server:
        yield server


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """Return the path of this test's own notebook."""
    return f"{request.node.name}.ipynb"


@pytest.fixture
def seed() -> int:
    """Return a seed, shown when the test fails."""
    return new_seed()
