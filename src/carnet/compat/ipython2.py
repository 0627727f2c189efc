"""Lets modules that were written for IPython 2 (2014) be imported as they are: the names they import lead here.

Off unless `c.NotebookApp.compat = 'ipython2'` asks for it: other people's names
are not taken unasked. Only the names in `MODULES` are; the IPython that is
installed keeps all others.
"""

import importlib
import importlib.abc
import importlib.util
import sys
import types
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from typing import Final

#: Name of 2014 to the module that stands for it. Empty: a package with nothing in it but others.
MODULES: Final[Mapping[str, str]] = {
    "IPython": "",
    "IPython.config": "traitlets.config",
    "IPython.config.application": "traitlets.config.application",
    "IPython.config.configurable": "traitlets.config.configurable",
    "IPython.config.loader": "traitlets.config.loader",
    "IPython.html": "",
    "IPython.html.services": "",
    "IPython.html.services.notebooks": "",
    "IPython.html.services.notebooks.filenbmanager": "carnet.compat.filenbmanager",
    "IPython.html.services.notebooks.nbmanager": "carnet.compat.nbmanager",
    "IPython.nbformat": "",
    "IPython.nbformat.current": "carnet.compat.nbformat3",
    "IPython.nbformat.sign": "carnet.compat.sign",
    "IPython.nbformat.v3": "carnet.compat.nbformat3",
    "IPython.utils": "",
    "IPython.utils.traitlets": "traitlets",
    "IPython.utils.tz": "carnet.compat.tz",
}

#: Packages that today's IPython has too: its own is taken where it is installed.
SHARED: Final = frozenset({"IPython", "IPython.utils"})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of the table."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MODULES or (fullname in SHARED and self._is_installed(fullname, path, target)):
            return None
        return ModuleSpec(fullname, self, is_package=not MODULES[fullname] or fullname == "IPython.config")

    def exec_module(self, module: types.ModuleType) -> None:
        stands_for = MODULES[module.__name__]
        module.__doc__ = f"Stands for a module of IPython 2: {stands_for or 'a package'}."
        if stands_for:
            found = importlib.import_module(stands_for)
            for name, value in vars(found).items():
                if not name.startswith("__"):
                    setattr(module, name, value)

    def _is_installed(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None
    ) -> bool:
        others = (finder for finder in sys.meta_path if finder is not self)
        return any(finder.find_spec(fullname, path, target) is not None for finder in others)


_FINDER: Final = _Finder()


def install() -> None:
    """Have the names of 2014 lead here, from now on."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Take it back, for programs that go on after."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    for name in MODULES:
        module = sys.modules.get(name)
        if module is not None and getattr(module.__spec__, "loader", None) is _FINDER:
            del sys.modules[name]
