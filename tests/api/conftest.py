"""One server for the tests of Jupyter's API, and a kernel they share."""

from collections.abc import Iterator

import pytest

from tests.api.kernel_socket import PATIENCE_S, KernelSocket
from tests.server.serving import Server, serve

__all__ = ["PATIENCE_S", "KernelSocket"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server at a base URL that is not the root."""
    with serve(tmp_path_factory.mktemp("api"), "--base-url=/base") as running:
        yield running


@pytest.fixture(scope="session")
def kernel_id(server: Server) -> str:
    """A kernel that belongs to no notebook. It must be left running and idle."""
    made = server.api("POST", "api/kernels", {"name": "python3"})
    assert made.status == 201, made.body
    kernel_id: str = made.json()["id"]
    return kernel_id
