"""A real host for the client's tests."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from carnet.ids import KernelId
from carnet.kernels.client import HostClient
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
    with ExitStack() as hosts:

        def start(folder: Path, *arguments: str) -> HostProcess:
            return hosts.enter_context(HostProcess(folder, *arguments))

        yield start


@pytest.fixture
async def client(host: HostProcess) -> AsyncIterator[HostClient]:
    """A connection of the test's own."""
    client = HostClient(host.folder, spawn=False)
    await client.connect()
    yield client
    await client.close()


@pytest.fixture
async def kernel(
    client: HostClient, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Watch:
    """A kernel that the tests share, read from now on. It must be left running and idle."""
    # One for each file: run ids are constants there, and a host sends no id twice (HO20).
    kernel_id = KernelId(f"shared-{request.path.stem}")
    await client.start(kernel_id, cwd=str(tmp_path_factory.getbasetemp()))
    watch = await Watch(client, kernel_id).begin()
    await watch.run("")
    watch.records.clear()
    return watch
