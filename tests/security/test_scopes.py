"""What tokens may do (AC21)."""

import pytest

from carnet.errors import ConfigError
from carnet.security.scopes import ALL, Scope, parse_scopes, written


@pytest.mark.parametrize(
    ("words", "scopes"),
    [
        (["read"], {Scope.READ}),
        (["run"], {Scope.RUN, Scope.READ}),
        (["edit"], {Scope.EDIT, Scope.READ}),
        (["run", " EDIT "], {Scope.RUN, Scope.EDIT, Scope.READ}),
        (["admin"], ALL),
    ],
)
def test_ac21_a_scope_brings_what_it_implies(words: list[str], scopes: set[Scope]) -> None:
    assert parse_scopes(words) == scopes


@pytest.mark.parametrize("words", [["write"], [""], []])
def test_ac21_words_that_are_no_scopes(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="read, run, edit"):
        parse_scopes(words)


def test_ac21_written_scopes_are_read_again() -> None:
    assert written(parse_scopes(["edit", "run"])) == "read run edit"
    assert parse_scopes(written(ALL).split()) == ALL
