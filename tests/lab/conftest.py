"""A small JupyterLab: the files that count of one, in an environment of its own."""

import json
from pathlib import Path

import pytest

from carnet.lab.folders import LabFolders

INDEX = """<!doctype html><html><head><title>JupyterLab</title>
<script id="jupyter-config-data" type="application/json">{{ page_config | tojson }}</script>
{% block favicon %}<link rel="icon" href="{{ base_url | escape }}static/favicons/favicon.ico">{% endblock %}
<script defer src="{{page_config.fullStaticUrl}}/main.0123456789abcdef.js"></script></head>
<body><script>/* inline */</script></body></html>"""


def write(path: Path, value: object) -> None:
    """Write a file, text as it is and all else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


@pytest.fixture
def folders(tmp_path: Path) -> LabFolders:
    """The files."""
    app, extensions, config = tmp_path / "lab", tmp_path / "labextensions", tmp_path / "config"
    write(app / "static" / "index.html", INDEX)
    write(app / "static" / "main.0123456789abcdef.js", "main()")
    write(app / "static" / "package.json", {"name": "@jupyterlab/application-top"})
    write(app / "static" / "third-party-licenses.json", {"packages": [{"name": "lumino"}]})
    write(app / "themes" / "@jupyterlab" / "light" / "index.css", "a {}")
    write(
        app / "schemas" / "@jupyterlab" / "apps" / "themes.json",
        {
            "type": "object",
            "properties": {"theme": {"type": "string", "default": "light"}},
            "additionalProperties": False,
        },
    )
    write(app / "schemas" / "@jupyterlab" / "apps" / "package.json.orig", {"version": "4.6.0"})
    build = {"load": "static/remoteEntry.js", "extension": "./extension"}
    write(
        extensions / "plots" / "package.json",
        {"name": "plots", "version": "1", "jupyterlab": {"_build": build}},
    )
    write(extensions / "plots" / "static" / "remoteEntry.js", "plots()")
    write(extensions / "plots" / "schemas" / "plots" / "main.json", {"properties": {}})
    write(extensions / "plots" / "themes" / "plots" / "index.css", "b {}")
    write(extensions / "@me" / "unbuilt" / "package.json", {"name": "@me/unbuilt"})
    return LabFolders("4.6.0", app, (extensions,), (config,))
