"""What a token may do: four words. Logins, and the server's own token, may do everything.

A scope is asked for by each route and by each intent of the link (rules AC21 to
AC24: docs/specs/access.md). Pure.
"""

import enum
from collections.abc import Collection, Iterable
from typing import Final

from carnet.errors import ConfigError


class Scope(enum.Enum):
    """One thing that somebody may do."""

    READ = "read"
    """Look: list folders, read notebooks, files and outputs, follow open notebooks."""
    RUN = "run"
    """Run cells, answer them, interrupt, restart and end kernels; ask kernels for completions. And read."""
    EDIT = "edit"
    """Change notebooks and files. And read."""
    ADMIN = "admin"
    """Logins, tokens, passwords, the server itself. And all the rest."""


ALL: Final = frozenset(Scope)
NONE: Final[frozenset[Scope]] = frozenset()

_IMPLIED: Final = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.RUN: frozenset({Scope.RUN, Scope.READ}),
    Scope.EDIT: frozenset({Scope.EDIT, Scope.READ}),
    Scope.ADMIN: ALL,
}


def parse_scopes(words: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes of these words, and what they imply.

    Raises:
        ConfigError: a word is not a scope, or there is none.
    """
    found: set[Scope] = set()
    for word in words:
        try:
            found |= _IMPLIED[Scope(word.strip().lower())]
        except ValueError:
            names = ", ".join(one.value for one in Scope)
            raise ConfigError(f"{word!r} is not a scope. There are: {names}.") from None
    if not found:
        raise ConfigError("A token needs a scope: read, run, edit or admin, or several with commas between.")
    return frozenset(found)


def written(scopes: Collection[Scope]) -> str:
    """Return scopes as text, always in the same order."""
    return " ".join(one.value for one in Scope if one in scopes)
