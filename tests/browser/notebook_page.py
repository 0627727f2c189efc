"""The notebook page as a person meets it: cells by their number, keys, and what can be read."""

import re
from typing import Self

from playwright.sync_api import Locator, Page, expect


class NotebookPage:
    """One notebook in one tab. Cells are counted from 1, as the page does."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def ready(self) -> Self:
        """Wait until a cell can be edited."""
        self.page.locator(".cell .cm-content").first.wait_for()
        self.is_live()
        return self

    # ---- parts

    @property
    def cells(self) -> Locator:
        """The cells that are in the page."""
        return self.page.locator("section.cell")

    def cell(self, number: int) -> Locator:
        """One cell, wherever it stands in the page."""
        return self.page.locator(f'section.cell[aria-label*=" cell {number} of "]')

    def source(self, number: int) -> Locator:
        """A cell's editor."""
        return self.cell(number).locator(".cm-content")

    def output(self, number: int) -> Locator:
        """All outputs of a cell."""
        return self.cell(number).locator(".outputs")

    def mark(self, number: int) -> Locator:
        """The left margin: a number, `● 3`, `◌`."""
        return self.cell(number).locator(".mark")

    @property
    def link(self) -> Locator:
        """How the link stands, in words."""
        return self.page.locator(".states .state:has(.dot)")

    @property
    def saved(self) -> Locator:
        """Whether the file is written, in words."""
        return self.page.locator(".states .state").first

    @property
    def lines(self) -> Locator:
        """What happened and what can be done, below the bar."""
        return self.page.locator(".notebook .lines")

    # ---- acts

    def write(self, number: int, text: str) -> None:
        """Put this into a cell in place of what is there, and stay in it."""
        self.source(number).click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)

    def run(self, number: int, text: str | None = None) -> None:
        """Write this into a cell and run it, staying there."""
        if text is None:
            self.cell(number).locator(".mark").click()
        else:
            self.write(number, text)
        self.page.keyboard.press("Control+Enter")

    def keys(self, *keys: str) -> None:
        """Press these keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def menu(self, menu: str, item: str) -> None:
        """Choose from a menu of the bar."""
        self.page.get_by_role("menubar").get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menu").get_by_role("menuitem", name=item).first.click()

    # ---- what must become true

    def is_live(self) -> None:
        """The link says Live."""
        expect(self.link).to_have_text("Live")

    def is_saved(self) -> None:
        """The file holds what the page shows, and the page says so."""
        expect(self.saved).to_have_attribute("data-saved", "")
        expect(self.saved).to_have_text(re.compile("^Saved"))

    def has_cells(self, count: int) -> None:
        """There are so many cells (a few, so that all are in the page)."""
        expect(self.cells).to_have_count(count)

    def says(self, number: int, text: str | re.Pattern[str]) -> None:
        """The outputs of a cell hold this."""
        expect(self.output(number)).to_contain_text(text)

    def has_run(self, number: int, count: int) -> None:
        """The margin shows that the cell ran, as the kernel's run of this number."""
        expect(self.mark(number)).to_have_text(str(count))

    def has_source(self, number: int, text: str) -> None:
        """The editor of a cell holds exactly this."""
        expect(self.source(number).locator(".cm-line")).to_have_text(text.split("\n"))

    # ---- what is drawn

    def drawn(self) -> list[dict[str, str]]:
        """Return what each cell shows: kind, source, outputs, margins."""
        found: list[dict[str, str]] = self.page.evaluate(
            """() => [...document.querySelectorAll("section.cell")].map(cell => ({
                kind: cell.dataset.kind,
                source: [...cell.querySelectorAll(".cm-line, .source-static code")]
                    .map(line => line.textContent).join("\\n"),
                text: cell.querySelector(".text")?.innerText ?? "",
                outputs: cell.querySelector(".outputs")?.innerText ?? "",
                pictures: String(cell.querySelectorAll(".outputs img").length),
                tables: String([...cell.querySelectorAll(".outputs *")].filter(
                    element => element.shadowRoot?.querySelector("table")).length),
                input: cell.querySelector(".input-line label")?.innerText ?? "",
                mark: cell.querySelector(".mark-text")?.textContent ?? "",
                status: cell.dataset.status,
            }))"""
        )
        return found
