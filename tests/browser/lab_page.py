"""JupyterLab's page as a person meets it. Its own class names: they are what its own tests go by."""

import re
import time
from typing import Self

from playwright.sync_api import BrowserContext, Locator, Page, WebSocket, expect


class Heard:
    """Waits for a word on the sockets of a profile's pages: what a page does before that is lost."""

    def __init__(self, profile: BrowserContext, address: str, word: bytes) -> None:
        self._address = address
        self._word = word
        self._came = False
        self._heard: list[str] = []
        profile.on("page", lambda page: page.on("websocket", self._listen))

    def wait(self, page: Page) -> None:
        """Wait until it was said."""
        until_s = time.monotonic() + 30
        while not self._came:
            assert time.monotonic() < until_s, f"nothing said {self._word!r}: {self._heard}"
            page.wait_for_timeout(20)

    def again(self) -> None:
        """Wait for the next one."""
        self._came = False

    def _listen(self, socket: WebSocket) -> None:
        self._heard.append(socket.url)
        if self._address in socket.url:
            socket.on("framereceived", self._hear)

    def _hear(self, frame: bytes | str) -> None:
        data = frame if isinstance(frame, bytes) else frame.encode()
        self._heard.append(str(data[:60]))
        self._came = self._came or self._word in data


def kernels_of(profile: BrowserContext) -> Heard:
    """Hear when a kernel has said who it is. The page says idle before that too, and drops what is run then."""
    return Heard(profile, "/channels", b"kernel_info_reply")


class LabPage:
    """JupyterLab in one tab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def ready(self) -> Self:
        """Wait until its windows stand."""
        expect(self.page.locator(".jp-SideBar").first).to_be_visible()
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)
        # Keys do nothing before that: labels tell them once they are known.
        expect(self.page.get_by_role("button", name="New Launcher (Ctrl+Shift+L)")).to_be_visible()
        return self

    # ---- parts

    @property
    def notebook(self) -> Locator:
        """The notebook in front."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def cell(self, number: int) -> Locator:
        """One cell, counted from 1."""
        return self.notebook.locator(".jp-Notebook .jp-Cell").nth(number - 1)

    def output(self, number: int) -> Locator:
        """All outputs of a cell."""
        return self.cell(number).locator(".jp-OutputArea").first

    @property
    def editor(self) -> Locator:
        """The text of the file in front."""
        return self.page.locator(".jp-FileEditor:not(.lm-mod-hidden) .cm-content")

    @property
    def tab(self) -> Locator:
        """The tab in front."""
        return self.page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current")

    # ---- acts

    def write(self, number: int, text: str) -> None:
        """Put this into a cell in place of what is there."""
        self.cell(number).locator(".cm-content").click()
        expect(self.cell(number).locator(".cm-content")).to_be_focused()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def run(self, number: int, text: str | None = None) -> None:
        """Write this into a cell and run it."""
        if text is not None:
            self.write(number, text)
        else:
            self.cell(number).locator(".cm-content").click()
        expect(self.cell(number).locator(".cm-content")).to_be_focused()
        self.page.keyboard.press("Control+Enter")

    def save(self) -> None:
        """Press Ctrl-S, and wait until nothing is unsaved."""
        self.page.keyboard.press("Control+s")
        expect(self.tab).not_to_have_class(re.compile("jp-mod-dirty"))

    def menu(self, menu: str, *items: str) -> None:
        """Choose from the bar of menus."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=menu).first.click()
        for item in items:
            self.page.locator(".lm-Menu-itemLabel", has_text=item).first.click()

    # ---- what must become true

    def says(self, number: int, text: str) -> None:
        """The outputs of a cell hold this."""
        expect(self.output(number)).to_contain_text(text)

    def has_run(self, number: int, count: int) -> None:
        """A cell has its number: its run is over, and this page knows."""
        expect(self.cell(number).locator(".jp-InputPrompt").first).to_have_text(f"[{count}]:")

    def is_busy(self) -> None:
        """The kernel runs something."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Busy")

    def is_idle(self) -> None:
        """Keys run cells, and the kernel waits for something to do."""
        run = self.notebook.get_by_role("button", name="Run this cell and advance (Shift+Enter)")
        expect(run).to_be_visible()
        expect(self.notebook.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute(
            "data-status", "idle"
        )
