"""What named tokens may do, and how they end (AC20 to AC24, NC9, LB16). Every route and intent: tests/server/test_authorisation.py."""

import asyncio
import contextlib
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from carnet.clock import SystemClock
from carnet.core.session import intents
from carnet.core.wire import link
from carnet.core.wire.link import Bye
from carnet.security.scopes import ALL, Scope, parse_scopes
from carnet.security.state import SecurityState
from carnet.server.link_scopes import forbidden, scope_of
from tests.server.handlers.test_link import answer, linked
from tests.server.serving import Server, serve

READ = frozenset({Scope.READ})


@pytest.fixture(scope="module")
def tokens(server: Server) -> dict[str, str]:
    """One token of each scope."""
    state = SecurityState.open(server.state_folder, SystemClock())
    made = {
        scope.value: state.tokens.create(scope.value, user="ada", scopes=parse_scopes([scope.value]))[0]
        for scope in Scope
    }
    state.close()
    return made


def test_ac22_a_named_token_never_becomes_a_login(server: Server, tokens: dict[str, str]) -> None:
    for path in ("", "tree", "login", "account"):
        got = server.ask("GET", f"{path}?token={tokens['admin']}")
        assert server.cookie_name not in got.cookies(), path
    assert server.ask("GET", f"api/me?token={tokens['read']}").status == 200


def test_ac23_a_revoked_or_wrong_token_is_nobody(server: Server) -> None:
    state = SecurityState.open(server.state_folder, SystemClock())
    token, _ = state.tokens.create("short-lived", user="ada", scopes=ALL)
    header = {"Authorization": f"Bearer {token}"}
    assert server.ask("GET", "api/me", headers=header).status == 200

    state.tokens.revoke("short-lived")
    state.close()

    assert server.ask("GET", "api/me", headers=header).status == 403
    assert server.ask("GET", "api/me", headers={"Authorization": f"Bearer {token[:-1]}x"}).status == 403


def test_nc9_converting_needs_read_and_changes_nothing(server: Server, tokens: dict[str, str]) -> None:
    file = server.notebook_dir / "c.ipynb"
    file.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    before = file.read_bytes(), file.stat().st_mtime_ns
    reader = {"Authorization": f"Bearer {tokens['read']}"}

    for path in ("nbconvert/script/c.ipynb", "api/nbconvert"):
        assert server.ask("GET", path, headers=reader).status == 200
        assert server.ask("GET", path).status in {302, 403}
    model = '{"content": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}}'
    assert server.ask("POST", "nbconvert/script", model, headers=reader).status == 200

    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    ("scope", "read", "write"), [(Scope.READ, 200, 403), (Scope.EDIT, 200, 204), (Scope.ADMIN, 200, 204)]
)
def test_lb16_lab_is_loaded_with_read_and_its_settings_are_kept_with_edit(
    server: Server, tokens: dict[str, str], scope: Scope, read: int, write: int
) -> None:
    header = {"Authorization": f"Bearer {tokens[scope.value]}"}
    setting = "lab/api/settings/@jupyterlab/apputils-extension:themes"
    workspace = '{"data": {}, "metadata": {"id": "mine"}}'

    assert server.ask("GET", "lab", headers=header).status == read
    assert server.ask("GET", setting, headers=header).status == read
    assert server.ask("PUT", setting, '{"raw": "{}"}', headers=header).status == write
    assert server.ask("PUT", "lab/api/workspaces/mine", workspace, headers=header).status == write


def example_of(kind: type[msgspec.Struct]) -> object:
    """Return a value of a class of frames, with nothing in its fields: only its class matters here."""
    return kind(**dict.fromkeys(kind.__struct_fields__))


def members(union: object) -> tuple[type[msgspec.Struct], ...]:
    return typing.get_args(union)


@pytest.mark.parametrize("kind", members(intents.IntentBody), ids=lambda kind: kind.__name__)
def test_ac24_no_intent_is_free(kind: type[msgspec.Struct]) -> None:
    body = typing.cast("intents.IntentBody", example_of(kind))

    assert scope_of(body) in {Scope.RUN, Scope.EDIT}
    assert forbidden(body, READ) == f"This token may read; this needs {scope_of(body).value}."
    assert forbidden(body, ALL) == ""


@pytest.mark.parametrize("kind", members(link.Question), ids=lambda kind: kind.__name__)
def test_ac24_a_question_to_a_kernel_may_run_code(kind: type[msgspec.Struct]) -> None:
    assert scope_of(typing.cast("link.Question", example_of(kind))) is Scope.RUN


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path) as running:
        yield running


async def test_ac20_a_link_ends_when_its_token_is_revoked_elsewhere(own: Server) -> None:
    state = SecurityState.open(own.state_folder, SystemClock())
    token, _ = state.tokens.create("tab", user="ada", scopes=READ)
    async with linked(own, Authorization=f"Bearer {token}") as opened:
        state.tokens.revoke("tab")  # as `carnet token revoke` does, in another process

        said = await answer(opened)

        assert isinstance(said, Bye)
        assert said.retry_ms == -1
    state.close()


async def test_ac20_a_link_ends_when_its_login_is_ended_elsewhere(own: Server) -> None:
    browser = own.sign_in()
    async with linked(own, Cookie=browser.cookie_header(), Origin=own.url.rstrip("/")) as opened:
        own.ask("GET", "api/me", headers={"Cookie": browser.cookie_header()})
        [login] = own.api("GET", "api/logins").json()
        own.api("DELETE", f"api/logins/{login['id']}")

        said = await answer(opened)

        assert isinstance(said, Bye)
        assert said.reason == "This device was signed out from another one."
    with contextlib.suppress(asyncio.TimeoutError):
        assert own.ask("GET", "api/me", headers={"Cookie": browser.cookie_header()}).status == 403
