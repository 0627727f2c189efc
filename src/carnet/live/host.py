"""What `live` needs of the kernel host. `carnet.kernels.client.HostClient` is one."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from carnet.core.wire.host import KernelInfo, Kernelspecs, Record
from carnet.ids import KernelId, RunId
from carnet.kernels.client import RunSubmission


class KernelHost(Protocol):
    """The host, as `kernels` shows it. Errors are `KernelError`s."""

    async def connect(self) -> None:
        """Be connected, starting a host if there is none; returns at once when there is a connection."""

    async def kernelspecs(self) -> Kernelspecs:
        """Return the installed kernelspecs."""

    async def kernels(self) -> list[KernelInfo]:
        """Return the kernels that live."""

    async def start(
        self,
        kernel_id: KernelId,
        *,
        kernelspec: str,
        cwd: str,
        env: dict[str, str] | None = ...,
        label: str = ...,
    ) -> KernelInfo:
        """Start a kernel, exactly once for an id."""

    async def submit(self, kernel_id: KernelId, runs: Sequence[RunSubmission]) -> None:
        """Queue runs, each exactly once for an id."""

    async def cancel(self, kernel_id: KernelId, run_ids: Sequence[RunId]) -> None:
        """Drop queued runs."""

    async def reorder(self, kernel_id: KernelId, run_ids: Sequence[RunId]) -> None:
        """Reorder queued runs."""

    async def send(  # noqa: PLR0913 - as many as a message has parts
        self,
        kernel_id: KernelId,
        channel: Literal["shell", "control", "stdin"],
        msg_type: str,
        msg_id: str,
        content: bytes,
        *,
        parent_header: bytes = ...,
        buffers: Sequence[bytes] = ...,
    ) -> None:
        """Send one message outside the queue; one to a comm once for its id."""

    async def send_raw(  # noqa: PLR0913 - as many as a message has parts
        self,
        kernel_id: KernelId,
        channel: Literal["shell", "control", "stdin"],
        msg_type: str,
        msg_id: str,
        *,
        header: bytes,
        parent_header: bytes,
        metadata: bytes,
        content: bytes,
    ) -> None:
        """Send one message outside the queue, with a header of the caller's own."""

    async def interrupt(self, kernel_id: KernelId) -> None:
        """Interrupt."""

    async def restart(self, kernel_id: KernelId, *, lineage: int = ...) -> None:
        """Restart, unless it has another lineage by now."""

    async def shutdown(self, kernel_id: KernelId, *, now: bool = ...) -> None:
        """End it."""

    async def read(
        self,
        kernel_id: KernelId,
        after: int,
        receive: Callable[[list[Record]], None],
        *,
        gone: Callable[[], None] | None = ...,
    ) -> None:
        """Call `receive` with every record after that number, in order, from now on; `gone`: it is no more."""

    async def stop_reading(self, kernel_id: KernelId) -> None:
        """No more calls of `receive`."""

    def acknowledge(self, kernel_id: KernelId, number: int) -> None:
        """Records up to here are committed."""
