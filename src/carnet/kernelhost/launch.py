"""Start kernel processes through jupyter_client, on a thread and loop of their own.

Kernelspecs are files to look for, provisioners may be anybody's code and may
block: none of it must hold up the main loop, which takes what kernels say. All
that is jupyter_client's manager lives here; messages never pass through it.
"""

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from msgspec import Struct

from carnet.core.notebook.model import Json
from carnet.core.wire.host import KernelspecModel, Kernelspecs
from carnet.errors import KernelStartFailed, NoSuchKernelspec
from carnet.kernelhost.process import MARK_VARIABLE

DEFAULT_KERNELSPEC = "python3"

#: Not for kernels: the server's own secrets, and the pid whose end would end the kernel.
SECRET_VARIABLES = frozenset(
    {"JPY_API_TOKEN", "JPY_PARENT_PID", "JUPYTERHUB_API_TOKEN", "JUPYTER_TOKEN", "CONFIGPROXY_AUTH_TOKEN"}
)
SECRET_PREFIX = "CARNET_"

T = TypeVar("T")


class LaunchOrder(Struct, frozen=True):
    """What to start, and where."""

    kernelspec: str
    token: str
    """New for each process; names its connection file and sockets, and marks its children."""
    connection_file: Path
    cwd: str
    env: dict[str, str]
    extra_arguments: tuple[str, ...]
    output: int
    """File descriptor for its real stdout and stderr."""


class Launched:
    """A process that jupyter_client started, and the handles on it."""

    def __init__(self, manager: AsyncKernelManager, provisioner: KernelProvisionerBase) -> None:
        self.manager = manager
        self.provisioner = provisioner
        process: object = getattr(provisioner, "process", None)
        self.popen = process if isinstance(process, subprocess.Popen) else None
        """The local process; None where a provisioner runs it elsewhere."""


class Launcher:
    """The thread. Each method runs there and is awaited from the main loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="launcher", daemon=True)
        self._thread.start()

    async def kernelspecs(self) -> Kernelspecs:
        """Return all installed kernelspecs."""
        return await self._run(_kernelspecs())

    async def kernelspec(self, name: str) -> KernelspecModel:
        """Return one kernelspec.

        Raises:
            NoSuchKernelspec: names those that exist.
        """
        return await self._run(_kernelspec(name or DEFAULT_KERNELSPEC))

    async def launch(self, order: LaunchOrder) -> Launched:
        """Start a process.

        Raises:
            KernelStartFailed: it could not be started at all.
        """
        return await self._run(_launch(order))

    async def signal(self, launched: Launched, signum: int) -> None:
        """Signal the kernel (the provisioner decides how)."""
        await self._run(_quietly(launched.provisioner.send_signal(signum)))

    async def poll(self, launched: Launched) -> int | None:
        """Return the exit code, or None while it runs."""
        return await self._run(launched.provisioner.poll())

    async def clean_up(self, launched: Launched) -> None:
        """Remove the connection file and what else the manager holds, after the process ended."""
        await self._run(_quietly(launched.manager._async_cleanup_resources()))

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=2)
        if not self._thread.is_alive():  # else a provisioner blocks: the process ends without it
            self._loop.close()

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


def kernel_environment(token: str, env: dict[str, str]) -> dict[str, str]:
    """Return the environment of a kernel: ours without secrets, what was asked for, and its mark."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in SECRET_VARIABLES and not name.startswith(SECRET_PREFIX)
    }
    return {**kept, "PYTHONFAULTHANDLER": "1", **env, MARK_VARIABLE: token}


async def _kernelspecs() -> Kernelspecs:
    found: dict[str, dict[str, Any]] = KernelSpecManager().get_all_specs()
    specs = {name: _model(name, item["resource_dir"], item["spec"]) for name, item in sorted(found.items())}
    default = DEFAULT_KERNELSPEC if DEFAULT_KERNELSPEC in specs else next(iter(specs), DEFAULT_KERNELSPEC)
    return Kernelspecs(default=default, kernelspecs=specs)


async def _kernelspec(name: str) -> KernelspecModel:
    manager = KernelSpecManager()
    try:
        spec = manager.get_kernel_spec(name)
    except (NoSuchKernel, ValueError):
        names = sorted(manager.find_kernel_specs())
        there = f"Installed: {', '.join(names)}" if names else "None is installed: pip install ipykernel"
        raise NoSuchKernelspec(f"no kernelspec is named {name}. {there}") from None
    return _model(name, spec.resource_dir, spec.to_dict())


def _model(name: str, resource_dir: str, spec: dict[str, Any]) -> KernelspecModel:
    plain = msgspec.convert(spec, dict[str, Json])
    return KernelspecModel(
        name=name,
        display_name=str(spec.get("display_name") or name),
        language=str(spec.get("language") or ""),
        resource_dir=resource_dir,
        spec=plain,
    )


async def _launch(order: LaunchOrder) -> Launched:
    manager = AsyncKernelManager(kernel_name=order.kernelspec, transport="ipc")
    manager.connection_file = str(order.connection_file)
    manager.ip = str(order.connection_file.with_suffix(""))
    manager.kernel_id = order.token
    try:
        await manager._async_start_kernel(
            env=kernel_environment(order.token, order.env),
            cwd=order.cwd,
            extra_arguments=list(order.extra_arguments),
            # Kernels outlive the host: it is their parent, but not their lifeline (HO31).
            independent=True,
            stdin=subprocess.DEVNULL,
            stdout=order.output,
            stderr=order.output,
        )
    except Exception as error:  # a provisioner is anybody's code
        with contextlib.suppress(Exception):
            await manager._async_cleanup_resources()
        raise KernelStartFailed(
            f"the kernel process of {order.kernelspec} could not be started: {error}",
            exit_code=None,
            output_tail=str(error),
        ) from error
    provisioner = manager.provisioner
    assert provisioner is not None
    if not order.connection_file.exists():
        manager.write_connection_file()
    return Launched(manager, provisioner)


async def _quietly(work: Any) -> None:
    with contextlib.suppress(Exception):
        await work
