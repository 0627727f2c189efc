"""JupyterLab's page: its own template, with a configuration that is ours. Rules LB3, LB4: docs/specs/lab.md."""

import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from carnet.lab.extensions import Extension, extensions, lacks_server, page_entries, read_json
from carnet.lab.folders import LabFolders

log = logging.getLogger("carnet.lab")

#: What configuration files may say; the rest is ours to say.
_FROM_FILES: Final = ("disabledExtensions", "deferredExtensions", "lockedExtensions")

#: News come from another host; extensions are not installed or switched from here; JavaScript outputs would be given to `eval`,
#: which the page's policy must allow (LB5).
_NOT_HERE: Final = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/javascript-extension",
    "@jupyterlab/pluginmanager-extension",
)

#: Its favicons are files of Jupyter's server. Ours stands for them, busy or not.
_TEMPLATE: Final = (
    '{% extends "index.html" %}{% block favicon %}'
    '<link rel="icon" type="image/x-icon" href="{{ base_url | escape }}favicon.ico" class="idle favicon">'
    '<link rel="" type="image/x-icon" href="{{ base_url | escape }}favicon.ico" class="busy favicon">'
    "{% endblock %}"
)

#: Each page that is loaded has a name of its own, and says it with what it asks of documents (LB18).
_TAB: Final = """<script>
(function () {
  var bytes = crypto.getRandomValues(new Uint8Array(12));
  var tab = Array.from(bytes, function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
  var api = new URL(%s, location.href).href;
  var fetch = window.fetch;
  window.fetch = function (input, init) {
    var request = new Request(input, init);
    if (request.url.indexOf(api) === 0) { request.headers.set("X-Carnet-Tab", tab); }
    return fetch.call(window, request);
  };
})();
</script>"""

_SCRIPT: Final = re.compile(r"<script(?=[\s>])")


class Visit(NamedTuple):
    """Which page is wanted, and of which server."""

    base_url: str
    """With a slash at both ends."""
    root: str
    """The folder that is served, as this machine names it; empty: there is none."""
    workspace: str
    tree_path: str
    is_single: bool
    """One document and nothing beside it: `/doc`."""
    has_terminals: bool = True


def render(folders: LabFolders, visit: Visit, nonce: str) -> bytes:
    """Return the page."""
    from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader

    loader = ChoiceLoader(
        [DictLoader({"page.html": _TEMPLATE}), FileSystemLoader(folders.app / "static", encoding="utf-8")]
    )
    template = Environment(loader=loader, autoescape=False).get_template("page.html")
    html = template.render(
        page_config=page_config(folders, visit), base_url=visit.base_url, ws_url="", custom_css=False
    )
    html = html.replace("<head>", "<head>" + _TAB % _script_string(f"{visit.base_url}api/"), 1)
    return _SCRIPT.sub(f'<script nonce="{nonce}"', html).encode()


def _script_string(text: str) -> str:
    """Return a string of JavaScript that may stand in a page."""
    return json.dumps(text).replace("<", "\\u003c")


def page_config(folders: LabFolders, visit: Visit) -> dict[str, Any]:
    """Return what the page is told. No token: it has the cookie of whoever opened it."""
    base = visit.base_url
    found = extensions(folders)
    return {
        **_from_files(folders, found),
        "federated_extensions": page_entries(found),
        "appName": "JupyterLab",
        "appNamespace": "lab",
        "appUrl": "/lab",
        "appVersion": folders.version,
        "baseUrl": base,
        "wsUrl": "",
        "token": "",
        "fullAppUrl": f"{base}lab",
        "fullLabextensionsUrl": f"{base}lab/extensions",
        "fullLicensesUrl": f"{base}lab/api/licenses",
        "fullListingsUrl": f"{base}lab/api/listings",
        "fullMathjaxUrl": "",
        "fullSettingsUrl": f"{base}lab/api/settings",
        "fullStaticUrl": f"{base}lab/static",
        "fullThemesUrl": f"{base}lab/api/themes",
        "fullTranslationsApiUrl": f"{base}lab/api/translations",
        "fullTreeUrl": f"{base}lab/tree",
        "fullWorkspacesApiUrl": f"{base}lab/api/workspaces",
        "labextensionsUrl": "/lab/extensions",
        "licensesUrl": "/lab/api/licenses",
        "listingsUrl": "/lab/api/listings",
        "mathjaxConfig": "",
        "settingsUrl": "/lab/api/settings",
        "themesUrl": "/lab/api/themes",
        "translationsApiUrl": "/lab/api/translations",
        "treeUrl": "/lab/tree",
        "workspacesApiUrl": "/lab/api/workspaces",
        # Nothing is built, installed or asked of other hosts.
        "buildAvailable": False,
        "buildCheck": False,
        "extensionManager": {"name": "read-only", "can_install": False, "install_path": None},
        "news": {"disabled": True},
        "devMode": False,
        "exposeAppInBrowser": False,
        "ignorePlugins": [],
        "cacheFiles": True,
        "copyAbsolutePath": False,
        "delete_to_trash": True,
        "allow_hidden_files": False,
        "notebookStartsKernel": True,
        "notebookVersion": "[2, 17, 0]",
        "preferredPath": "/",
        "quitButton": True,
        "terminalsAvailable": visit.has_terminals,
        "serverRoot": visit.root,
        "rootUri": f"file://{visit.root}" if visit.root else "",
        "mode": "single-document" if visit.is_single else "multiple-document",
        "workspace": visit.workspace,
        "treePath": visit.tree_path,
        "store_id": 0,
    }


@cache
def _say_once(name: str, needs: str) -> None:
    log.warning(
        "JupyterLab's extension %s is not loaded: it needs %s in Jupyter's server, and Carnet runs no server extensions. "
        'To load it all the same: labconfig/page_config.json with {"disabledExtensions": {"%s": false}}',
        name,
        needs,
        name,
    )


def _from_files(folders: LabFolders, found: Mapping[str, Extension]) -> dict[str, list[str]]:
    """Return what page_config.json and labconfig/page_config.json say, the user's over the environment's."""
    merged: dict[str, dict[str, bool]] = {key: {} for key in _FROM_FILES}
    files = [folders.app / "settings" / "page_config.json"]
    files += [folder / "labconfig" / "page_config.json" for folder in reversed(folders.config)]
    for path in files:
        said = read_json(path)
        for key in _FROM_FILES:
            value = said.get(key)
            if isinstance(value, list):
                merged[key] |= dict.fromkeys(map(str, value), True)
            elif isinstance(value, dict):
                merged[key] |= {str(name): bool(on) for name, on in value.items()}
    off = merged["disabledExtensions"]
    for one in found.values():
        needs = lacks_server(one)
        # Its half here would say at each start that the other one is not installed, which it is.
        if needs and off.setdefault(one.name, True):
            _say_once(one.name, needs)
    off |= dict.fromkeys(_NOT_HERE, True)
    for one in found.values():
        others = one.lab.get("disabledExtensions")
        if isinstance(others, list) and off.get(one.name) is not True:
            for other in others:
                off.setdefault(str(other), True)
    return {key: sorted(name for name, on in names.items() if on) for key, names in merged.items()}
