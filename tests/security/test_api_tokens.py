"""Named tokens: made, found, ended, and never kept in clear (AC22, AC23)."""

from pathlib import Path

import pytest

from carnet.errors import AlreadyExists, ConfigError, NotFound
from carnet.security.api_tokens import expiry_of
from carnet.security.scopes import ALL, Scope
from carnet.security.state import SecurityState
from carnet.testing.fake_clock import FakeClock

READ = frozenset({Scope.READ})


def test_ac22_a_token_is_found_by_its_text(state: SecurityState) -> None:
    text, made = state.tokens.create("ci", user="ada", scopes=READ)

    found = state.tokens.find(text)

    assert found is not None
    assert (found.name, found.user, found.scopes) == ("ci", "ada", READ)
    assert text.startswith(f"carnet_{made.token_id}_")


def test_ac22_only_its_hash_is_kept(state: SecurityState, tmp_path: Path) -> None:
    text, _ = state.tokens.create("ci", user="ada", scopes=READ)
    state.close()

    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())

    assert text.rpartition("_")[2].encode() not in kept
    assert text.encode() not in kept


@pytest.mark.parametrize("change", [str.upper, lambda text: text[:-1], lambda text: f"{text} ", lambda _: ""])
def test_ac22_anything_else_is_not_it(state: SecurityState, change: object) -> None:
    text, _ = state.tokens.create("ci", user="ada", scopes=READ)
    assert callable(change)

    assert state.tokens.find(change(text)) is None


def test_ac23_it_ends_at_its_time(state: SecurityState, clock: FakeClock) -> None:
    text, made = state.tokens.create("ci", user="ada", scopes=READ, expires_ms=clock.now_ms() + 60_000)

    clock.advance(59.9)
    assert state.tokens.is_alive(made.token_id)
    clock.advance(0.1)

    assert state.tokens.find(text) is None
    assert not state.tokens.is_alive(made.token_id)
    assert state.tokens.all() == []


def test_ac23_it_ends_when_it_is_revoked_by_name_or_id(state: SecurityState) -> None:
    first, _ = state.tokens.create("one", user="ada", scopes=READ)
    second, made = state.tokens.create("two", user="ada", scopes=ALL)

    state.tokens.revoke("one")
    state.tokens.revoke(made.token_id)

    assert (state.tokens.find(first), state.tokens.find(second)) == (None, None)
    with pytest.raises(NotFound, match="no token 'one'"):
        state.tokens.revoke("one")


def test_ac23_its_last_use_is_noted_once_a_minute(state: SecurityState, clock: FakeClock) -> None:
    text, _ = state.tokens.create("ci", user="ada", scopes=READ)
    clock.advance(100)
    first_ms = clock.now_ms()
    state.tokens.find(text)
    clock.advance(30)
    state.tokens.find(text)

    assert [one.used_ms for one in state.tokens.all()] == [first_ms]


def test_a_name_is_taken_once(state: SecurityState) -> None:
    state.tokens.create("ci", user="ada", scopes=READ)

    with pytest.raises(AlreadyExists, match="Revoke it first"):
        state.tokens.create("ci", user="ada", scopes=READ)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 65])
def test_names_that_cannot_be(state: SecurityState, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        state.tokens.create(name, user="ada", scopes=READ)


def test_a_token_that_would_have_ended(state: SecurityState, clock: FakeClock) -> None:
    with pytest.raises(ConfigError, match="ended already"):
        state.tokens.create("ci", user="ada", scopes=READ, expires_ms=clock.now_ms())


@pytest.mark.parametrize(
    ("text", "span_ms"), [("30m", 1_800_000), ("12h", 43_200_000), ("90d", 7_776_000_000)]
)
def test_spans_of_time(text: str, span_ms: int) -> None:
    assert expiry_of(text, 1000) == 1000 + span_ms
    assert expiry_of("never", 1000) == 0


@pytest.mark.parametrize("text", ["", "0d", "d", "1", "-1d", "1 d", "9999999d", "tomorrow"])
def test_what_is_no_span_of_time(text: str) -> None:
    with pytest.raises(ConfigError, match="not a span of time"):
        expiry_of(text, 0)
