"""`/api/kernels`: what the dashboard and simple clients need. Runs and outputs go over the link."""

import asyncio
from pathlib import Path
from typing import Any, Final

from carnet.core.wire.host import KernelInfo
from carnet.errors import NoSuchKernel, NoSuchKernelspec
from carnet.ids import KernelId
from carnet.server.api_sessions import ApiSessions
from carnet.server.handlers.base import Handler
from carnet.server.kernel_actions import act
from carnet.server.times import iso_time
from carnet.server.workbench import Workbench

RESTART_WAIT_S: Final = 30.0
"""A restart is answered when the new process is ready, or after so long."""

_LOOK_S: Final = 0.05


class Kernels(Handler):
    """The kernels."""

    async def get(self) -> None:
        """List them. No kernel host is started to look."""
        bench = await self.workbench()
        self.answer([kernel_model(bench, one) for one in await bench.kernels_if_any()])

    async def post(self) -> None:
        """Start one that belongs to no notebook. Runs and messages sent to it wait until it is ready."""
        bench, body = await self.workbench(), self.json_body()
        kernelspec, path = _text(body, "name"), _text(body, "path").strip("/")
        env = body.get("env")
        if not isinstance(env, dict):
            env = {}
        env = {name: value for name, value in env.items() if isinstance(name, str) and isinstance(value, str)}
        # A server that uses us as its gateway names the folder by the file system.
        folder = env.get("KERNEL_WORKING_DIR", "")
        if folder and not await self.blocking(Path(folder).is_dir):
            folder = ""
        sessions = ApiSessions(bench)
        try:
            kernel_id = await sessions.start_kernel(kernelspec, _beside(path), cwd=folder, env=env)
        except NoSuchKernelspec as error:
            self.refuse(error.status, type(error).__name__, str(error))
            return
        self.set_header("Location", f"{self.services.base_url}api/kernels/{kernel_id}")
        self.answer(kernel_model(bench, await find_kernel(bench, kernel_id)), 201)


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
            await restarted(bench, kernel)
            self.answer(kernel_model(bench, await find_kernel(bench, kernel_id)))


async def restarted(bench: Workbench, before: KernelInfo) -> None:
    """Return when another process than this one is ready, or there will be none."""
    try:
        async with asyncio.timeout(RESTART_WAIT_S):
            while True:
                now = await find_kernel(bench, before.kernel_id)
                if now.started_ms > before.started_ms and now.status in {"idle", "busy"}:
                    return
                if now.status == "dead" and now.started_ms > before.started_ms:
                    return
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        return  # the answer says how it stands


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _beside(path: str) -> str:
    """Return a path in the folder that a client names; clients name a folder here, or a notebook in it."""
    return path if path.endswith(".ipynb") else f"{path}/kernel".lstrip("/")


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
    since_ms = session.state.kernel.since_ms if session is not None else 0
    last_ms = max(since_ms or 0, kernel.started_ms, bench.lines.last_activity_ms(kernel.kernel_id))
    return {
        "id": kernel.kernel_id,
        "name": kernel.kernelspec,
        "display_name": session.state.kernel.display_name
        if session is not None
        else kernel.display_name or kernel.kernelspec,
        "execution_state": kernel.status if status == "none" else status,
        "last_activity": iso_time(last_ms),
        "started": iso_time(kernel.started_ms),
        "connections": (0 if session is None else int(session.followed))
        + bench.lines.count(kernel.kernel_id),
        "memory_bytes": kernel.resident_bytes,
        "queued": len(kernel.queued),
    }
