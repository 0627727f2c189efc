"""One server for each test module that wants one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.serving import Server, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the module's own, at a base URL that is not the root."""
    folder: Path = tmp_path_factory.mktemp("server")
    with serve(folder, "--base-url=/some/where") as running:
        yield running
