"""One real host for the room's tests, and a kernel that tests may share."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from carnet.ids import KernelId, new_id
from carnet.kernels.client import HostClient
from tests.support.host_fixtures import connected, shared_kernel, starting_hosts
from tests.support.kernel_host import HostProcess, Watch


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A host that lives as long as the tests."""
    host = HostProcess(
        tmp_path_factory.mktemp("kh") / "host",
        env={"JUPYTERHUB_API_TOKEN": "secret of the server", "LINES": "7", "COLUMNS": "7"},
    )
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
async def shared(
    client: HostClient, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Watch:
    """A kernel that other tests use too, read from now on. It must be left running and idle."""
    return await shared_kernel(client, request.path, tmp_path_factory.getbasetemp())


@pytest.fixture
async def fresh(client: HostClient, tmp_path: Path) -> AsyncIterator[Watch]:
    """A kernel of the test's own, read from its first word."""
    kernel_id = KernelId(new_id())
    await client.start(kernel_id, cwd=str(tmp_path))
    yield await Watch(client, kernel_id).begin()
    if any(kernel.kernel_id == kernel_id for kernel in await client.kernels()):
        await client.shutdown(kernel_id, now=True)
