"""What fixtures of several rooms do with real kernel hosts: start them for one test, connect, share a kernel."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from carnet.ids import KernelId
from carnet.kernels.client import HostClient
from tests.support.kernel_host import HostProcess, Watch


@contextmanager
def starting_hosts() -> Iterator[Callable[..., HostProcess]]:
    """Give a function that starts hosts; they end with the block, however it ends."""
    with ExitStack() as hosts:

        def start(folder: Path, *arguments: str) -> HostProcess:
            return hosts.enter_context(HostProcess(folder, *arguments))

        yield start


@asynccontextmanager
async def connected(host: HostProcess) -> AsyncIterator[HostClient]:
    """Give a connection of one's own."""
    client = HostClient(host.folder, spawn=False)
    await client.connect()
    try:
        yield client
    finally:
        await client.close()


async def shared_kernel(client: HostClient, test_file: Path, folder: Path) -> Watch:
    """Return a kernel that the tests of one file share, idle, read from now on. It must be left running and idle."""
    # One for each file: run ids are constants there, and a host sends no id twice (HO20).
    kernel_id = KernelId(f"shared-{test_file.stem}")
    await client.start(kernel_id, cwd=str(folder))
    watch = await Watch(client, kernel_id).begin()
    await watch.run("")
    watch.records.clear()
    return watch
