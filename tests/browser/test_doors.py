"""Doors: signing in, and addresses that lead to nothing that can be opened."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visits import Visits
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_signing_in_leads_to_where_one_wanted_to_go(visits: Visits, server: CarnetServer) -> None:
    visits.announce("401|403")
    server.write("wanted.ipynb", ["1"])
    page = visits.page("notebooks/wanted.ipynb", profile=visits.profile(is_signed_in=False))
    expect(page).to_have_url(re.compile("/login"))
    expect(page.get_by_label("Token")).to_be_focused()

    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/notebooks/wanted.ipynb$"))
    expect(page.locator(".cm-content")).to_have_text("1")
    assert TOKEN not in page.url


def test_pg6_the_printed_address_signs_in_and_hides_its_token(visits: Visits) -> None:
    page = visits.page(f"?token={TOKEN}", profile=visits.profile(is_signed_in=False))

    expect(page.get_by_role("button", name="New")).to_be_visible()
    assert TOKEN not in page.url


def test_a_missing_notebook_says_so(visits: Visits) -> None:
    page = visits.page("notebooks/missing.ipynb")

    expect(page.get_by_role("heading", name="There is no such notebook")).to_be_visible()
    expect(page.locator("main")).to_contain_text("missing.ipynb")
    expect(page.get_by_role("link", name="Show all files")).to_be_visible()


@pytest.mark.parametrize("content", ["", '{"cells": [', "words", '{"nbformat": 4}'])
def test_what_is_no_notebook_says_so_and_opens_as_text(
    visits: Visits, server: CarnetServer, content: str
) -> None:
    file = server.notebooks / "odd.ipynb"
    file.write_text(content)
    page = visits.page("notebooks/odd.ipynb")

    expect(page.get_by_role("heading", name="This is not a notebook")).to_be_visible()
    page.get_by_role("link", name="Open as text").click()

    expect(page.locator(".cm-content")).to_be_visible()
    assert file.read_text() == content
