"""Old and new names of settings: one table, used for files, command line and documentation.

People have configuration files from IPython 1 and 2, the classic notebook, and
Jupyter Server. What they set there means the same here. It never reads a file.
"""

from collections.abc import Mapping
from typing import Final

from carnet.config.settings import NAMES, Settings
from carnet.errors import ConfigError

#: Classes whose traits are ours by the same name. `NotebookApp` is the name we print.
APPS: Final = ("NotebookApp", "ServerApp", "CarnetApp")

#: Traits of these classes that have another name here.
RENAMED: Final[Mapping[str, str]] = {
    "root_dir": "notebook_dir",
    "base_project_url": "base_url",
    "tornado_settings": "webapp_settings",
    "contents_manager_class": "notebook_manager_class",
    "content_manager_class": "notebook_manager_class",
    "allow_remote": "allow_remote_access",
    "hashed_password": "password",
    "max_body_size": "max_body_bytes",
}

#: Single traits of other classes that mean one of our settings.
ELSEWHERE: Final[Mapping[tuple[str, str], str]] = {
    ("IdentityProvider", "token"): "token",
    ("PasswordIdentityProvider", "token"): "token",
    ("PasswordIdentityProvider", "hashed_password"): "password",
    ("NotebookManager", "notebook_dir"): "notebook_dir",
    ("FileNotebookManager", "notebook_dir"): "notebook_dir",
    ("ContentsManager", "root_dir"): "notebook_dir",
    ("FileContentsManager", "root_dir"): "notebook_dir",
    ("LargeFileManager", "root_dir"): "notebook_dir",
    ("Application", "log_level"): "log_level",
}

#: Classes that are not the server's, under the name that their like has here.
CLASSES: Final[Mapping[str, str]] = {
    "AsyncLargeFileManager": "FileNotebookManager",
    "FileContentsManager": "FileNotebookManager",
    "LargeFileManager": "FileNotebookManager",
}

#: Names of managers of others that keep notebooks as files: ours does.
FILE_MANAGERS: Final = frozenset(
    {
        "IPython.frontend.html.notebook.filenbmanager.FileNotebookManager",
        "IPython.html.services.contents.filemanager.FileContentsManager",
        "IPython.html.services.notebooks.filenbmanager.FileNotebookManager",
        "jupyter_server.services.contents.filemanager.AsyncFileContentsManager",
        "jupyter_server.services.contents.filemanager.FileContentsManager",
        "jupyter_server.services.contents.largefilemanager.AsyncLargeFileManager",
        "jupyter_server.services.contents.largefilemanager.LargeFileManager",
        "notebook.services.contents.filemanager.FileContentsManager",
        "notebook.services.contents.largefilemanager.LargeFileManager",
    }
)

#: Beginnings of the names of managers that Carnet has nothing for yet, and the way out.
NOT_THERE: Final[Mapping[str, str]] = {
    "bookstore.": "Carnet has no store for Swift and CloudFiles yet. Copy the notebooks of the container into a folder "
    "(swift download CONTAINER), or mount it (rclone mount), and serve that folder: carnet FOLDER",
}

#: Classes of which we know every trait: a name that is not in a table is a mistake, not a stranger.
KNOWN_CLASSES: Final = frozenset({*APPS, "IdentityProvider", "PasswordIdentityProvider"})


class UnknownSetting(KeyError):
    """A class we know has no such trait."""


def setting_of(class_name: str, trait: str) -> str | None:
    """Return the name of our setting that `Class.trait` means; None where the class is not ours.

    Raises:
        UnknownSetting: the class is ours and has no such trait.
    """
    elsewhere = ELSEWHERE.get((class_name, trait))
    if elsewhere is not None:
        return elsewhere
    if class_name in APPS:
        name = RENAMED.get(trait, trait)
        if name in NAMES:
            return name
    if class_name in KNOWN_CLASSES:
        raise UnknownSetting(trait)
    return None


def manager_class_of(named: str | type) -> str | type:
    """Return the notebook manager of ours that a name of others means; or what was named.

    Raises:
        ConfigError: there is nothing like it yet; says the way out.
    """
    if not isinstance(named, str):
        return named
    for beginning, sentence in NOT_THERE.items():
        if named.startswith(beginning):
            raise ConfigError(f"notebook_manager_class: {named}: {sentence}.")
    return Settings.notebook_manager_class if named in FILE_MANAGERS else named


def near(trait: str) -> str:
    """Return a setting with a name like this one, to be offered after a typing error; or empty."""
    from difflib import get_close_matches  # only a mistake needs it

    found = get_close_matches(trait, [*NAMES, *RENAMED], n=1)
    return found[0] if found else ""


def near_class(class_name: str) -> str:
    """Return one of our classes that a name was surely meant to be, after a typing error; or empty.

    A setting of a class that nobody knows would be passed over: never where it was to protect the server.
    """
    from difflib import get_close_matches

    if class_name in KNOWN_CLASSES:
        return ""
    found = get_close_matches(class_name, sorted(KNOWN_CLASSES), n=1, cutoff=0.85)
    return found[0] if found else ""
