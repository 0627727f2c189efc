"""The pages without scripts: everything escaped, and the colours of the app."""

import re
from pathlib import Path

from carnet.server.html import LoginForm, error_page, login_page, logout_page

ROOT = Path(__file__).resolve().parents[2]
EVIL = "\"'><script>alert(1)</script>${xsrf}$title"


def test_nothing_given_is_taken_for_markup() -> None:
    form = LoginForm(base_url=EVIL, next_url=EVIL, xsrf=EVIL, wants=EVIL, problem=EVIL, is_plain=True)
    for page in (
        login_page(form, nonce="N"),
        logout_page(base_url=EVIL, xsrf=EVIL, nonce="N", is_done=False),
        error_page(404, EVIL, base_url=EVIL, nonce="N"),
        error_page(999, EVIL, base_url=EVIL, nonce="N"),
    ):
        assert b"<script" not in page
        assert b"\"'>" not in page


def test_the_field_says_what_is_wrong_with_it() -> None:
    form = LoginForm(
        base_url="/", next_url="/", xsrf="x", wants="Password", problem="That is not the password."
    )
    page = login_page(form, nonce="N").decode()

    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="problem"' in page
    assert 'role="alert">That is not the password.' in page


def test_s8_a_connection_that_is_not_encrypted_says_so_in_red() -> None:
    form = LoginForm(base_url="/", next_url="/", xsrf="x", wants="Password")
    plain = login_page(form._replace(is_plain=True), nonce="N").decode()

    assert '<p class="problem" role="note"><strong>Not encrypted.</strong>' in plain
    assert "Not encrypted" not in login_page(form, nonce="N").decode()


def test_the_colours_are_those_of_the_app() -> None:
    def tokens(path: str) -> dict[str, str]:
        text = (ROOT / path).read_text(encoding="utf-8")
        return {
            name: " ".join(value.split())
            for name, value in re.findall(r"--([\w-]+):\s*(light-dark\([^;]*\));", text)
        }

    ours, apps = tokens("src/carnet/server/html/quiet.css"), tokens("ui/src/styles/tokens.css")

    assert len(ours) >= 8
    assert {name: apps.get(name) for name in ours} == ours
