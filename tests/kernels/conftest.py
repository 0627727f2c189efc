"""A real host for the client's tests."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from carnet.kernels.client import HostClient
from tests.support.host_fixtures import connected, shared_kernel, starting_hosts
from tests.support.kernel_host import HostProcess, Watch


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A host that lives as long as the tests."""
    host = HostProcess(tmp_path_factory.mktemp("kc") / "host")
    yield host
    assert host.end() == 0


@pytest.fixture
def start_host() -> Iterator[Callable[..., HostProcess]]:
    """Start hosts that end with the test, however it ends."""
    with starting_hosts() as start:
        yield start


@pytest.fixture
async def client(host: HostProcess) -> AsyncIterator[HostClient]:
    """A connection of the test's own."""
    async with connected(host) as client:
        yield client


@pytest.fixture
async def kernel(
    client: HostClient, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Watch:
    """A kernel that the tests share, read from now on. It must be left running and idle."""
    return await shared_kernel(client, request.path, tmp_path_factory.getbasetemp())
