"""`/api/sessions`: what runs on which kernel, in Jupyter's shape. Rules JS1 to JS7: docs/specs/jupyter-api.md."""

from http import HTTPStatus
from typing import Any, Final

from carnet.core.wire.host import KernelInfo
from carnet.errors import NoSuchKernel, NoSuchKernelspec, NotFound
from carnet.server.api_sessions import ApiSession, ApiSessions, Wanted
from carnet.server.handlers.base import Handler
from carnet.server.handlers.kernels import find_kernel, kernel_model
from carnet.server.workbench import Workbench

_TYPES: Final = {"notebook", "console", "file"}


class Sessions(Handler):
    """The sessions: paths with kernels, in Jupyter's shape; or open one."""

    async def get(self) -> None:
        """List them."""
        bench = await self.workbench()
        self.answer([session_model(bench, *one) for one in await ApiSessions(bench).all()])

    async def post(self) -> None:
        """Answer with the session of a path, made where there is none."""
        bench, (wanted, given) = await self.workbench(), _wanted(self.json_body())
        if "path" not in given or wanted.type not in _TYPES:
            self.refuse(400, "request", "path and type are wanted; type is notebook, console or file.")
            return
        try:
            made = await ApiSessions(bench).open(wanted, by=self.identity.user)
        except (NoSuchKernelspec, NoSuchKernel) as error:
            # Jupyter's code for it; its clients look for this one.
            self.refuse(HTTPStatus.NOT_IMPLEMENTED, type(error).__name__, str(error))
            return
        self.set_header("Location", f"{self.services.base_url}api/sessions/{made.id}")
        self.answer(session_model(bench, made, await find_kernel(bench, made.kernel_id)), 201)


class OneSession(Handler):
    """A session; or change it, or end it and its kernel."""

    async def get(self, session_id: str) -> None:
        """Answer with it."""
        bench = await self.workbench()
        self.answer(session_model(bench, *await ApiSessions(bench).find(session_id)))

    async def patch(self, session_id: str) -> None:
        """Change path, name, type or kernel."""
        bench, (wanted, given) = await self.workbench(), _wanted(self.json_body())
        if "type" in given and wanted.type not in _TYPES:
            self.refuse(400, "request", "type is notebook, console or file.")
            return
        changed = await ApiSessions(bench).change(session_id, wanted, given, by=self.identity.user)
        self.answer(session_model(bench, *changed))

    async def delete(self, session_id: str) -> None:
        """End its kernel. The notebook stays."""
        bench = await self.workbench()
        try:
            await ApiSessions(bench).end(session_id, by=self.identity.user)
        except NoSuchKernel as error:
            self.refuse(HTTPStatus.GONE, type(error).__name__, str(error))
            return
        except NotFound:
            self.refuse(404, "NotFound", f"There is no session {session_id}; it may have ended.")
            return
        self.answer_nothing()


def session_model(bench: Workbench, session: ApiSession, kernel: KernelInfo) -> dict[str, Any]:
    """Return Jupyter's model of a session."""
    model: dict[str, Any] = {
        "id": session.id,
        "path": session.path,
        "name": session.name,
        "type": session.type,
        "kernel": kernel_model(bench, kernel),
    }
    if session.type == "notebook":
        model["notebook"] = {"path": session.path, "name": session.name}
    return model


def _wanted(body: dict[str, Any]) -> tuple[Wanted, frozenset[str]]:
    """Return what a body asks for, and which of its keys it has. The form of 2014 puts the path into `notebook`."""
    old = body.get("notebook")
    merged = {**(old if isinstance(old, dict) else {}), **body}
    if isinstance(old, dict) and "path" in old:
        merged.setdefault("type", "notebook")
    kernel = body.get("kernel")
    wanted: dict[str, str] = {
        key: merged[key] for key in ("path", "name", "type") if isinstance(merged.get(key), str)
    }
    if "path" in wanted:
        wanted["path"] = wanted["path"].strip("/")
    given = frozenset(key for key in wanted if wanted[key] or key == "name")
    if isinstance(kernel, dict):
        for key, field in (("id", "kernel_id"), ("name", "kernelspec")):
            if isinstance(kernel.get(key), str):
                wanted[field] = kernel[key]
    known = Wanted(
        path=wanted.get("path", ""),
        name=wanted.get("name", ""),
        type=wanted.get("type", ""),
        kernel_id=wanted.get("kernel_id", ""),
        kernelspec=wanted.get("kernelspec", ""),
    )
    return known, given
