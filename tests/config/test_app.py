"""Configuration files: the original's own, and every mistake with file, line and text."""

from pathlib import Path
from textwrap import dedent

import pytest

from carnet.config.app import NotebookApp, other_config, read_files
from carnet.config.settings import NAMES
from carnet.errors import ConfigError

#: As the original document has it, but for the hash, which it leaves to the reader.
ORIGINAL = """\
     c = get_config()

     # Kernel config
     c.IPKernelApp.pylab = 'inline'  # if you want plotting support always

     # Notebook config
     c.NotebookApp.certfile = u'/absolute/path/to/your/certificate/mycert.pem'
     c.NotebookApp.ip = '*'
     c.NotebookApp.open_browser = False
     c.NotebookApp.password = u'sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed'
     # It is a good idea to put it on a known, fixed port
     c.NotebookApp.port = 9999
"""


def written(folder: Path, text: str, name: str = "ipython_notebook_config.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_s16_to_s21_the_file_of_the_original(tmp_path: Path) -> None:
    found = read_files([written(tmp_path, dedent(ORIGINAL))])

    assert found.values == {
        "certfile": "/absolute/path/to/your/certificate/mycert.pem",
        "ip": "*",
        "open_browser": False,
        "password": "sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed",
        "port": 9999,
    }
    assert found.other == {"IPKernelApp": {"pylab": "inline"}}
    assert found.sources["port"].endswith("ipython_notebook_config.py, line 12")


def test_s25_the_prefix_of_the_original(tmp_path: Path) -> None:
    text = "c.NotebookApp.base_url = '/ipython/'\nc.NotebookApp.webapp_settings = {'static_url_prefix':'/ipython/static/'}\n"

    assert read_files([written(tmp_path, text)]).values == {
        "base_url": "/ipython/",
        "webapp_settings": {"static_url_prefix": "/ipython/static/"},
    }


def test_later_files_win_and_lists_can_be_added_to(tmp_path: Path) -> None:
    first = written(tmp_path, "c.NotebookApp.port = 1\nc.NotebookApp.ip = 'a'\n", "a.py")
    second = written(tmp_path, "c.ServerApp.port = 2\nc.NotebookApp.local_hostnames.append('mine')\n", "b.py")
    third = written(tmp_path, '{"ServerApp": {"root_dir": "/srv"}}', "c.json")

    assert read_files([first, second, third]).values == {
        "port": 2,
        "ip": "a",
        "local_hostnames": ["localhost", "mine"],
        "notebook_dir": "/srv",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        # S7: the line break of the original is a typesetting slip, and no valid Python.
        (
            "c = get_config()\nc.NotebookApp.password = \nu'sha1:67'\n",
            "line 2: invalid syntax: c.NotebookApp.password =  (the value has to begin on the same line)",
        ),
        (
            "\nc.NotebookApp.prot = 1\n",
            "line 2: NotebookApp.prot is not a setting; did you mean port? The line is: c.NotebookApp.prot = 1",
        ),
        (
            "c.NotebookApp.port = '9999'\n",
            "line 1: NotebookApp.port cannot be '9999': expected an int, not the str '9999'.. The line is: c.NotebookApp.port = '9999'",
        ),
        (
            "c.NotebookApp.password = None\n",
            "line 1: NotebookApp.password cannot be None: expected a unicode string, not the NoneType None.. The line is: c.NotebookApp.password = None",
        ),
        (
            "import nothing_like_this\n",
            "line 1: ModuleNotFoundError: No module named 'nothing_like_this': import nothing_like_this",
        ),
        ("x = 1\ny = x / 0\n", "line 2: ZeroDivisionError: division by zero: y = x / 0"),
        (
            "def f():\n    return undefined\nf()\n",
            "line 2: NameError: name 'undefined' is not defined: return undefined",
        ),
    ],
)
def test_s7_a_mistake_stops_the_start_with_file_line_and_text(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        read_files([path])

    assert str(caught.value).replace("..", ".") == f"{path}, {sentence}".replace("..", ".")


def test_s7_json_too(tmp_path: Path) -> None:
    path = written(tmp_path, '{"ServerApp": {\n"port": 1,}}', "jupyter_server_config.json")

    with pytest.raises(ConfigError, match=r"line 2: this is not valid JSON"):
        read_files([path])


def test_a_mistake_in_a_file_that_the_file_loads(tmp_path: Path) -> None:
    written(tmp_path, "c.NotebookApp.port = = 1\n", "inner.py")
    path = written(tmp_path, "load_subconfig('inner.py')\n")

    with pytest.raises(ConfigError, match=r"inner\.py, line 1: invalid syntax"):
        read_files([path])


def test_the_class_has_every_setting() -> None:
    assert set(NotebookApp.class_trait_names(config=True)) >= NAMES


def test_other_classes_get_what_the_command_line_says(tmp_path: Path) -> None:
    found = read_files([written(tmp_path, "c.FileNotebookManager.save_script = False\n")])

    config = other_config(found.other, [("FileNotebookManager", "save_script", "True")])

    assert str(config.FileNotebookManager.save_script) == "True"


@pytest.mark.parametrize(("name", "meant"), [("NotebokApp", "NotebookApp"), ("ServerAp", "ServerApp")])
def test_s7_a_class_that_was_surely_meant_to_be_ours_is_a_mistake(
    tmp_path: Path, name: str, meant: str
) -> None:
    """Else a password set on it would be passed over."""
    path = tmp_path / "a_config.py"
    path.write_text(f"c = get_config()\nc.{name}.password = 'x'\n")

    with pytest.raises(ConfigError, match=rf"line 2: {name} is not a class of ours; did you mean {meant}\?"):
        read_files([path])
