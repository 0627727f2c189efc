"""Pages of other origins, against real servers (AC40 to AC43)."""

from collections.abc import Iterator

import pytest
from tornado.httpclient import HTTPClientError

from tests.api.kernel_socket import KernelSocket
from tests.server.serving import Server, serve

pytestmark = pytest.mark.slow

LAB = "https://lab.example.org"


@pytest.fixture(scope="module")
def lax(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that one site's pages may use, with cookies."""
    options = (f"--NotebookApp.allow_origin={LAB}", "--NotebookApp.allow_credentials=True")
    with serve(tmp_path_factory.mktemp("cors"), *options) as server:
        yield server


def test_ac43_a_preflight_needs_no_login(lax: Server) -> None:
    asked = {"Origin": LAB, "Access-Control-Request-Method": "PATCH"}
    answer = lax.ask("OPTIONS", "api/contents/a.txt", headers=asked)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, LAB)
    assert (
        answer.headers["Access-Control-Allow-Headers"] == "accept, content-type, authorization, x-xsrftoken"
    )
    other = lax.ask("OPTIONS", "api/contents/a.txt", headers={**asked, "Origin": "https://evil.example"})
    assert other.status in {403, 405}
    assert other.headers["Access-Control-Allow-Origin"] is None


def test_ac41_who_is_allowed_still_signs_in(lax: Server) -> None:
    nobody = lax.ask("GET", "api/contents", headers={"Origin": LAB})
    assert (nobody.status, nobody.headers["Access-Control-Allow-Origin"]) == (403, LAB)
    token = {"Authorization": f"token {lax.token}", "Origin": LAB}
    made = lax.ask("POST", "api/contents", '{"type":"directory"}', token)
    assert (made.status, made.headers["Access-Control-Allow-Credentials"]) == (201, "true")
    cookie = {"Cookie": lax.sign_in().cookie_header(), "Origin": LAB}
    assert lax.ask("GET", "api/contents", headers=cookie).status == 200
    assert lax.ask("POST", "api/contents", "{}", cookie).status == 403
    assert lax.ask("GET", "api/contents", headers={**cookie, "Origin": "https://evil.example"}).status == 403


def test_ac42_a_token_opens_the_way_for_any_origin(server: Server) -> None:
    headers = {"Authorization": f"token {server.token}", "Origin": "https://any.where"}
    answer = server.ask("GET", "api/status", headers=headers)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://any.where")
    without = server.ask("GET", "api", headers={"Origin": "https://any.where"})
    assert without.headers["Access-Control-Allow-Origin"] is None


async def test_ac41_a_socket_of_an_allowed_origin(lax: Server) -> None:
    kernel_id = lax.api("POST", "api/kernels", {}).json()["id"]
    cookie = {"Cookie": lax.sign_in().cookie_header(), "Origin": LAB}
    kernel = await KernelSocket(lax, kernel_id).open(cookie)
    await kernel.run("1")
    await kernel.close()
    with pytest.raises(HTTPClientError):
        await KernelSocket(lax, kernel_id).open({**cookie, "Origin": "https://evil.example"})


def test_ac40_an_open_server_is_nobodys(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serve(tmp_path_factory.mktemp("open"), "--NotebookApp.allow_origin=*", token="") as server:
        asked = {"Origin": LAB, "Access-Control-Request-Method": "POST"}
        assert server.ask("OPTIONS", "api/contents", headers=asked).status in {403, 405}
        answer = server.ask("GET", "api/contents", headers={"Origin": LAB})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (403, None)
