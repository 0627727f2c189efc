"""`/api/sessions`: the notebooks that have a kernel, in Jupyter's shape. A session's id is its kernel's."""

from typing import Any

from carnet.core.wire.host import KernelInfo
from carnet.server.handlers.base import Handler
from carnet.server.handlers.kernels import find_kernel, kernel_model
from carnet.server.kernel_actions import act
from carnet.server.workbench import Workbench


class Sessions(Handler):
    """The notebooks that have a kernel."""

    async def get(self) -> None:
        """List them."""
        bench = await self.workbench()
        self.answer([_model(bench, one) for one in await bench.kernels_if_any()])


class OneSession(Handler):
    """A notebook with a kernel; or end its kernel."""

    async def get(self, session_id: str) -> None:
        """Answer with it."""
        bench = await self.workbench()
        self.answer(_model(bench, await find_kernel(bench, session_id)))

    async def delete(self, session_id: str) -> None:
        """End its kernel. The notebook stays."""
        bench = await self.workbench()
        await act(bench, (await find_kernel(bench, session_id)).kernel_id, "shutdown", by=self.identity.user)
        self.answer_nothing()


def _model(bench: Workbench, kernel: KernelInfo) -> dict[str, Any]:
    session = bench.registry.bound_to(kernel.kernel_id)
    path = session.state.path if session is not None else kernel.label
    name = path.rpartition("/")[2]
    return {
        "id": kernel.kernel_id,
        "path": path,
        "name": name,
        "type": "notebook",
        "kernel": kernel_model(bench, kernel),
        "notebook": {"path": path, "name": name},
    }
