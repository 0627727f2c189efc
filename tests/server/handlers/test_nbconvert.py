"""`/nbconvert` over HTTP, with the real nbconvert (NC1, NC2, NC5, NC8)."""

import http.client
import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil brings no types
import pytest

from tests.convert.test_converter import PICTURE, a_notebook, code
from tests.server.serving import Server, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook(server: Server) -> str:
    """A notebook with a name that is to be escaped."""
    (server.notebook_dir / "a folder").mkdir()
    (server.notebook_dir / "a folder" / "día 1.ipynb").write_bytes(a_notebook(code("6 * 7")))
    return "a%20folder/d%C3%ADa%201.ipynb"


def test_nc1_a_notebook_as_html(server: Server, notebook: str) -> None:
    got = server.api("GET", f"nbconvert/html/{notebook}")

    assert (got.status, got.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<title>día 1</title>" in got.body.decode()
    assert got.headers["Content-Disposition"].startswith("inline")


def test_nc5_a_result_has_no_origin(server: Server, notebook: str) -> None:
    got = server.api("GET", f"nbconvert/html/{notebook}")

    policy = [part.strip() for part in got.headers["Content-Security-Policy"].split(";")]
    assert policy[0] == "sandbox allow-scripts"
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert "allow-same-origin" not in got.headers["Content-Security-Policy"]
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["X-Frame-Options"] == "DENY"
    assert got.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("word", ["1", "true"])
def test_nc1_as_a_download(server: Server, notebook: str, word: str) -> None:
    got = server.api("GET", f"nbconvert/script/{notebook}?download={word}")

    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"] == (
        "attachment; filename=\"d_a 1.py\"; filename*=UTF-8''d%C3%ADa%201.py"
    )
    assert got.body == b"6 * 7\n"


def test_nc5_a_script_is_never_shown_as_one(server: Server) -> None:
    language = {"name": "javascript", "file_extension": ".js", "mimetype": "text/javascript"}
    evil = {"cells": [code("alert(1)")], "metadata": {"language_info": language}, "nbformat": 4}
    (server.notebook_dir / "evil.ipynb").write_text(json.dumps({**evil, "nbformat_minor": 5}))

    got = server.api("GET", "nbconvert/script/evil.ipynb")

    assert (got.status, got.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert b"alert(1)" in got.body


def test_nc1_what_is_not_a_notebook_leads_to_the_file(server: Server) -> None:
    got = server.api("GET", "nbconvert/html/a%20folder/a.txt")
    assert (got.status, got.headers["Location"]) == (302, "../../../files/a%20folder/a.txt")
    assert server.api("GET", "nbconvert/html/nowhere.ipynb").status == 404


def test_nc1_a_notebook_that_is_sent(server: Server) -> None:
    picture = {"output_type": "display_data", "data": {"image/png": PICTURE}, "metadata": {}}
    model = {"name": "sent.ipynb", "content": json.loads(a_notebook(code("plot()", picture)))}

    got = server.api("POST", "nbconvert/markdown", model)

    assert (got.status, got.headers["Content-Type"]) == (200, "application/octet-stream")
    assert "sent.zip" in got.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
        assert "sent.md" in archive.namelist()


@pytest.mark.parametrize(
    ("model", "status"),
    [({}, 400), ({"content": 3}, 400), ({"content": {}}, 422), ({"content": {}, "name": "a/b"}, 400)],
)
def test_nc1_what_is_sent_is_no_notebook(server: Server, model: object, status: int) -> None:
    assert server.api("POST", "nbconvert/html", model).status == status


def test_nc2_the_formats(server: Server) -> None:
    got = server.api("GET", "api/nbconvert")

    assert got.status == 200
    assert got.json()["html"] == {"output_mimetype": "text/html"}


def test_nc7_a_format_that_is_not_there(server: Server, notebook: str) -> None:
    got = server.api("GET", f"nbconvert/webpdf/{notebook}")

    assert got.status == 404
    assert got.json()["message"].startswith("There is no format 'webpdf'.")


def test_nc4_a_client_that_goes_takes_the_process_along(server: Server, notebook: str) -> None:
    ours = psutil.Process(server.process.pid)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request(
        "GET", f"{server.base}nbconvert/html/{notebook}", headers={"Authorization": f"token {server.token}"}
    )
    child = converting(ours)

    connection.close()

    child.wait(20)


def converting(server: psutil.Process) -> psutil.Process:
    """Return the process that converts, once it is there."""
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        for child in server.children():
            if "carnet.convert.child" in " ".join(child.cmdline()):
                return child
    raise AssertionError("nothing converts")


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in an environment without nbconvert."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "hide").mkdir()
    (folder / "hide" / "sitecustomize.py").write_text("import sys\nsys.modules['nbconvert'] = None\n")
    source = Path(__file__).parents[3] / "src"
    with serve(folder, env={"PYTHONPATH": f"{folder / 'hide'}:{source}"}) as running:
        (running.notebook_dir / "n.ipynb").write_bytes(a_notebook(code("6 * 7")))
        yield running


def test_nc8_without_nbconvert(without: Server) -> None:
    assert without.api("GET", "api/nbconvert").json() == {
        "notebook": {"output_mimetype": "application/json"},
        "script": {"output_mimetype": "text/plain"},
    }
    script = without.api("GET", "nbconvert/script/n.ipynb?download=1")
    assert script.body == b"# From n.ipynb\n\n# In[1]:\n\n6 * 7\n"
    assert 'filename="n.py"' in script.headers["Content-Disposition"]
    assert json.loads(without.api("GET", "nbconvert/notebook/n.ipynb").body)["cells"][0]["source"] == "6 * 7"

    html = without.api("GET", "nbconvert/html/n.ipynb")

    assert html.status == 501
    assert html.json()["message"] == (
        "This server cannot make html: nbconvert is not installed. `pip install carnet[export]` brings it."
    )
