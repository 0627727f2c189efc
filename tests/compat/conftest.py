"""The names of 2014, for one test at a time."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from carnet.compat import ipython2

SHELF = "tests.compat.shelf"


@pytest.fixture
def names_of_2014() -> Iterator[None]:
    """Let the names of 2014 lead to `carnet.compat`, and take that back."""
    ipython2.install()
    yield
    ipython2.uninstall()
    sys.modules.pop(SHELF, None)


@pytest.fixture
def shelf_module(names_of_2014: None) -> ModuleType:
    """Return the module of a notebook manager of 2014."""
    return importlib.import_module(SHELF)
