"""Language packs for JupyterLab that are installed, and their words. Rule LB11: docs/specs/lab.md."""

import importlib.util
import locale
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from carnet.lab.extensions import read_json

_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(?:_[A-Za-z0-9]{2,8})*")
_ENGLISH: Final = "en"


def packs() -> dict[str, dict[str, str]]:
    """Return the languages there are, each with its name in English and in itself."""
    return {name: _names(name) for name in (_ENGLISH, *sorted(_folders()))}


def words(name: str) -> tuple[dict[str, Any], str]:
    """Return all words of a language, by domain, and what is wrong with it; `default`: the server's language."""
    is_default = name == "default"
    if is_default:
        name = locale.getlocale()[0] or _ENGLISH
    folder = _folders().get(name)
    if folder is None:
        return {}, "" if is_default or name == _ENGLISH else f"Language pack {name[:40]!r} not installed!"
    return {path.stem: read_json(path) for path in sorted(folder.rglob("*.json"))}, ""


def _folders() -> dict[str, Path]:
    """Return the folder of each installed language pack."""
    return dict(_found())


def _found() -> Iterator[tuple[str, Path]]:
    for entry in entry_points(group="jupyterlab.languagepack"):
        spec = importlib.util.find_spec(entry.value.partition(":")[0].partition(".")[0])
        if spec is not None and spec.origin is not None and _LOCALE.fullmatch(entry.name):
            yield entry.name, Path(spec.origin).parent / "locale"


def _names(name: str) -> dict[str, str]:
    from babel import Locale, UnknownLocaleError

    try:
        known = Locale.parse(name)
    except (ValueError, UnknownLocaleError):
        return {"displayName": name, "nativeName": name}
    own = known.get_display_name() or name
    return {
        "displayName": (known.get_display_name(_ENGLISH) or name).capitalize(),
        "nativeName": own.capitalize(),
    }
