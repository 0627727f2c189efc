"""What ends the server: it goes, and kernels go on."""

import json
from pathlib import Path

import pytest

from tests.support.server import CarnetServer

pytestmark = pytest.mark.slow


def test_a_program_may_end_the_server(tmp_path: Path) -> None:
    with CarnetServer(tmp_path) as server:
        status, body = server.request("POST", "/api/kernels", {})
        assert status == 201
        assert server.request("POST", "/api/shutdown")[0] == 204
        assert server.process is not None
        assert server.process.wait(30) == 0
        server.restart()
        [kernel] = json.loads(server.request("GET", "/api/kernels")[1])
        assert kernel["id"] == json.loads(body)["id"]
