"""Which settings in our files are meant for Python kernels, and the form in which a kernel takes them.

A kernel reads a file of JSON, named on its command line. Pure.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from traitlets.config import Config
from traitlets.config.loader import DeferredConfig, LazyConfigValue

from carnet.errors import ConfigError

#: Classes of IPython and ipykernel that have settings, of 2014 and of today.
CLASSES: Final = frozenset(
    {
        "AliasManager",
        "AutoMagics",
        "BaseFormatter",
        "BaseIPythonApplication",
        "Completer",
        "DisplayFormatter",
        "HistoryAccessor",
        "HistoryManager",
        "IPCompleter",
        "IPKernelApp",
        "IPythonKernel",
        "InlineBackend",
        "InteractiveShell",
        "InteractiveShellApp",
        "Kernel",
        "LoggingMagics",
        "PlainTextFormatter",
        "PrefilterManager",
        "ProfileDir",
        "PylabMagics",
        "ScriptMagics",
        "Session",
        "StoreMagics",
        "ZMQInteractiveShell",
    }
)


@dataclass(frozen=True)
class KernelConfig:
    """What Python kernels are to be told."""

    file: str
    """JSON; empty: nothing."""
    arguments: tuple[str, ...]
    """What came from our command line, as it came: only the kernel knows the kind of each."""


def kernel_config(other: Config | None) -> KernelConfig:
    """Return what is meant for kernels.

    Raises:
        ConfigError: a value that cannot be told to another process.
    """
    sections: dict[str, dict[str, object]] = {}
    arguments: list[str] = []
    for class_name in sorted(CLASSES & set(other or ())):
        section = cast("Mapping[str, object]", cast("Config", other)[class_name])
        for name, value in section.items():
            if isinstance(value, DeferredConfig):
                arguments.append(f"--{class_name}.{name}={value}")
            else:
                sections.setdefault(class_name, {})[name] = _plain(class_name, name, value)
    return KernelConfig(json.dumps(sections, indent=1) if sections else "", tuple(arguments))


def _plain(class_name: str, name: str, value: object) -> object:
    if isinstance(
        value, LazyConfigValue
    ):  # c.X.name.append(...): on top of nothing, since only the kernel knows more
        kind = dict if value._update is not None else list  # it says by itself only what was done to it
        value = value.get_value(kind())
    if isinstance(value, (set, frozenset, tuple)):
        value = list(value)
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{class_name}.{name}: kernels are other processes, and {value!r} cannot be sent to one. "
            "Put it in ipython_kernel_config.py in the profile's folder."
        ) from None
    return value
