"""Hand the settings that are meant for Python kernels, and the profile, to each kernel that is started.

Other kernels get nothing: they would not know the options. A kernel with
settings of its own is started afresh, never taken from the warm spare.
"""

import os
from pathlib import Path
from typing import Final

from carnet.config.kernels import kernel_config
from carnet.config.load import Loaded
from carnet.core.notebook.model import Json
from carnet.core.wire.host import KernelInfo
from carnet.ids import KernelId
from carnet.kernels.client import HostClient

FILE: Final = "kernel_config.json"
_LAUNCHER: Final = "ipykernel_launcher"


def kernel_arguments(loaded: Loaded, state_folder: Path) -> tuple[str, ...]:
    """Write what kernels are to read, and return what their command lines get.

    Raises:
        ConfigError: a value that cannot be told to another process.
        OSError: the file cannot be written.
    """
    config = kernel_config(loaded.other)
    arguments: list[str] = []
    named = loaded.given.files
    if "profile-dir" in named:
        arguments.append(f"--profile-dir={Path(named['profile-dir']).expanduser().absolute()}")
    elif "profile" in named:
        arguments.append(f"--profile={named['profile']}")
    path = state_folder / FILE
    if config.file:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(config.file)
        arguments.append(f"--config={path}")
    else:
        path.unlink(missing_ok=True)
    return (*arguments, *config.arguments)


class ConfiguredHost(HostClient):
    """The kernel host's client, which adds arguments for Python kernels."""

    def __init__(self, folder: Path, python_arguments: tuple[str, ...]) -> None:
        super().__init__(folder)
        self._python_arguments = python_arguments
        self._takes: dict[str, bool] = {}

    async def start(
        self,
        kernel_id: KernelId,
        *,
        cwd: str,
        kernelspec: str = "",
        env: dict[str, str] | None = None,
        extra_arguments: tuple[str, ...] = (),
        label: str = "",
    ) -> KernelInfo:
        """Start a kernel, with the arguments if it is a Python kernel of ipykernel's."""
        if self._python_arguments and await self._is_python(kernelspec):
            extra_arguments = (*self._python_arguments, *extra_arguments)
        return await super().start(
            kernel_id,
            cwd=cwd,
            kernelspec=kernelspec,
            env=env,
            extra_arguments=extra_arguments,
            label=label,
        )

    async def warm_up(self, kernelspec: str = "") -> None:
        """Have a spare kernel started, unless no kernel would be made of it."""
        if not self._python_arguments:
            await super().warm_up(kernelspec)

    async def _is_python(self, kernelspec: str) -> bool:
        if kernelspec not in self._takes:
            found = await self.kernelspecs()
            spec = found.kernelspecs.get(kernelspec or found.default)
            argv: Json = spec.spec.get("argv") if spec is not None else None
            self._takes[kernelspec] = isinstance(argv, list) and _LAUNCHER in argv
        return self._takes[kernelspec]
