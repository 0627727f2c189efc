"""JupyterLab's page and its configuration (LB3, LB4, LB13)."""

import json
import re

from carnet.lab.folders import LabFolders
from carnet.lab.page import Visit, page_config, render
from tests.conftest import ExpectLog
from tests.lab.conftest import write

VISIT = Visit("/base/", "/home/ada", "default", "a/b.ipynb", is_single=False)


def test_lb3_the_page_is_the_template_with_our_icon_and_a_nonce(folders: LabFolders) -> None:
    html = render(folders, VISIT, "N0NCE").decode()

    assert html.count('<script nonce="N0NCE"') == html.count("<script")
    assert 'src="/base/lab/static/main.0123456789abcdef.js"' in html
    assert 'href="/base/favicon.ico"' in html
    assert "favicons/" not in html
    config = re.search(r'type="application/json">(.*?)</script>', html)
    assert config is not None
    assert json.loads(config[1]) == page_config(folders, VISIT)


def test_lb3_what_was_asked_for_is_in_the_configuration(folders: LabFolders) -> None:
    config = page_config(folders, VISIT._replace(workspace="mine", is_single=True))

    assert (config["workspace"], config["treePath"], config["mode"]) == (
        "mine",
        "a/b.ipynb",
        "single-document",
    )
    assert config["federated_extensions"] == [
        {"name": "plots", "load": "static/remoteEntry.js", "extension": "./extension", "entrypoints": None}
    ]


def test_lb3_a_path_cannot_break_out_of_the_page(folders: LabFolders) -> None:
    html = render(folders, VISIT._replace(tree_path="</script><script>alert(1)</script>.ipynb"), "N").decode()

    assert "alert(1)" in html
    assert "<script>alert" not in html
    assert "</script><script nonce" not in html.partition("<title>")[2].partition("{% block")[0][:400]


def test_lb4_files_may_switch_extensions_and_nothing_else(folders: LabFolders) -> None:
    labconfig = folders.config[0] / "labconfig" / "page_config.json"
    write(
        labconfig,
        {"disabledExtensions": {"plots": True, "kept": False}, "token": "evil", "fullStaticUrl": "//evil"},
    )

    config = page_config(folders, VISIT)

    assert "plots" in config["disabledExtensions"]
    assert "kept" not in config["disabledExtensions"]
    assert (config["token"], config["fullStaticUrl"]) == ("", "/base/lab/static")


def test_lb13_what_asks_other_hosts_stays_off(folders: LabFolders) -> None:
    labconfig = folders.config[0] / "labconfig" / "page_config.json"
    news = "@jupyterlab/apputils-extension:announcements"
    write(labconfig, {"disabledExtensions": {news: False}})

    assert news in page_config(folders, VISIT)["disabledExtensions"]


def test_lb18_each_page_has_a_name_before_jupyterlab_asks_for_anything(folders: LabFolders) -> None:
    html = render(folders, VISIT._replace(base_url="/a</script>b/"), "N").decode()

    script = html.partition('<script nonce="N">')[2].partition("</script>")[0]
    assert 'request.headers.set("X-Carnet-Tab", tab)' in script
    assert 'new URL("/a\\u003c/script>b/api/", location.href)' in script
    assert html.index("X-Carnet-Tab") < html.index("main.0123456789abcdef.js")


def test_lb21_an_extension_whose_server_part_is_not_here_stays_off_and_says_so(
    folders: LabFolders, expect_log: ExpectLog
) -> None:
    needs = {"discovery": {"server": {"managers": ["pip"], "base": {"name": "jupyterlab-git"}}}}
    package = {"name": "@jupyterlab/git", "jupyterlab": {**needs, "_build": {"load": "x.js"}}}
    write(folders.extensions[0] / "@jupyterlab" / "git" / "package.json", package)
    expect_log("@jupyterlab/git is not loaded: it needs jupyterlab-git in Jupyter's server")

    assert "@jupyterlab/git" in page_config(folders, VISIT)["disabledExtensions"]

    labconfig = folders.config[0] / "labconfig" / "page_config.json"
    write(labconfig, {"disabledExtensions": {"@jupyterlab/git": False}})
    assert "@jupyterlab/git" not in page_config(folders, VISIT)["disabledExtensions"]
