"""Runs over plain HTTP (JR1 to JR7), with real kernels."""

import asyncio
import http.client
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from carnet.ids import new_id
from carnet.server.batches import Batches
from carnet.server.plain_runs import WAITING_RUNS, murmur2
from tests.api.kernel_socket import PATIENCE_S
from tests.server.serving import Response, Server
from tests.support.files import code_notebook
from tests.support.link_client import LinkClient
from tests.support.server import CarnetServer

pytestmark = pytest.mark.slow


def submit(server: Server, kernel_id: str, **body: object) -> str:
    """Submit a run; return where to ask for it, below the base."""
    made = server.api("POST", f"api/kernels/{kernel_id}/execute", body)
    assert made.status == 202, made.body
    return made.headers["Location"].removeprefix(server.base)


def until(server: Server, location: str, status: int = 200) -> Response:
    """Ask until the answer has this status."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        answer = server.api("GET", location)
        if answer.status == status:
            return answer
        assert answer.status in {202, 300}, answer.body
        time.sleep(0.02)
    raise AssertionError(f"{location} never was {status}")


def outputs(answer: Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(answer.json()["outputs"])
    return found


def test_jr1_jr3_a_run_from_submission_to_outputs(server: Server, kernel_id: str) -> None:
    location = submit(
        server, kernel_id, code="print('a'); print('b')\nprint('e', file=__import__('sys').stderr)\n6*7"
    )
    answer = until(server, location)

    assert (answer.json()["status"], answer.json()["pending"]) == ("ok", False)
    said = outputs(answer)
    assert said[0] == {"output_type": "stream", "name": "stdout", "text": "a\nb\n"}
    assert said[-1]["data"] == {"text/plain": "42"}
    failed = until(server, submit(server, kernel_id, code="1/0"))
    assert failed.json()["status"] == "error"
    assert outputs(failed)[0]["ename"] == "ZeroDivisionError"
    assert server.api("GET", f"api/kernels/{kernel_id}/requests/nosuch").status == 404
    assert server.api("POST", f"api/kernels/{kernel_id}/execute", {}).status == 400
    assert (
        server.api("POST", f"api/kernels/{kernel_id}/execute", {"code": "1", "request_id": "/"}).status == 400
    )
    assert server.api("POST", "api/kernels/nosuch/execute", {"code": "1"}).status == 404


def test_jr1_asked_twice_it_runs_once(server: Server, kernel_id: str) -> None:
    until(server, submit(server, kernel_id, code="times = 0"))
    name = new_id()
    first = submit(server, kernel_id, code="times += 1; print(times)", request_id=name)
    again = submit(server, kernel_id, code="times += 1; print(times)", request_id=name)
    assert first == again
    until(server, first)
    assert outputs(until(server, submit(server, kernel_id, code="times")))[0]["data"]["text/plain"] == "1"


def test_jr5_a_run_that_waits_for_a_line(server: Server, kernel_id: str) -> None:
    location = submit(server, kernel_id, code="print('you said', input('name? '))")
    waits = until(server, location, 300)
    assert waits.json()["input_request"]["prompt"] == "name? "
    assert waits.headers["Location"] == f"{server.base}api/kernels/{kernel_id}/input"
    assert server.api("POST", f"api/kernels/{kernel_id}/input", {"input": "Ada"}).status == 201
    assert outputs(until(server, location))[-1]["text"].endswith("you said Ada\n")
    assert server.api("POST", f"api/kernels/{kernel_id}/input", {"input": "x"}).status == 409


def test_jr6_a_run_is_taken_back(server: Server, kernel_id: str) -> None:
    running = submit(server, kernel_id, code="input()")
    waiting = submit(server, kernel_id, code="1")
    until(server, running, 300)
    assert server.api("DELETE", waiting).status == 204
    assert until(server, waiting).json()["status"] == "aborted"
    assert server.api("DELETE", running).status == 204
    assert until(server, running).json()["status"] == "error"


def lines(server: Server, location: str, after: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """Stream a run; hang up after so many lines."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    path = f"{server.base}{location}?stream=1&after={after}"
    connection.request("GET", path, headers={"Authorization": f"token {server.token}"})
    found: list[dict[str, Any]] = []
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Type"]) == (200, "application/x-ndjson")
    while limit is None or len(found) < limit:
        line = response.readline()
        if not line:
            break
        found.append(json.loads(line))
    connection.close()
    return found


def test_jr4_a_stream_that_broke_goes_on(server: Server, kernel_id: str) -> None:
    code = "import time\nfor n in range(60): print(n, flush=True); time.sleep(0.01)"
    location = submit(server, kernel_id, code=code)
    found = lines(server, location, limit=10)
    found += lines(server, location, after=found[-1]["number"])

    assert found[-1]["type"] == "end"
    assert found[-1]["content"] == {"status": "ok"}
    numbers = [one["number"] for one in found[:-1]]
    assert numbers == sorted(set(numbers))
    text = "".join(one["content"]["text"] for one in found if one["type"] == "stream")
    assert text.split() == [str(n) for n in range(60)]


def test_jr1_a_cell_runs_in_its_notebook(server: Server) -> None:
    (server.notebook_dir / "cells.ipynb").write_text(json.dumps(code_notebook(["print('from afar')"])))
    body = {"path": "cells.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    kernel_id = server.api("POST", "api/sessions", body).json()["kernel"]["id"]
    cell_id = server.api("GET", "api/contents/cells.ipynb").json()["content"]["cells"][0]["id"]

    async def run_and_look() -> str:
        headers = {"Authorization": f"token {server.token}"}
        async with LinkClient(server.url.replace("http", "ws") + "link", headers, "cells.ipynb") as tab:
            location = await asyncio.to_thread(submit, server, kernel_id, cell_id=cell_id)
            answer = await asyncio.to_thread(until, server, location)
            assert outputs(answer)[0]["text"] == "from afar\n"
            await tab.wait_done(0)
            return tab.text(0)

    assert asyncio.run(run_and_look()) == "from afar\n"
    assert server.api("POST", f"api/kernels/{kernel_id}/execute", {"cell_id": "nosuch"}).status == 400


def test_ac66_so_many_runs_wait_for_a_kernel_and_no_more(server: Server) -> None:
    (server.notebook_dir / "many.ipynb").write_text(json.dumps(code_notebook(["input()"] * WAITING_RUNS)))
    body = {"path": "many.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    session = server.api("POST", "api/sessions", body).json()
    address = f"api/kernels/{session['kernel']['id']}"
    content = server.api("GET", "api/contents/many.ipynb").json()["content"]
    cells = [{"cell_id": one["id"], "source_hash": murmur2(b"input()")} for one in content["cells"]]
    wanted = {"document_id": f"json:notebook:{session['id']}", "cells": cells}
    assert server.api("POST", f"{address}/execute", {**wanted, "request_id": "many"}).status == 200
    while server.api("GET", address).json()["execution_state"] != "busy":
        pass  # until the first of them does not wait any more

    refused = server.api("POST", f"{address}/execute", {**wanted, "cells": cells[:2]})
    assert refused.status == 429
    assert f"at most {WAITING_RUNS} may" in refused.json()["message"]
    submit(server, session["kernel"]["id"], code="1")
    assert server.api("POST", f"{address}/execute", {"code": "1"}).status == 429
    assert server.api("DELETE", address).status == 204


def test_jr7_cells_in_the_form_of_jupyter_server_documents(server: Server) -> None:
    (server.notebook_dir / "batch.ipynb").write_text(json.dumps(code_notebook(["a = 'ä'", "print(a * 3)"])))
    body = {"path": "batch.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    session = server.api("POST", "api/sessions", body).json()
    address = f"api/kernels/{session['kernel']['id']}/execute"
    content = server.api("GET", "api/contents/batch.ipynb").json()["content"]
    cells = [
        {"cell_id": one["id"], "source_hash": murmur2(one["source"].encode())} for one in content["cells"]
    ]
    wanted = {"document_id": f"json:notebook:{session['id']}", "cells": cells, "request_id": "second"}

    async def run() -> str:
        headers = {"Authorization": f"token {server.token}"}
        async with LinkClient(server.url.replace("http", "ws") + "link", headers, "batch.ipynb") as tab:
            late = asyncio.create_task(
                asyncio.to_thread(server.api, "POST", address, {**wanted, "previous_request_id": "first"})
            )
            first = await asyncio.to_thread(
                server.api, "POST", address, {**wanted, "cells": cells[:1], "request_id": "first"}
            )
            second = await late
            assert (first.status, first.json(), second.status, second.json()) == (200, None, 200, None)
            again = await asyncio.to_thread(server.api, "POST", address, wanted)
            assert again.status == 200
            await tab.wait_done(1)
            return tab.text(1)

    assert asyncio.run(run()) == "äää\n"
    assert server.api("GET", f"api/kernels/{session['kernel']['id']}/requests/second-1").status == 200

    other = server.api("POST", address, {**wanted, "cells": [cells[0], {**cells[1], "source_hash": "1"}]})
    assert (other.status, other.json()) == (409, {"error": "source_mismatch", "cell_id": cells[1]["cell_id"]})
    refused: list[dict[str, Any]] = [
        {**wanted, "cells": []},
        {**wanted, "cells": [{"cell_id": cells[0]["cell_id"]}]},
        {**wanted, "cells": [{"cell_id": "nosuch", "source_hash": "0"}]},
        {**wanted, "document_id": "json:notebook:nosuch"},
        {"cells": cells},
        {"document_id": wanted["document_id"]},
    ]
    for bad in refused:
        assert server.api("POST", address, bad).status == 400


async def test_jr7_one_that_never_came_is_not_waited_for_for_ever() -> None:
    batches = Batches(wait_s=0.01)
    with pytest.raises(TimeoutError):
        await batches.wait("never")
    batches.came("now")
    await batches.wait("now")


@pytest.mark.parametrize(("text", "digits"), [("", "0"), ("print(1)", "3626970123"), ("ä = 1", "482058924")])
def test_jr7_source_hash(text: str, digits: str) -> None:
    assert murmur2(text.encode()) == digits


def test_jr2_a_killed_server_loses_nothing_of_it(tmp_path: Path) -> None:
    with CarnetServer(tmp_path) as server:
        kernel_id = json.loads(server.request("POST", "/api/kernels", {})[1])["id"]
        code = "import time\nfor n in range(100): print(n, flush=True); time.sleep(0.02)"
        body = {"code": code, "request_id": "mine"}
        assert server.request("POST", f"/api/kernels/{kernel_id}/execute", body)[0] == 202
        server.restart(number=signal.SIGKILL)
        assert server.request("POST", f"/api/kernels/{kernel_id}/execute", body)[0] == 202
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            status, data = server.request("GET", f"/api/kernels/{kernel_id}/requests/mine")
            if status == 200:
                break
            time.sleep(0.05)
        [output] = json.loads(json.loads(data)["outputs"])
        assert output["text"].split() == [str(n) for n in range(100)]
