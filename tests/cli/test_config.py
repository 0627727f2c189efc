"""`carnet config`."""

import json

from tests.cli.conftest import Home, lines_of


def test_what_is_set_comes_first_with_its_source(home: Home) -> None:
    home.run("profile", "create", "x")
    path = home.folder / "ipython/profile_x/ipython_notebook_config.py"
    path.write_text(
        "c.NotebookApp.port = 9999\nc.IPKernelApp.pylab = 'inline'\nc.NotebookApp.token = 'hush'\n"
    )

    done = home.run("config", "--profile=x", "--no-browser")

    lines = lines_of(done.out)
    assert lines[0] == "open_browser False command line"
    assert f"port 9999 {path}, line 1" in lines
    assert "IPKernelApp.pylab 'inline'" in lines
    assert lines[-1] == f"Files read: {path}."
    assert "hush" not in done.out


def test_one_setting_as_json(home: Home) -> None:
    done = home.run("config", "port", "--json", "--port=1")

    assert json.loads(done.out) == {"name": "port", "value": 1, "source": "command line"}


def test_a_name_that_is_none(home: Home) -> None:
    done = home.run("config", "prot")

    assert (done.code, done.err) == (1, "carnet: There is no setting 'prot'. Did you mean port?\n")
