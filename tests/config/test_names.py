"""Old and new names mean the same."""

import pytest

from carnet.config.names import UnknownSetting, near, setting_of


@pytest.mark.parametrize(
    ("class_name", "trait", "name"),
    [
        ("NotebookApp", "port", "port"),
        ("ServerApp", "port", "port"),
        ("CarnetApp", "port", "port"),
        ("ServerApp", "root_dir", "notebook_dir"),
        ("NotebookApp", "notebook_dir", "notebook_dir"),
        ("NotebookManager", "notebook_dir", "notebook_dir"),
        ("FileNotebookManager", "notebook_dir", "notebook_dir"),
        ("NotebookApp", "webapp_settings", "webapp_settings"),
        ("ServerApp", "tornado_settings", "webapp_settings"),
        ("NotebookApp", "base_project_url", "base_url"),
        ("NotebookApp", "contents_manager_class", "notebook_manager_class"),
        ("PasswordIdentityProvider", "hashed_password", "password"),
        ("IdentityProvider", "token", "token"),
        ("FileNotebookManager", "save_script", None),
        ("IPKernelApp", "pylab", None),
        ("MyManager", "port", None),
    ],
)
def test_one_table(class_name: str, trait: str, name: str | None) -> None:
    assert setting_of(class_name, trait) == name


@pytest.mark.parametrize("class_name", ["NotebookApp", "ServerApp", "IdentityProvider"])
def test_a_class_we_know_has_no_other_traits(class_name: str) -> None:
    with pytest.raises(UnknownSetting):
        setting_of(class_name, "passwort")


def test_a_near_name_is_offered() -> None:
    assert near("passwort") == "password"
    assert near("zzz") == ""
