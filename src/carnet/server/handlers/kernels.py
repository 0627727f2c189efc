"""`/api/kernels`: what the dashboard and simple clients need. Runs and outputs go over the link."""

from typing import Any

from carnet.core.wire.host import KernelInfo
from carnet.errors import NoSuchKernel
from carnet.ids import KernelId
from carnet.server.handlers.base import Handler
from carnet.server.kernel_actions import act
from carnet.server.times import iso_time
from carnet.server.workbench import Workbench


class Kernels(Handler):
    """The kernels."""

    async def get(self) -> None:
        """List them. No kernel host is started to look."""
        bench = await self.workbench()
        self.answer([kernel_model(bench, one) for one in await bench.kernels_if_any()])


class OneKernel(Handler):
    """A kernel; or end it."""

    async def get(self, kernel_id: str) -> None:
        """Answer with it."""
        bench = await self.workbench()
        self.answer(kernel_model(bench, await find_kernel(bench, kernel_id)))

    async def delete(self, kernel_id: str) -> None:
        """End it."""
        bench = await self.workbench()
        await act(bench, (await find_kernel(bench, kernel_id)).kernel_id, "shutdown", by=self.identity.user)
        self.answer_nothing()


class KernelAction(Handler):
    """Interrupt or restart a kernel."""

    async def post(self, kernel_id: str, action: str) -> None:
        """Do it."""
        bench = await self.workbench()
        kernel = await find_kernel(bench, kernel_id)
        if action == "interrupt":
            await act(bench, kernel.kernel_id, "interrupt", by=self.identity.user)
            self.answer_nothing()
        else:
            await act(bench, kernel.kernel_id, "restart", by=self.identity.user)
            self.answer(kernel_model(bench, await find_kernel(bench, kernel_id)))


async def find_kernel(bench: Workbench, kernel_id: str) -> KernelInfo:
    """Return the kernel of this id.

    Raises:
        NoSuchKernel: there is none.
    """
    for one in await bench.kernels_if_any():
        if one.kernel_id == KernelId(kernel_id):
            return one
    raise NoSuchKernel(f"There is no kernel {kernel_id}; it may have ended.")


def kernel_model(bench: Workbench, kernel: KernelInfo) -> dict[str, Any]:
    """Return Jupyter's model of a kernel, with what our dashboard shows besides."""
    session = bench.registry.bound_to(kernel.kernel_id)
    status = session.state.kernel.status if session is not None else kernel.status
    since_ms = session.state.kernel.since_ms if session is not None else kernel.started_ms
    return {
        "id": kernel.kernel_id,
        "name": kernel.kernelspec,
        "display_name": session.state.kernel.display_name if session is not None else kernel.kernelspec,
        "execution_state": kernel.status if status == "none" else status,
        "last_activity": iso_time(since_ms or kernel.started_ms),
        "started": iso_time(kernel.started_ms),
        "connections": 0 if session is None else int(session.followed),
        "memory_bytes": kernel.resident_bytes,
        "queued": len(kernel.queued),
    }
