"""`/lab` over HTTP, with the JupyterLab that is installed (LB1, LB3 to LB6, LB8, LB10 to LB13, LB16)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest

from tests.server.serving import Server, serve

pytestmark = pytest.mark.slow

THEMES = "lab/api/settings/@jupyterlab/apputils-extension:themes"


def test_lb3_a_visitor_signs_in_and_comes_back(server: Server) -> None:
    answer = server.ask("GET", "lab/tree/a%20folder/n.ipynb")
    assert (answer.status, urljoin(f"{server.base}lab/tree/a%20folder/", answer.headers["Location"])) == (
        302,
        f"{server.base}login?next=%2Flab%2Ftree%2Fa%2520folder%2Fn.ipynb",
    )
    with_token = server.ask("GET", f"lab?token={server.token}")
    assert with_token.status == 302
    assert urljoin(server.base, with_token.headers["Location"]) == f"{server.base}lab"
    assert server.cookie_name in with_token.cookies()


def test_lb4_the_page_holds_no_token(server: Server) -> None:
    browser = server.sign_in()

    answer = browser.ask("GET", "lab/workspaces/mine/tree/a%20folder/n.ipynb")

    page = answer.body.decode()
    assert answer.status == 200
    assert server.token not in page
    found = re.search(r'id="jupyter-config-data" type="application/json">(.*?)</script>', page)
    assert found is not None
    config = json.loads(found[1])
    assert (config["token"], config["workspace"], config["treePath"]) == ("", "mine", "a folder/n.ipynb")
    assert config["serverRoot"] == str(server.notebook_dir)
    single = browser.ask("GET", "doc/tree/n.ipynb").body.decode()
    assert '"mode": "single-document"' in single


def test_lb5_the_policy(server: Server) -> None:
    answer = server.sign_in().ask("GET", "lab")

    policy = dict(
        part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";")
    )
    host = f"127.0.0.1:{server.port}{server.base}lab"
    scripts = policy.pop("script-src").split()
    assert re.fullmatch(r"'nonce-[\w-]{22}'", scripts[0])
    assert scripts[1:] == [f"{host}/static/", f"{host}/extensions/", "'unsafe-eval'"]
    assert policy["default-src"] == "'none'"
    assert policy["script-src-attr"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert not any("http" in value or "*" in value for value in policy.values())
    assert answer.headers["Cache-Control"] == "no-store"
    by_address = server.api("GET", "lab", headers={"Host": f"[::1]:{server.port}"})
    assert "'self' 'unsafe-eval'" in by_address.headers["Content-Security-Policy"]


def test_lb6_its_files_need_a_login_and_are_kept_by_the_browser(server: Server) -> None:
    page = server.sign_in().ask("GET", "lab").body.decode()
    [main] = re.findall(r'src="[^"]*/(lab/static/main\.[^"?]*)', page)

    assert server.ask("GET", main).status == 403
    answer = server.api("GET", main, headers={"Accept-Encoding": "gzip"})

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    tag = {"If-None-Match": answer.headers["Etag"], "Accept-Encoding": "gzip"}
    assert server.api("GET", main, headers=tag).status == 304
    for odd in ("index.html", "..%2f..%2fetc/passwd", "%2e%2e/schemas", "nope.js"):
        assert server.api("GET", f"lab/static/{odd}").status == 404, odd
    theme = server.api("GET", "lab/api/themes/@jupyterlab/theme-light-extension/index.css")
    assert (theme.status, theme.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert server.api("GET", "lab/extensions/jupyterlab_pygments/package.json").status == 200


def test_lb8_settings_are_kept(server: Server) -> None:
    everything = server.api("GET", "lab/api/settings").json()["settings"]
    names = server.api("GET", "lab/api/settings?ids_only=true").json()["settings"]
    assert [one["id"] for one in names] == [one["id"] for one in everything]
    assert {"id", "schema", "version", "raw", "settings"} <= set(everything[0])

    raw = '{"theme": "JupyterLab Dark" /* at night */}'
    assert server.api("PUT", THEMES, {"raw": raw}).status == 204
    assert server.api("GET", THEMES).json()["raw"] == raw
    assert server.api("PUT", THEMES, {"raw": '{"theme": 3}'}).status == 400
    assert server.api("PUT", THEMES, {"theme": 3}).status == 400
    assert server.api("GET", "lab/api/settings/nope:nope").status == 404


def test_lb10_workspaces_are_kept(server: Server) -> None:
    workspace = {"data": {"a": 1}, "metadata": {"id": "mine"}}
    assert server.api("PUT", "lab/api/workspaces/mine", workspace).status == 204
    assert server.api("GET", "lab/api/workspaces/mine").json()["data"] == {"a": 1}
    found = server.api("GET", "lab/api/workspaces/").json()["workspaces"]
    assert (found["ids"], found["values"][0]["data"]) == (["mine"], {"a": 1})
    assert server.api("DELETE", "lab/api/workspaces/mine").status == 204
    assert server.api("DELETE", "lab/api/workspaces/mine").status == 404


def test_lb11_lb12_lb13_the_rest_is_answered(server: Server) -> None:
    languages = server.api("GET", "lab/api/translations/").json()
    assert languages["data"]["en"] == {"displayName": "English", "nativeName": "English"}
    assert server.api("GET", "lab/api/translations/default").json() == {"data": {}, "message": ""}
    assert server.api("GET", "lab/api/translations/xx_YY").json()["message"] != ""
    bundles = server.api("GET", "lab/api/licenses").json()["bundles"]
    assert any(one["packages"] for one in bundles.values())
    (first, *_) = bundles
    assert set(server.api("GET", f"lab/api/licenses?bundles=no|{quote(first)}").json()["bundles"]) == {first}
    hostile = quote("((.*)*)*X")
    assert server.api("GET", f"lab/api/licenses?bundles={hostile}").json() == {"bundles": {}}
    listing = "lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json"
    assert server.api("GET", listing).json()["blocked_extensions"] == []
    assert server.api("GET", "lab/api/listings/other").status == 404
    assert server.api("GET", "lsp/status").json() == {"version": 2, "sessions": {}, "specs": {}}


def test_lb1_our_pages_know_of_it(server: Server) -> None:
    shell = server.sign_in().ask("GET", "tree").body.decode()
    assert '<meta name="carnet-extras" content="export lab terminals">' in shell


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in an environment without JupyterLab."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "hide").mkdir()
    (folder / "hide" / "sitecustomize.py").write_text("import sys\nsys.modules['jupyterlab'] = None\n")
    source = Path(__file__).parents[3] / "src"
    with serve(folder, env={"PYTHONPATH": f"{folder / 'hide'}:{source}"}) as running:
        yield running


def test_lb1_without_jupyterlab(without: Server) -> None:
    for path in ("lab", "lab/static/main.js", "lab/api/settings", "lab/api/workspaces/x", "lsp/status"):
        answer = without.api("GET", path)
        assert answer.status == 404, path
        assert b"pip install carnet[lab]" in answer.body, path


def test_lb1_switched_off(tmp_path: Path) -> None:
    with serve(tmp_path, "--NotebookApp.jupyterlab=False") as server:
        answer = server.api("GET", "lab/api/settings")
    assert answer.status == 404
    assert "NotebookApp.jupyterlab is False" in answer.json()["message"]
