"""Cells that other people's clients run over a kernel socket: live in every page, once, and not lost (KW8 to KW10, SV13, SV14)."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from carnet.core.session.state import freshness
from tests.api.kernel_socket import KernelSocket
from tests.api.yjs_client import YjsClient
from tests.server.serving import Server, serve
from tests.support.link_client import LinkClient
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Opened:
    """A notebook with a kernel, a page on it, and another program's line to the kernel."""

    server: Server
    path: str
    page: LinkClient
    client: KernelSocket

    async def run(self, number: int, code: str, **content: object) -> str:
        return await self.client.execute(code, cell_id=self.page.now.order[number], **content)

    def file(self) -> Path:
        return self.server.notebook_dir / self.path

    def in_file(self, number: int) -> dict[str, Any]:
        cell: dict[str, Any] = json.loads(self.file().read_bytes())["cells"][number]
        return cell

    def model(self) -> dict[str, Any]:
        answer = self.server.api("GET", f"api/contents/{self.path}")
        assert answer.status == 200, answer.body
        model: dict[str, Any] = answer.json()
        return model


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path) as server:
        yield server


def cell(cell_id: str, source: str, printed: str = "") -> dict[str, object]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": printed}] if printed else []
    return {
        "cell_type": "code",
        "id": cell_id,
        "source": source,
        "metadata": {},
        "outputs": outputs,
        "execution_count": 7 if printed else None,
    }


@asynccontextmanager
async def opened(server: Server, path: str, *sources: str) -> AsyncIterator[Opened]:
    cells = [cell(f"c{number}", source, "old\n") for number, source in enumerate(sources)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    made = server.api("PUT", f"api/contents/{path}", {"type": "notebook", "content": content})
    assert made.status == 201, made.body
    asked = {"path": path, "type": "notebook", "kernel": {"name": "python3"}}
    session = server.api("POST", "api/sessions", asked).json()
    headers = {"Authorization": f"token {server.token}"}
    async with (
        LinkClient(server.url.replace("http", "ws") + "link", headers, path) as page,
        KernelSocket(server, session["kernel"]["id"]) as client,
    ):
        await client.over(await client.send("kernel_info_request", {}))
        await page.wait(lambda: page.now.kernel.status == "idle")
        yield Opened(server, path, page, client)


async def test_kw8_it_is_live_in_the_page_and_the_file_is_left_to_who_ran_it(own: Server) -> None:
    async with opened(own, "live.ipynb", "print('begun')\ninput('on? ')\n6 * 7", "b") as it:
        before = it.file().read_bytes()
        page = it.page
        msg_id = await it.run(0, page.cell(0).cell.source)
        # Seen while it runs.
        await page.wait(lambda: page.cell(0).input is not None)
        assert page.text(0) == "begun\n"
        assert [(run.id, run.elsewhere, run.source) for run in page.now.runs] == [
            (msg_id, True, page.cell(0).cell.source)
        ]
        asked = await it.client.until(lambda one: one["header"]["msg_type"] == "input_request")
        await it.client.send("input_reply", {"value": "yes"}, channel="stdin", parent=asked["header"])
        await it.client.over(msg_id)

        after = await page.wait_done(0)
        assert [type(one).__name__ for one in after.cell.outputs] == ["Stream", "ExecuteResult"]
        assert (after.cell.execution_count, after.last and after.last.outcome) == (1, "done")
        assert after.input is None
        assert freshness(after) == "fresh"
        assert not after.foreign

        # JupyterLab asks for the file's time before it saves, and must find what it knows.
        assert own.api("GET", "api/contents/live.ipynb?content=0&hash=1").status == 200
        assert it.file().read_bytes() == before
        assert page.now.changed_seq > page.now.saved.seq

        # Its own save brings the same outputs: nothing is there twice, and nobody writes again.
        content = json.loads(before)
        content["cells"][0] = {
            **content["cells"][0],
            "execution_count": 1,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": "begun\n"},
                {
                    "output_type": "execute_result",
                    "data": {"text/plain": "42"},
                    "metadata": {},
                    "execution_count": 1,
                },
            ],
        }
        saved = own.api("PUT", "api/contents/live.ipynb", {"type": "notebook", "content": content})
        assert saved.status == 200
        theirs = it.file().read_bytes()
        await page.wait(lambda: page.now.changed_seq <= page.now.saved.seq)
        assert page.cell(0).cell == after.cell
        assert it.file().read_bytes() == theirs

        # With a change of the page's, all goes along.
        await it.client.over(await it.run(0, "print('again')"))
        await page.wait(lambda: page.text(0) == "again\n")
        await page.write(1, "b = 2")
        await page.wait(lambda: page.now.changed_seq <= page.now.saved.seq)
        assert it.in_file(0)["outputs"] == [{"output_type": "stream", "name": "stdout", "text": ["again\n"]}]


async def test_kw8_who_reads_the_whole_notebook_gets_what_the_page_shows(own: Server) -> None:
    async with opened(own, "read.ipynb", "print('new')") as it:
        await it.client.over(await it.run(0, "print('new')"))
        await it.page.wait_done(0)

        model = it.model()

        assert model["content"]["cells"][0]["outputs"] == [
            {"output_type": "stream", "name": "stdout", "text": "new\n"}
        ]
        assert it.in_file(0)["outputs"][0]["text"] == ["new\n"]


async def test_se17_another_source_than_ours_is_stale_until_it_is_saved(own: Server) -> None:
    async with opened(own, "stale.ipynb", "print('old')") as it:
        await it.client.over(await it.run(0, "print('newer')"))
        after = await it.page.wait_done(0)
        assert (it.page.text(0), freshness(after)) == ("newer\n", "stale")

        content = json.loads(it.file().read_bytes())
        content["cells"] = [{**cell("c0", "print('newer')", "newer\n"), "execution_count": 1}]
        own.api("PUT", "api/contents/stale.ipynb", {"type": "notebook", "content": content})

        await it.page.wait(lambda: it.page.cell(0).cell.source == "print('newer')")
        assert freshness(it.page.cell(0)) == "fresh"
        assert it.page.text(0) == "newer\n"


async def test_kw8_what_names_no_cell_or_leaves_no_trace_changes_nothing(own: Server) -> None:
    async with opened(own, "other.ipynb", "a", "b") as it:
        for msg_id in (
            await it.client.execute("print(1)"),
            await it.client.execute("print(2)", cell_id="nosuch"),
            await it.run(0, "print(3)", silent=True),
            await it.run(0, "print(4)", store_history=False),
            await it.run(0, "  "),
        ):
            await it.client.over(msg_id)
        # What comes after them is seen, so they have been.
        await it.client.over(await it.run(1, "print(5)"))
        await it.page.wait_done(1)

        assert (it.page.text(0), it.page.text(1)) == ("old\n", "5\n")
        assert it.page.queued == [it.page.cell(1).last.run_id]  # type: ignore[union-attr]  # it has run


async def test_sv14_a_client_that_leaves_mid_run_leaves_the_outputs_in_the_file(own: Server) -> None:
    async with opened(own, "left.ipynb", "a") as it:
        gate = own.notebook_dir / "gate"
        code = (
            "import time, pathlib\nprint('begun')\n"
            f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\nprint('ended')"
        )
        await it.run(0, code)
        await it.page.wait(lambda: it.page.text(0) == "begun\n")
        await it.client.close()
        gate.touch()
        await it.page.wait_done(0)

        await it.page.wait(lambda: it.page.now.changed_seq <= it.page.now.saved.seq)

        assert it.in_file(0)["outputs"][0]["text"] == ["begun\n", "ended\n"]
        assert it.in_file(0)["execution_count"] == 1


async def test_kw9_who_shares_the_notebook_writes_its_outputs_there(own: Server) -> None:
    async with opened(own, "shared.ipynb", "a", "b") as it:
        with YjsClient(own.url, own.token, "shared.ipynb") as lab:
            lab.do("source", cell=0, has="a")
            await it.client.over(await it.run(0, "print('theirs')"))
            lab.do(
                "outputs",
                cell=0,
                outputs=[{"output_type": "stream", "name": "stdout", "text": "theirs\n"}],
                count=1,
            )
            await it.page.wait(lambda: it.page.text(0) == "theirs\n")
        assert it.page.queued == []


async def test_lv23_a_killed_server_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    with CarnetServer(tmp_path) as mortal:
        view = Server(process=None, state_folder=mortal.state, notebook_dir=mortal.notebooks)  # type: ignore[arg-type]  # only asked for its address
        view.url, view.token = mortal.url, TOKEN
        code = "import time\nfor n in range(200): print(n, flush=True); time.sleep(0.01)"
        async with opened(view, "killed.ipynb", code, "b") as it:
            first = await it.run(0, code)
            waits = await it.run(1, "print('waited')")
            await it.page.wait(lambda: len(it.page.text(0).split()) >= 20)
            await asyncio.to_thread(mortal.restart, number=signal.SIGKILL)
            await it.client.open()
            await it.client.over(first)
            await it.client.over(waits)
            await it.page.wait_done(0)
            after = await it.page.wait_done(1)

            assert it.page.text(0).split() == [str(n) for n in range(200)]
            assert it.page.text(1) == "waited\n"
            assert (after.cell.execution_count, after.last and after.last.run_id) == (2, waits)
            assert freshness(it.page.cell(0)) == "fresh"
            # Its client came again, so the file is still left to it.
            assert "".join(it.in_file(0)["outputs"][0]["text"]) == "old\n"
