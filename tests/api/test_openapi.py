"""The API's description: whole, valid, and true of a running server (JA4)."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carnet.server.openapi import DESCRIBED, OPERATIONS, openapi
from carnet.server.routes import ROUTES
from tests.api.installed import CLIENTS, openapi_tools
from tests.server.serving import Server, serve
from tests.support.files import code_notebook

EXAMPLES = 4
"""Of each operation, besides those at the edges of what is described."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi(ROUTES, "/base/")


def test_ja4_every_operation_says_what_goes_in_and_out() -> None:
    described = {
        (route.handler, method)
        for route in ROUTES
        if route.kind in DESCRIBED
        for method in route.methods.split()
        if method != "HEAD"
    }
    assert described == set(OPERATIONS), "say it in src/carnet/server/openapi.py"


def test_ja4_what_is_described(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert (document["openapi"], document["servers"]) == ("3.1.0", [{"url": "/base"}])
    assert not [address for address in paths if set("(?\\") & set(address) or "//" in address]
    assert set(paths["/api/kernels/{id}"]) == {"parameters", "get", "delete"}
    assert paths["/api/contents/{path}"]["patch"]["x-scope"] == "edit"
    assert set(paths["/api/contents"]) >= {"get", "post", "put"}
    post = paths["/api/kernels"]["post"]
    assert post["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/KernelWanted"
    }
    assert {"201", "400", "403", "404", "405", "413", "415", "429", "502", "503"} == set(post["responses"])
    assert paths["/api"]["get"]["security"] == []
    assert {"/lab/api/translations", "/lab/api/translations/{id}"} <= set(paths)
    assert set(document["components"]["securitySchemes"]) == {"header", "query", "cookie"}
    names = [
        operation["operationId"]
        for item in paths.values()
        for word, operation in item.items()
        if word != "parameters"
    ]
    assert len(names) == len(set(names))
    assert all(
        operation["summary"]
        for item in paths.values()
        for word, operation in item.items()
        if word != "parameters"
    )


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that may be filled with anything."""
    with serve(tmp_path, "--base-url=/base") as server:
        (server.notebook_dir / "a.ipynb").write_text(json.dumps(code_notebook(["1"])))
        yield server


@pytest.mark.slow
def test_ja4_it_is_valid(own: Server, tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_bytes(own.api("GET", "api/spec.yaml").body)
    done = subprocess.run(
        [openapi_tools(), "-m", "openapi_spec_validator", "--schema", "3.1", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ja4_it_is_true_of_a_running_server(own: Server, tmp_path: Path) -> None:
    """schemathesis asks what is described, and some that is not; left out is what ends the server, what waits on purpose, and the page's own link."""
    command = [
        str(openapi_tools()),
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        f"--config-file={CLIENTS / 'schemathesis.toml'}",
        "run",
        f"{own.url}api/spec.yaml",
        f"--header=Authorization: token {own.token}",
        "--exclude-path=/api/shutdown",
        "--exclude-path-regex=^/link|^/api/doctor/stream",
        "--phases=examples,coverage,fuzzing",
        f"--max-examples={EXAMPLES}",
        "--generation-deterministic",
        "--workers=1",  # with two threads, Python 3.11 may fail in `ast.parse`, which Hypothesis calls
        "--request-timeout=60",
        "--warnings=off",
        f"--checks={','.join(CHECKS)}",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout[-6000:] + own.output()[-2000:]
    assert "passed" in done.stdout
