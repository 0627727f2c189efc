"""Understand the command line: options by their short names, and any `--Class.trait=value`.

Pure: arguments in, values out. It reads no file and prints nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from carnet.config.names import CLASSES, UnknownSetting, near, setting_of
from carnet.config.settings import NAMES, parse
from carnet.errors import ConfigError

#: Short options and the settings they stand for; they take a value.
ALIASES: Final[Mapping[str, str]] = {
    "ip": "ip",
    "port": "port",
    "port-retries": "port_retries",
    "notebook-dir": "notebook_dir",
    "base-url": "base_url",
    "local-hostnames": "local_hostnames",
    "certfile": "certfile",
    "keyfile": "keyfile",
    "tls": "tls",
    "sock": "sock",
    "browser": "browser",
    "state-dir": "state_dir",
    "log-level": "log_level",
}

#: Options without a value: what they set, and what they say in the help.
FLAGS: Final[Mapping[str, tuple[str, object, str]]] = {
    "no-browser": ("open_browser", False, "Do not open a browser."),
    "public": ("public", True, "Serve others: every address, https, and a password."),
    "debug": ("log_level", "DEBUG", "Say more in the log."),
}

#: Options of 2014 for classes that are not the server's: class, trait, and the value where none is given.
FOR_OTHERS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "script": ("FileNotebookManager", "save_script", "True", "Write each notebook's code beside it, too."),
    "no-script": ("FileNotebookManager", "save_script", "False", "Do not."),
    "pylab": ("IPKernelApp", "pylab", "auto", "Plotting in every Python kernel, as by %pylab."),
    "matplotlib": ("IPKernelApp", "matplotlib", "auto", "The same without importing names."),
}

#: Options of 2014 that mean nothing here, and the setting that says why.
RETIRED_FLAGS: Final[Mapping[str, str]] = {"no-mathjax": "enable_mathjax", "mathjax": "enable_mathjax"}

#: Options for configuration itself: they take a value and are no settings.
ABOUT_FILES: Final = ("config", "profile", "profile-dir")


@dataclass
class Given:
    """What the command line says."""

    values: dict[str, object] = field(default_factory=dict)
    """Setting to value."""
    other: list[tuple[str, str, str]] = field(default_factory=list)
    """(class, trait, text) for classes that are not ours: notebook managers."""
    files: dict[str, str] = field(default_factory=dict)
    """`config`, `profile`, `profile-dir`, where given."""
    notes: list[str] = field(default_factory=list)
    """What is to be said of options that mean nothing here."""
    wants_help: bool = False
    wants_version: bool = False
    yes: bool = False
    """`-y`: answer yes to questions. Understood because hands know it; Carnet asks none."""
    rest: list[str] = field(default_factory=list)
    """What is not an option: at most one file or folder."""


def read_command_line(arguments: Sequence[str]) -> Given:
    """Return what the arguments mean.

    Raises:
        ConfigError: an option is not known, has no value, or one of the wrong kind.
    """
    given = Given()
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if not argument.startswith("-") or argument == "-":
            given.rest.append(argument)
            continue
        name, has_value, text = argument.lstrip("-").partition("=")
        if _flag(given, argument, name, has_value, text):
            continue
        if name not in ALIASES and name not in ABOUT_FILES and "." not in name:
            offer = _nearest_option(name)
            raise ConfigError(
                f"There is no option {argument.partition('=')[0]}.{offer} `carnet help` lists all."
            )
        if not has_value:
            if not waiting or waiting[0].startswith("--"):
                raise ConfigError(f"--{name} needs a value: --{name}=VALUE.")
            text = waiting.pop(0)
        _take(given, name, text)
    if len(given.rest) > 1:
        raise ConfigError(f"One folder or notebook at most can be named, but there are {len(given.rest)}.")
    return given


def _flag(given: Given, argument: str, name: str, has_value: str, text: str) -> bool:
    if argument in {"-h", "--help", "--help-all"}:
        given.wants_help = True
    elif argument == "--version":
        given.wants_version = True
    elif argument in {"-y", "--yes"}:
        given.yes = True
    elif name in FLAGS:
        if has_value:
            raise ConfigError(f"--{name} takes no value.")
        setting, value, _ = FLAGS[name]
        given.values[setting] = value
    elif name in FOR_OTHERS:
        class_name, trait, default, _ = FOR_OTHERS[name]
        given.other.append((class_name, trait, text if has_value else default))
    elif name in RETIRED_FLAGS:
        given.notes.append(_note(argument, RETIRED_FLAGS[name], text))
    else:
        return False
    return True


def _take(given: Given, name: str, text: str) -> None:
    if name in ABOUT_FILES:
        given.files[name] = text
        return
    if name in ALIASES:
        given.values[ALIASES[name]] = _parsed(name, ALIASES[name], text)
        return
    class_name, _, trait = name.rpartition(".")
    try:
        setting = setting_of(class_name, trait)
    except UnknownSetting:
        note = _note(f"--{name}", trait, text)
        if note:
            given.notes.append(note)
            return
        offer = near(trait)
        raise ConfigError(
            f"--{name}: {class_name} has no setting {trait!r}."
            + (f" Did you mean --{class_name}.{offer}?" if offer else "")
        ) from None
    if setting is None:
        given.other.append((CLASSES.get(class_name, class_name), trait, text))
    else:
        given.values[setting] = _parsed(name, setting, text)


def _note(option: str, trait: str, text: str) -> str:
    """Return what is to be said of a setting that means nothing here; empty: it is none of these.

    Raises:
        ConfigError: without it, the server would be less protected than its owner meant.
    """
    from carnet.config.retired import said_of  # few people have such an option

    harmless = {"": "", "False": False, "True": True, "None": None, "{}": {}}
    said = said_of(trait, harmless.get(text, text))
    if said is None:
        return ""
    sentence, stops = said
    if stops:
        raise ConfigError(f"{option} is not there: {sentence}. Carnet does not start without it.")
    return f"{option} does nothing: {sentence}."


def _parsed(option: str, setting: str, text: str) -> object:
    try:
        return parse(setting, text)
    except ConfigError as error:
        raise ConfigError(f"--{option}: {str(error).partition(': ')[2]}") from None


def _nearest_option(name: str) -> str:
    from difflib import get_close_matches

    known = [*ALIASES, *FLAGS, *FOR_OTHERS, *ABOUT_FILES, *(f"NotebookApp.{one}" for one in NAMES)]
    found = get_close_matches(name, known, n=1)
    return f" Did you mean --{found[0]}?" if found else ""
