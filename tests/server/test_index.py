"""The shell: what the server puts into Vite's index.html."""

import json
import os
from pathlib import Path

import pytest

from carnet.server.index import PageNotBuilt, Shell

HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Carnet</title>
<script type="module" crossorigin src="./assets/index-abc12345.js"></script>
<link rel="stylesheet" crossorigin href="./assets/index-abc12345.css">
</head><body><div id="app"></div></body></html>"""


def built(folder: Path) -> Path:
    (folder / "index.html").write_text(HTML)
    pages = {
        "notebook": {
            "scripts": ["assets/index-abc12345.js", "assets/nb-abc12345.js"],
            "styles": ["assets/nb-1.css"],
        }
    }
    (folder / "preload.json").write_text(json.dumps(pages))
    return folder


def test_pg1_addresses_are_below_the_base_url(tmp_path: Path) -> None:
    page = (
        Shell("/a/b/", "/a/b/static/", built(tmp_path))
        .document("")
        .render(nonce="N", xsrf='"><script>', user='@nonce@"<', base="/a/b/")
        .decode()
    )

    assert 'src="/a/b/static/assets/index-abc12345.js"' in page
    assert 'href="/a/b/static/assets/index-abc12345.css"' in page
    assert '<meta name="carnet-base-url" content="/a/b/">' in page
    assert '<meta name="carnet-xsrf" content="&quot;&gt;&lt;script&gt;">' in page
    assert "./" not in page


def test_pg1_what_is_installed_is_said(tmp_path: Path) -> None:
    shell = Shell("/", "/static/", built(tmp_path), {"lab", "export"})

    assert '<meta name="carnet-extras" content="export lab">' in shell.document("").html


def test_pg2_each_script_and_style_has_the_nonce(tmp_path: Path) -> None:
    page = (
        Shell("/", "/static/", built(tmp_path))
        .document("notebook")
        .render(nonce="N0NCE", xsrf="x", user="ada", base="../")
        .decode()
    )

    assert page.count('nonce="N0NCE"') == page.count("<script") + page.count("<link") + 1
    assert '<meta property="csp-nonce" nonce="N0NCE">' in page
    assert "@nonce@" not in page


def test_pg4_what_a_page_needs_at_once_is_named(tmp_path: Path) -> None:
    shell = Shell("/", "/static/", built(tmp_path))
    notebook, other = shell.document("notebook").html, shell.document("file").html

    assert 'rel="modulepreload" href="@base@static/assets/nb-abc12345.js"' in notebook
    assert 'rel="stylesheet" href="@base@static/assets/nb-1.css"' in notebook
    assert notebook.count("index-abc12345.js") == 1, "what index.html names itself is not named twice"
    assert "nb-" not in other


def test_pg5_a_new_build_is_noticed(tmp_path: Path) -> None:
    shell = Shell("/", "/static/", built(tmp_path))
    before = shell.document("")
    path = tmp_path / "index.html"
    path.write_text(HTML.replace("Carnet", "Carnet two"))
    os.utime(path, ns=(1, 1))

    after = shell.document("")

    assert "Carnet two" in after.html
    assert before.etag(xsrf="x", user="ada") != after.etag(xsrf="x", user="ada")
    assert after.etag(xsrf="x", user="ada") != after.etag(xsrf="y", user="ada")


def test_no_page_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(PageNotBuilt, match=r"hatch_build\.py"):
        Shell("/", "/static/", tmp_path).document("")


def test_pg7_addresses_are_relative_where_the_page_wants_them_so(tmp_path: Path) -> None:
    document = Shell("/", "/static/", built(tmp_path)).document("notebook")
    page = document.render(nonce="n", xsrf="x", user="ada", base="../../").decode()

    assert '<meta name="carnet-base-url" content="../../">' in page
    assert 'src="../../static/' in page
    assert '"/static/' not in page


def test_pg7_but_not_what_the_owner_serves_elsewhere(tmp_path: Path) -> None:
    document = Shell("/a/", "/elsewhere/", built(tmp_path)).document("notebook")
    page = document.render(nonce="n", xsrf="x", user="ada", base="/a/").decode()

    assert 'src="/elsewhere/' in page
