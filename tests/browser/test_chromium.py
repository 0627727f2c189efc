"""A Chromium is found, and what is found really shows a page."""

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.browser.chromium import ARGUMENTS, NoChromium, chromium_path


def test_a_wrong_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARNET_CHROMIUM", "no-such-browser")

    with pytest.raises(NoChromium, match="CARNET_CHROMIUM names 'no-such-browser', which is not a program"):
        chromium_path()


def test_the_named_program_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my-chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("CARNET_CHROMIUM", str(program))

    assert chromium_path() == str(program)


@pytest.mark.browser
@pytest.mark.slow
async def test_it_shows_a_page_and_clicks() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        page = await browser.new_page()
        await page.set_content("<button onclick='this.textContent = 6 * 7'>ask</button>")

        await page.get_by_role("button").click()

        assert await page.get_by_role("button").inner_text() == "42"
        await browser.close()
