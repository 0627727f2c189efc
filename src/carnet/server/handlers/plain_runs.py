"""`/api/kernels/ID/execute` and what follows from it: a run over plain HTTP. Rules JR1 to JR7: docs/specs/jupyter-api.md."""

import json
import re
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from tornado.iostream import StreamClosedError

from carnet.errors import KernelError, PeerError
from carnet.server.handlers.base import Handler
from carnet.server.handlers.kernels import find_kernel
from carnet.server.plain_runs import PlainRuns, Progress, SourceDiffers
from carnet.server.workbench import Workbench

_ID: Final = re.compile(r"[0-9A-Za-z_-]{0,64}")


class Execute(Handler):
    """Run code, or a cell, over plain HTTP."""

    async def post(self, kernel_id: str) -> None:
        """Submit it; the answer says where to ask for what becomes of it. With `document_id` and `cells`: several (JR7)."""
        bench, body = await self.workbench(), self.json_body()
        if "document_id" in body or "cells" in body:
            await self._cells(kernel_id, bench, body)
            return
        metadata = body.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        code, request_id = body.get("code"), body.get("request_id", "")
        cell_id = body.get("cell_id") or metadata.get("cell_id") or ""
        if code is not None and not isinstance(code, str):
            raise PeerError("code: text is wanted.")
        if not isinstance(request_id, str) or not _ID.fullmatch(request_id):
            raise PeerError("request_id: up to 64 of A-Z a-z 0-9 _ - are wanted.")
        if not isinstance(cell_id, str):
            raise PeerError("cell_id: the id of a cell is wanted.")
        runs = PlainRuns(bench, await find_kernel(bench, kernel_id))
        run_id = await runs.submit(code, cell_id, request_id, by=self.identity.user)
        location = f"{self.services.base_url}api/kernels/{kernel_id}/requests/{run_id}"
        self.set_header("Location", location)
        self.answer(
            {
                "request_id": run_id,
                "kernel_id": kernel_id,
                "cell_id": cell_id or None,
                "pending": True,
                "request_status": "queued",
                "request_url": location,
                "outputs": "[]",
            },
            HTTPStatus.ACCEPTED,
        )

    async def _cells(self, kernel_id: str, bench: Workbench, body: dict[str, Any]) -> None:
        """Submit cells of the kernel's notebook, in the form of jupyter_server_documents."""
        try:
            wanted = msgspec.convert(body, CellsWanted)
        except msgspec.ValidationError as error:
            raise PeerError(
                f"document_id and cells, a list of cell_id and source_hash, are wanted: {error}."
            ) from None
        runs = PlainRuns(bench, await find_kernel(bench, kernel_id))
        cells = [(one.cell_id, one.source_hash) for one in wanted.cells]
        names = wanted.request_id or "", wanted.previous_request_id or ""
        try:
            await runs.submit_cells(wanted.document_id, cells, *names, by=self.identity.user)
        except SourceDiffers as error:
            self.answer({"error": "source_mismatch", "cell_id": error.cell_id}, HTTPStatus.CONFLICT)
        except TimeoutError:
            message = f"The request {names[1]}, which is to go before this one, did not come."
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "timeout", message)
        else:
            self.answer(None)


class CellWanted(Struct):
    """A cell to run."""

    cell_id: str
    source_hash: str
    """MurmurHash2 of its source in UTF-8, in digits."""


class CellsWanted(Struct):
    """Cells to run, one after the other, all of them or none."""

    document_id: str
    """`json:notebook:` and the notebook's id: a room of `/api/collaboration`, or a session's id."""
    cells: Annotated[list[CellWanted], Meta(min_length=1, max_length=10_000)]
    request_id: Annotated[str, Meta(pattern="^[0-9A-Za-z_-]{0,58}$")] | None = None
    previous_request_id: str | None = None


class Request(Handler):
    """What became of such a run; or take it back."""

    async def get(self, kernel_id: str, run_id: str) -> None:
        """Answer with it: 202 it goes on, 300 it waits for a line, 200 it is over. `stream=1`: line by line."""
        bench = await self.workbench()
        runs = PlainRuns(bench, await find_kernel(bench, kernel_id))
        if self.get_query_argument("stream", "0") not in {"", "0"}:
            await self._stream(runs, run_id)
            return
        progress = await runs.progress(run_id)
        model = _model(progress)
        if progress.status is not None:
            self.answer(model)
        elif progress.input_request is not None:
            self.set_header("Location", f"{self.services.base_url}api/kernels/{kernel_id}/input")
            self.answer(model, HTTPStatus.MULTIPLE_CHOICES)
        else:
            self.answer(model, HTTPStatus.ACCEPTED)

    async def delete(self, kernel_id: str, run_id: str) -> None:
        """Take it back: dropped while it waits, interrupted when it runs."""
        bench = await self.workbench()
        await PlainRuns(bench, await find_kernel(bench, kernel_id)).cancel(run_id)
        self.answer_nothing()

    async def _stream(self, runs: PlainRuns, run_id: str) -> None:
        after = self.get_query_argument("after", "0")
        if not after.isdecimal():
            raise PeerError("after: the number of the last line that you have is wanted.")
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("X-Accel-Buffering", "no")
        lines = runs.follow(run_id, int(after))
        try:
            async for line in lines:
                self.write(line)
                await self.flush()
            self.finish()
        except StreamClosedError:
            pass  # who comes again says what it has
        finally:
            await lines.aclose()


class Input(Handler):
    """The line that a run waits for."""

    async def post(self, kernel_id: str) -> None:
        """Give it."""
        bench, body = await self.workbench(), self.json_body()
        value = body.get("input")
        if not isinstance(value, str):
            raise PeerError("input: text is wanted.")
        try:
            await PlainRuns(bench, await find_kernel(bench, kernel_id)).answer(value)
        except KernelError as error:
            self.refuse(error.status if error.status != 500 else 409, type(error).__name__, str(error))
            return
        self.set_status(HTTPStatus.CREATED)
        self.finish()


def _model(progress: Progress) -> dict[str, Any]:
    model: dict[str, Any] = {
        "request_id": progress.run_id,
        "pending": progress.status is None,
        "status": progress.status,
        "execution_count": progress.execution_count,
        # Text, as the clients of this form have it.
        "outputs": json.dumps(progress.outputs),
    }
    if progress.input_request is not None:
        model["parent_header"] = json.loads(progress.input_request.header)
        model["input_request"] = json.loads(progress.input_request.content)
    return model
