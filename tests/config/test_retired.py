"""Settings of 2014 that mean nothing here are told, and end the start only where the server would be less protected."""

from pathlib import Path

import pytest

from carnet.config.load import Loaded, load
from carnet.config.names import NOT_THERE, manager_class_of
from carnet.config.retired import NOTES, STOPS, said_of
from carnet.config.settings import NAMES, Settings
from carnet.errors import ConfigError


def loaded(folder: Path, text: str = "", *arguments: str) -> Loaded:
    path = folder / "carnet_config.py"
    path.write_text(text)
    return load(arguments, {"CARNET_CONFIG_DIR": str(folder), "IPYTHONDIR": str(folder)}, folder)


@pytest.mark.parametrize(
    "name", ["mathjax_url", "enable_mathjax", "nbextensions_path", "cookie_secret", "websocket_url"]
)
def test_each_of_the_originals_other_settings_gets_one_sentence(tmp_path: Path, name: str) -> None:
    found = loaded(tmp_path, f"c.NotebookApp.{name} = 'x'\n")

    (note,) = found.notes
    assert note.startswith(f"{tmp_path / 'carnet_config.py'}, line 1: NotebookApp.{name} does nothing: ")
    assert note.endswith(".")


def test_on_the_command_line_too(tmp_path: Path) -> None:
    found = loaded(tmp_path, "", "--no-mathjax", "--NotebookApp.cookie_secret=x", "--port=9999")

    assert [note.partition(":")[0] for note in found.notes] == [
        "--no-mathjax does nothing",
        "--NotebookApp.cookie_secret does nothing",
    ]
    assert found.settings.port == 9999


@pytest.mark.parametrize("name", sorted(STOPS))
def test_what_protected_the_server_ends_the_start(tmp_path: Path, name: str) -> None:
    harmless, _ = STOPS[name]
    assert len(loaded(tmp_path, f"c.ServerApp.{name} = {harmless!r}\n").notes) == 1

    other = not harmless if isinstance(harmless, bool) else "x"
    with pytest.raises(
        ConfigError, match=rf"line 1: ServerApp\.{name} is not there: .* does not start without"
    ):
        loaded(tmp_path, f"c.ServerApp.{name} = {other!r}\n")
    with pytest.raises(ConfigError, match=rf"--ServerApp\.{name} is not there: "):
        loaded(tmp_path, "", f"--ServerApp.{name}={other}")


def test_no_setting_is_both_there_and_not() -> None:
    assert NAMES & {*NOTES, *STOPS} == set()
    assert set(NOTES) & set(STOPS) == set()
    assert said_of("port", 1) is None


def test_an_unknown_setting_is_a_mistake_still(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean password"):
        loaded(tmp_path, "c.NotebookApp.passwort = 'x'\n")


def test_s27_options_of_2014_for_files_and_kernels(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "c.LargeFileManager.delete_to_trash = False\n", "--script", "--pylab=inline", "--matplotlib"
    )

    assert found.other is not None
    assert found.other.FileNotebookManager.delete_to_trash is False
    given = [(name, trait, str(found.other[name][trait])) for name, trait, _ in found.given.other]
    assert given == [
        ("FileNotebookManager", "save_script", "True"),
        ("IPKernelApp", "pylab", "inline"),
        ("IPKernelApp", "matplotlib", "auto"),
    ]


@pytest.mark.parametrize(
    "named",
    [
        "IPython.html.services.notebooks.filenbmanager.FileNotebookManager",
        "jupyter_server.services.contents.largefilemanager.AsyncLargeFileManager",
    ],
)
def test_s27_managers_of_files_by_their_old_names_are_ours(tmp_path: Path, named: str) -> None:
    found = loaded(tmp_path, f"c.NotebookApp.notebook_manager_class = {named!r}\n")

    assert found.settings.notebook_manager_class == Settings.notebook_manager_class


@pytest.mark.parametrize("name", ["swift.KeystoneNotebookManager", "cloudfiles.CloudFilesNotebookManager"])
def test_s29_a_store_that_is_not_there_yet_says_the_way_out(tmp_path: Path, name: str) -> None:
    text = (
        f"c.NotebookApp.notebook_manager_class = 'bookstore.{name}'\n"
        "c.KeystoneNotebookManager.account_name = 'ada'\n"
    )
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(f"notebook_manager_class: bookstore.{name}: Carnet has no store for Swift")
    assert "serve that folder: carnet FOLDER." in said


def test_a_manager_may_be_a_class() -> None:
    assert manager_class_of(Path) is Path
    assert list(NOT_THERE) == ["bookstore."]
