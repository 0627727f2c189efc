"""`carnet profile` (S14, S15)."""

from tests.cli.conftest import Home


def test_s14_create_then_edit_then_start(home: Home) -> None:
    done = home.run("profile", "create", "nbserver")

    path = home.folder / "ipython/profile_nbserver/ipython_notebook_config.py"
    assert done.code == 0
    assert f"'{path}'" in done.out
    text = path.read_text()
    for wanted in (
        "# c.NotebookApp.password = ''",
        "# c.NotebookApp.ip = '127.0.0.1'",
        "# c.FileNotebookManager.save_script = False",
        "# c.IPKernelApp.pylab = None",
    ):
        assert f"\n{wanted}\n" in text


def test_s14_a_second_create_changes_nothing(home: Home) -> None:
    home.run("profile", "create", "nbserver")
    path = home.folder / "ipython/profile_nbserver/ipython_notebook_config.py"
    path.write_text("mine")

    done = home.run("profile", "create", "nbserver")

    assert "stays as it is" in done.out
    assert path.read_text() == "mine"
    home.run("profile", "create", "nbserver", "--reset")
    assert path.read_text() != "mine"


def test_list_and_locate(home: Home) -> None:
    home.run("profile", "create", "b")
    (home.folder / "ipython/profile_a").mkdir()

    listed = home.run("profile", "list").out.splitlines()

    assert [line.split()[0] for line in listed] == ["a", "b"]
    assert "nothing for the server" in listed[0]
    assert home.run("profile", "locate", "b").out.strip() == str(home.folder / "ipython/profile_b")


def test_what_is_not_understood(home: Home) -> None:
    for words in ([], ["make", "x"], ["create"], ["create", "a", "b"], ["create", "a", "--now"]):
        done = home.run("profile", *words)

        assert done.code == 1
        assert "carnet profile create NAME" in done.err


def test_a_profile_that_is_not_there_stops_the_start(home: Home) -> None:
    done = home.run("notebook", "--profile=nbserver")

    assert done.code == 1
    assert "There is no profile folder" in done.err
