"""`NotebookApp`: the settings as traitlets, for configuration files written in Python or JSON.

The class is made from the table in config/settings.py, so there is one list of
settings. It is imported only when there is a file to read (traitlets is a third
of a start). Every mistake in a file is a `ConfigError` with file, line and
text: Carnet never starts less protected than its owner meant.
"""

import ast
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final

from traitlets import Bool, Dict, Float, Instance, Integer, List, TraitError, TraitType, Unicode, Union
from traitlets.config import Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

from carnet.config.names import CLASSES, UnknownSetting, near, near_class, setting_of
from carnet.config.retired import said_of
from carnet.config.settings import NAMES, default_of, help_of, kind_of
from carnet.errors import ConfigError

_TRAITS: Final[dict[type, type[TraitType[Any, Any]]]] = {
    str: Unicode,
    int: Integer,
    float: Float,
    bool: Bool,
    list: List,
    dict: Dict,
}


def _trait(name: str) -> TraitType[Any, Any]:
    """Return the trait of one setting."""
    default, help_ = default_of(name), help_of(name)
    if name == "token":
        return Unicode(None, allow_none=True, help=help_).tag(config=True)
    if name == "notebook_manager_class":
        return Union([Unicode(), Instance(type)], default_value=default, help=help_).tag(config=True)
    return _TRAITS[kind_of(name)](default, help=help_).tag(config=True)


# Not `type`: traits are found by the metaclass.
_META: Callable[[str, tuple[type, ...], dict[str, object]], type[Configurable]] = type(Configurable)

# Made from the table; a type checker sees a plain Configurable, and nothing here needs more.
NotebookApp: type[Configurable] = _META(
    "NotebookApp",
    (Configurable,),
    {
        "__doc__": "The server's settings, as `c.NotebookApp.NAME` in a configuration file.",
        "__module__": __name__,
        **{name: _trait(name) for name in sorted(NAMES)},
    },
)


@dataclass
class FromFiles:
    """What configuration files say, later files over earlier ones."""

    values: dict[str, object] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    """Setting to `file, line N`, for people."""
    other: Config = field(default_factory=Config)
    """What is set on classes that are not ours: notebook managers, kernels."""
    notes: list[str] = field(default_factory=list)
    """What is to be said of settings that mean nothing here."""


def read_files(paths: Sequence[Path]) -> FromFiles:
    """Read configuration files, in order.

    Raises:
        ConfigError: a file cannot be read or run, or sets something that is not there or of the wrong kind.
    """
    found = FromFiles()
    for path in paths:
        _read_file(path, found)
    return found


def other_config(found: Config, given: Sequence[tuple[str, str, str]]) -> Config:
    """Return the configuration of classes that are not ours: files first, the command line over them."""
    from traitlets.config.loader import DeferredConfigString

    config = Config(found)
    for class_name, trait, text in given:
        config[class_name][trait] = DeferredConfigString(text)
    return config


def _read_file(path: Path, found: FromFiles) -> None:
    config = _run(path)
    for class_name, section in config.items():
        if not isinstance(section, Config):
            raise _mistake(path, class_name, "", "is not a class: c.CLASS.NAME = VALUE is the form")
        meant = near_class(class_name)
        if meant:
            raise _mistake(path, class_name, "", f"is not a class of ours; did you mean {meant}?")
        for trait, value in section.items():
            try:
                name = setting_of(class_name, trait)
            except UnknownSetting:
                note = _note(path, class_name, trait, value)
                if note:
                    found.notes.append(note)
                    continue
                offer = near(trait)
                hint = f"; did you mean {offer}?" if offer else ""
                raise _mistake(path, class_name, trait, f"is not a setting{hint}") from None
            if name is None:
                found.other[CLASSES.get(class_name, class_name)][trait] = value
                continue
            try:
                app = NotebookApp(config=Config({"NotebookApp": {name: value}}))
            except TraitError as error:
                raise _mistake(path, class_name, trait, f"cannot be {value!r}: {_wanted(error)}") from None
            found.values[name] = getattr(app, name)
            found.sources[name] = f"{path}, line {_line_of(path, class_name, trait)}"


def _note(path: Path, class_name: str, trait: str, value: object) -> str:
    """Return what is to be said of a setting that means nothing here; empty: it is none of these.

    Raises:
        ConfigError: without it, the server would be less protected than its owner meant.
    """
    said = said_of(trait, value)
    if said is None:
        return ""
    sentence, stops = said
    if stops:
        raise _mistake(path, class_name, trait, f"is not there: {sentence}. Carnet does not start without it")
    return f"{path}, line {_line_of(path, class_name, trait)}: {class_name}.{trait} does nothing: {sentence}."


def _run(path: Path) -> Config:
    """Return what one file sets."""
    try:
        if path.suffix == ".json":
            loaded = JSONFileConfigLoader(path.name, str(path.parent)).load_config()
        else:
            loaded = PyFileConfigLoader(path.name, str(path.parent)).load_config()
    except ConfigFileNotFound as error:
        raise ConfigError(f"{path}: there is no such configuration file.") from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}, line {error.lineno}: this is not valid JSON: {error.msg}.") from error
    except SyntaxError as error:
        where = error.filename or str(path)
        text = (error.text or "").strip()
        hint = "  (the value has to begin on the same line)" if text.endswith("=") else ""
        raise ConfigError(f"{where}, line {error.lineno}: {error.msg}: {text}{hint}") from error
    except OSError as error:
        raise ConfigError(f"{path}: it cannot be read: {error.strerror}.") from error
    except Exception as error:
        # The file is the user's program: whatever it raises is told, and the start ends.
        frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = (frames[-1].lineno if frames else 0) or 0
        raise ConfigError(
            f"{path}, line {line}: {type(error).__name__}: {error}: {_text_of(path, line)}"
        ) from error
    return loaded


def _wanted(error: TraitError) -> str:
    """Return the part of a TraitError that says what kind is wanted."""
    words = str(error)
    return (words[words.find("expected") :] if "expected" in words else words).rstrip(".")


def _mistake(path: Path, class_name: str, trait: str, what: str) -> ConfigError:
    line = _line_of(path, class_name, trait)
    name = f"{class_name}.{trait}" if trait else class_name
    end = "" if what.endswith("?") else "."
    return ConfigError(f"{path}, line {line}: {name} {what}{end} The line is: {_text_of(path, line)}")


def _text_of(path: Path, line: int) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def _line_of(path: Path, class_name: str, trait: str) -> int:
    """Return the last line that speaks of `c.Class.trait`; 1 where none does (it was set in a roundabout way)."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".json":
        lines = [node.lineno for node in _attributes(ast.parse(text), class_name, trait)]
        if lines:
            return max(lines)
    last = trait or class_name
    named = [number for number, line in enumerate(text.splitlines(), 1) if last in line]
    return named[-1] if named else 1


def _attributes(tree: ast.AST, class_name: str, trait: str) -> Iterator[ast.Attribute]:
    """Yield each `c.Class.trait` (or `c.Class`) of a program."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if not trait and node.attr == class_name:
            yield node
        inner = node.value
        if trait and node.attr == trait and isinstance(inner, ast.Attribute) and inner.attr == class_name:
            yield node
