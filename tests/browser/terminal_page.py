"""The terminal page as a person meets it: keys, what the screen shows, and what scrolled away."""

import json
import re
from typing import Self

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.visits import Visits
from tests.support.server import CarnetServer

#: A shell that says only what it is told to say.
PLAIN = "exec /bin/sh\nPS1=; stty -echo; clear; echo begun''\n"


class TerminalPage:
    """One terminal in one tab."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    @classmethod
    def open(cls, visits: Visits, server: CarnetServer, *, profile: BrowserContext | None = None) -> Self:
        """A new terminal with a plain shell."""
        name = json.loads(server.request("POST", "/api/terminals")[1])["name"]
        terminal = cls.show(visits, name, profile=profile)
        terminal.type(PLAIN)
        terminal.shows("begun")
        return terminal

    @classmethod
    def show(cls, visits: Visits, name: str, *, profile: BrowserContext | None = None) -> Self:
        """One that there is."""
        context = profile or visits.profile()
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        return cls(visits.page(f"terminals/{name}", profile=context), name).ready()

    def ready(self) -> Self:
        """Wait until it can be typed into."""
        expect(self.link).to_have_text("Live")
        expect(self.keyboard).to_be_focused()
        return self

    # ---- parts

    @property
    def keyboard(self) -> Locator:
        """What has the focus while keys are the shell's."""
        return self.page.locator(".xterm-helper-textarea")

    @property
    def link(self) -> Locator:
        return self.page.locator(".states .state")

    @property
    def line(self) -> Locator:
        """What happened, and what can be done."""
        return self.page.locator(".terminal-line")

    @property
    def screen(self) -> Locator:
        return self.page.locator(".xterm-rows")

    def shows(self, text: str | re.Pattern[str]) -> None:
        """The screen holds this."""
        expect(self.screen).to_contain_text(text)

    def rows(self) -> list[str]:
        """What the screen shows, row by row, without blanks at the ends."""
        texts: list[str] = self.page.locator(".xterm-rows > div").all_inner_texts()
        return [text.replace("\xa0", " ").rstrip() for text in texts]

    def everything(self) -> list[str]:
        """All lines, also those that scrolled away, by selecting and copying them."""
        self.menu("Edit", "Select all")
        self.menu("Edit", "Copy")
        expect(self.page.locator(".spoken[role=status]")).to_contain_text("Copied.")
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text.replace("\xa0", " ").splitlines()

    # ---- acts

    def type(self, text: str) -> None:
        """Type, with Enter for each line's end."""
        self.page.keyboard.type(text)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def press_at(self, text: str, *, is_link: bool) -> None:
        """Press the mouse on the row that begins with this."""
        row = self.page.locator(".xterm-rows > div").filter(has_text=text).first.bounding_box()
        assert row is not None
        self.page.mouse.move(row["x"] + 20, row["y"] + row["height"] / 2)
        # The pointer says whether it is a link, before it can be pressed.
        expect(self.page.locator(".xterm-cursor-pointer")).to_have_count(1 if is_link else 0)
        self.page.mouse.down()
        self.page.mouse.up()

    def menu(self, menu: str, item: str) -> None:
        """Choose from a menu of the bar."""
        self.page.get_by_role("menubar").get_by_role("menuitem", name=menu, exact=True).click()
        entries = self.page.get_by_role("menu").locator("[role^=menuitem]")
        entries.filter(has_text=item).first.click()
