"""The app's pages: guarded, under any base URL, and almost nothing on a warm load."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from tests.server.serving import Server


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tree",
        "tree/a%20b",
        "notebooks/a.ipynb",
        "edit/a.py",
        "view/b.png",
        "tree/..%2Fx",
        "tree/%3Cscript%3E",
    ],
)
def test_every_page_is_the_same_shell(server: Server, path: str) -> None:
    page = server.sign_in().ask("GET", path)

    assert page.status == 200
    assert b"carnet-base-url" in page.body
    assert b"script>alert" not in page.body


def test_pg2_scripts_need_the_nonce_of_this_response(server: Server) -> None:
    browser = server.sign_in()
    policies = [browser.ask("GET", "").headers["Content-Security-Policy"] for _ in range(2)]

    assert policies[0] != policies[1]
    for policy in policies:
        assert "'unsafe-inline'" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        assert "'unsafe-eval'" not in policy
        assert "frame-ancestors 'none'" in policy
        assert re.search(r"script-src 'nonce-[\w-]{22}' 'strict-dynamic'", policy)


def test_pg3_a_warm_load_is_less_than_one_kilobyte(server: Server) -> None:
    browser = server.sign_in()
    first = browser.ask("GET", "notebooks/a.ipynb")
    nonce = re.search(r"'nonce-([\w-]+)'", first.headers["Content-Security-Policy"])
    assert nonce is not None
    assert f'nonce="{nonce[1]}"' in first.body.decode()

    again = browser.ask("GET", "notebooks/a.ipynb", headers={"If-None-Match": first.headers["Etag"]})

    assert (again.status, again.body) == (304, b"")
    assert len(str(again.headers)) < 1000
    # The browser goes on with the policy it has stored beside the page: another nonce would not fit.
    assert "Content-Security-Policy" not in again.headers


def test_the_xsrf_cookie_of_jupyters_clients(server: Server) -> None:
    browser = server.sign_in()
    browser.cookies.pop("_xsrf")

    page = browser.ask("GET", "")

    assert browser.xsrf in page.body.decode()
    assert (
        browser.ask("POST", "api/contents", b'{"type":"directory"}', {"X-XSRFToken": browser.xsrf}).status
        == 201
    )


def test_the_frame_of_active_output_is_nobodys_origin(server: Server) -> None:
    browser = server.sign_in()
    strict, remote = browser.ask("GET", "output-frame"), browser.ask("GET", "output-frame?remote=1")

    for answer in (strict, remote):
        policy = answer.headers["Content-Security-Policy"]
        assert "allow-same-origin" not in policy
        assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "https:" not in strict.headers["Content-Security-Policy"]


def test_xs24_the_policy_of_a_drawings_frame_knows_the_script_that_stands_in_it(server: Server) -> None:
    answer = server.sign_in().ask("GET", "output-frame?drawing=1")
    found = re.search(rb"<script>(.*?)</script>", answer.body, re.DOTALL)
    assert found is not None
    expected = b64encode(sha256(found[1]).digest()).decode()

    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'; ")
    assert f"script-src 'sha256-{expected}' blob:; " in policy
    assert answer.body.count(b"<script") == 1
