"""`/api/kernelspecs` and their files, as the kernel host finds them."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from carnet.core.wire.host import KernelspecModel
from carnet.errors import NoSuchKernelspec, NotFound
from carnet.ids import NotebookPath
from carnet.security import headers
from carnet.server.handlers.base import Handler
from carnet.storage.base import media_type_of

#: What clients show of a kernelspec. No other file of its folder is served.
_RESOURCES: Final = ("logo-64x64.png", "logo-32x32.png", "logo-svg.svg", "kernel.js", "kernel.css")


class Kernelspecs(Handler):
    """The kernelspecs."""

    async def get(self) -> None:
        """List them."""
        host = await (await self.workbench()).connected_host()
        found = await host.kernelspecs()
        models = await self.blocking(
            lambda: {name: _model(one, self.services.base_url) for name, one in found.kernelspecs.items()}
        )
        self.answer({"default": found.default, "kernelspecs": models})


class OneKernelspec(Handler):
    """A kernelspec."""

    async def get(self, name: str) -> None:
        """Answer with it."""
        spec = await _find(self, name)
        self.answer(await self.blocking(_model, spec, self.services.base_url))


class KernelspecFile(Handler):
    """The logo of a kernelspec, or another file that clients show."""

    async def get(self, name: str, file: str) -> None:
        """Answer with the bytes."""
        spec = await _find(self, name)
        path = Path(spec.resource_dir) / file
        if file not in _RESOURCES or not spec.resource_dir or not path.is_file():
            raise NotFound(f"The kernelspec {name} has no file {file}.")
        media_type = media_type_of(NotebookPath(file))
        self.send(headers.user_file(media_type))
        self.set_header("Cache-Control", "private, max-age=3600")
        self.set_header("Content-Type", media_type)
        self.finish(await self.blocking(path.read_bytes))


async def _find(handler: Handler, name: str) -> KernelspecModel:
    host = await (await handler.workbench()).connected_host()
    spec = (await host.kernelspecs()).kernelspecs.get(name)
    if spec is None:
        raise NoSuchKernelspec(f"There is no kernelspec {name!r}.")
    return spec


def _model(spec: KernelspecModel, base_url: str) -> dict[str, Any]:
    folder = Path(spec.resource_dir) if spec.resource_dir else None
    resources = {
        file.rpartition(".")[0]
        if file.startswith("logo")
        else file: f"{base_url}kernelspecs/{quote(spec.name)}/{file}"
        for file in _RESOURCES
        if folder is not None and (folder / file).is_file()
    }
    return {"name": spec.name, "spec": spec.spec, "resources": resources}
