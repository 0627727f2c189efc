"""Say which settings are in force and where each comes from: `carnet config`. Secrets are not shown."""

from collections.abc import Iterator
from typing import Final

from carnet.config.load import Loaded
from carnet.config.settings import NAMES

SECRET: Final = frozenset({"token", "password"})
HIDDEN: Final = "(set, not shown)"
DEFAULT: Final = "default"


def in_force(loaded: Loaded) -> Iterator[tuple[str, object, str]]:
    """Yield name, value and source of each setting: first those that somebody set."""
    for name in sorted(NAMES, key=lambda one: (one not in loaded.sources, one)):
        value = getattr(loaded.settings, name)
        yield name, HIDDEN if name in SECRET and value else value, loaded.sources.get(name, DEFAULT)


def of_others(loaded: Loaded) -> Iterator[tuple[str, object]]:
    """Yield `Class.name` and value of what is set on classes that are not ours."""
    for class_name, section in sorted((loaded.other or {}).items()):
        for name, value in sorted(section.items()):
            yield f"{class_name}.{name}", value
