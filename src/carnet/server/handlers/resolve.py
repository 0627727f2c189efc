"""`/api/resolvePath`: what a path in a traceback stands for, so that a client can open it."""

from pathlib import Path
from typing import Any

from carnet.errors import CarnetError, InvalidPath, NotFound
from carnet.ids import NotebookPath
from carnet.server.handlers.base import Handler
from carnet.server.handlers.kernels import find_kernel
from carnet.server.workbench import Workbench
from carnet.storage.paths import normalise_path


class ResolvePath(Handler):
    """What a path in a traceback stands for."""

    async def get(self) -> None:
        """Answer with where it is below the root: `resolved`, a list; and with what could not be looked at."""
        raw = self.get_query_argument("path", "")
        kernel_id = self.get_query_argument("kernel", "")
        if not raw:
            self.refuse(400, "request", "path: the path to resolve is wanted.")
            return
        bench = await self.workbench()
        answer: dict[str, Any] = {}
        folder = ""
        if kernel_id:
            try:
                folder = (await find_kernel(bench, kernel_id)).cwd
            except CarnetError:
                answer["unresolved"] = [
                    {"scope": "kernel", "reason": f"Kernel {kernel_id} could not be found"}
                ]
        found = [
            {"scope": scope, "path": path}
            for scope, base in (("server", ""), ("kernel", folder))
            if (scope == "server" or folder)
            and (path := await self.blocking(_below_root, bench, raw, base)) is not None
        ]
        self.answer({"resolved": found, **answer})


def _below_root(bench: Workbench, raw: str, folder: str) -> str | None:
    """Return the path below the root of an absolute path, `~` or a path relative to `folder`; None: it is not there."""
    root = bench.storage.local_path(NotebookPath(""))
    try:
        if root is None or (not folder and not raw.startswith(("/", "~"))):
            path = normalise_path(raw)
        else:
            path = normalise_path(
                str((Path(folder) / Path(raw).expanduser()).resolve().relative_to(root.resolve()))
            )
        return path if bench.storage.exists(path) else None
    except (ValueError, RuntimeError, InvalidPath, NotFound):
        return None
