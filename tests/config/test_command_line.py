"""The command line, as Jupyter users type it."""

import pytest

from carnet.config.command_line import read_command_line
from carnet.errors import ConfigError


def test_short_names_long_names_and_flags() -> None:
    given = read_command_line(
        [
            "--ip=*",
            "--port",
            "9999",
            "--no-browser",
            "--debug",
            "-y",
            "--NotebookApp.token=",
            "--ServerApp.root_dir=/srv/nb",
            "--FileNotebookManager.save_script=True",
            "--config=mine.py",
            "--profile=nbserver",
            "folder",
        ]
    )

    assert given.values == {
        "ip": "*",
        "port": 9999,
        "open_browser": False,
        "log_level": "DEBUG",
        "token": "",
        "notebook_dir": "/srv/nb",
    }
    assert given.other == [("FileNotebookManager", "save_script", "True")]
    assert given.files == {"config": "mine.py", "profile": "nbserver"}
    assert (given.yes, given.rest) == (True, ["folder"])


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--prot=1", "There is no option --prot. Did you mean --port? `carnet help` lists all."),
        ("--port=x", "--port: a whole number is wanted, but it is 'x'."),
        ("--port", "--port needs a value: --port=VALUE."),
        (
            "--NotebookApp.passwort=x",
            "--NotebookApp.passwort: NotebookApp has no setting 'passwort'. Did you mean --NotebookApp.password?",
        ),
        (
            "--no-browser=1",
            "--no-browser takes no value.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(argument: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_command_line([argument])
    assert str(caught.value) == sentence


def test_one_folder_at_most() -> None:
    with pytest.raises(ConfigError, match="at most"):
        read_command_line(["a", "b"])
