"""Make the pictures of docs/images: dashboard, notebook and terminal, light and dark, wide and phone-narrow.

    ./run python -m tools.make_screenshots

A real server shows a demo notebook in a real Chromium: one cell runs, one waits.
What the pictures show is what the page looks like today. The page brings no fonts of
its own; those of the pictures are Debian's, like those that most people's systems have.
"""

import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.support.debian import debian
from tests.support.server import CarnetServer

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"

#: More than this is too much for a page of the docs.
LARGEST_BYTES = 150_000

WIDE: ViewportSize = {"width": 1280, "height": 1000}
PHONE: ViewportSize = {"width": 390, "height": 844}

#: Likenesses of Palatino, of a system's own face, and a face for code that the page asks for itself.
FONT_PACKAGES = ("fonts-texgyre", "fonts-inter", "fonts-jetbrains-mono", "fonts-dejavu-core")

FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  {aliases}
</fontconfig>
"""

ALIASES = {
    "Palatino": "TeX Gyre Pagella",
    "serif": "TeX Gyre Pagella",
    "system-ui": "Inter",
    "sans-serif": "Inter",
    "monospace": "JetBrains Mono",
}

TITLE = """\
# The Lorenz attractor

Three coupled equations, and a butterfly. We integrate with a fixed step, because what interests us here is the \
shape and not the last digit.

$$\\dot x = \\sigma (y - x) \\qquad \\dot y = x (\\rho - z) - y \\qquad \\dot z = xy - \\beta z$$"""

LORENZ = """\
import matplotlib.pyplot as plt
import numpy as np
from seeds import follow, progress

def lorenz(xyz, sigma=10, beta=8/3, rho=28):
    x, y, z = xyz
    return np.array([sigma*(y - x), x*(rho - z) - y, x*y - beta*z])   # 1963"""

PLOT = """\
path = [np.ones(3)]
for step in range(5000):
    path.append(path[-1] + 0.01 * lorenz(path[-1]))
plt.figure(figsize=(6.8, 2)); plt.plot(*np.array(path).T[::2], lw=0.5);"""

#: Goes on while the pictures are taken: twenty thousand ways through the attractor take minutes.
LONG = """\
ends = []
for start in progress(np.random.default_rng(1963).normal(size=(20_000, 3))):
    ends.append(follow(lorenz, start)[0])"""

HELPERS = """\
import sys, time

def follow(slope, here, steps=1000):
    for _ in range(steps):
        here = here + 0.01 * slope(here)
    return here

def progress(steps):
    began = time.monotonic()
    for done, step in enumerate(steps):
        if done % 20 == 0:
            share = done / len(steps)
            bar = ("█" * round(24 * share)).ljust(24, "░")
            left = (time.monotonic() - began) * (1 / share - 1) if share else 0
            words = f"{share:4.0%} {bar} {done:,} of {len(steps):,}, {left // 60:.0f}:{left % 60:02.0f} left"
            print("\\r" + words.ljust(64), end="", file=sys.stderr, flush=True)
        yield step
"""

SUMMARY = "np.mean(np.sign(ends) > 0)   # how often the right wing"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, CarnetServer(Path(folder)) as server:
        experiments = server.notebooks / "experiments"
        experiments.mkdir()
        write_demo(experiments)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path(),
                args=list(ARGUMENTS),
                env={**os.environ, "FONTCONFIG_FILE": str(write_fonts(Path(folder)))},
            )
            run_demo(browser, server)
            for scheme in ("light", "dark"):
                for size, viewport in (("wide", WIDE), ("phone", PHONE)):
                    take(browser, server, scheme, size, viewport)
            browser.close()
    large = [path.name for path in IMAGES.glob("*.png") if path.stat().st_size > LARGEST_BYTES]
    if large:
        sys.exit(f"Larger than {LARGEST_BYTES} bytes: {', '.join(large)}. Show less, or at a smaller scale.")


def write_fonts(folder: Path) -> Path:
    """Write a font configuration that knows the pictures' fonts, and no others."""
    aliases = "".join(
        f"<alias binding='same'><family>{asked}</family><prefer><family>{given}</family></prefer></alias>"
        for asked, given in ALIASES.items()
    )
    fonts = debian(*FONT_PACKAGES).root / "usr" / "share"
    path = folder / "fonts.conf"
    path.write_text(FONTS_CONF.format(fonts=fonts, cache=folder / "font-cache", aliases=aliases))
    return path


def write_demo(folder: Path) -> None:
    """Write the demo notebook, and some neighbours for the dashboard."""
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": TITLE}
    ]
    for name, source in (("lorenz", LORENZ), ("plot", PLOT), ("long", LONG), ("summary", SUMMARY)):
        new = {"cell_type": "code", "id": name, "metadata": {}, "source": source}
        cells.append({**new, "outputs": [], "execution_count": None})
    write_notebook(folder / "lorenz.ipynb", cells)
    for name in ("double pendulum.ipynb", "fit.ipynb"):
        write_notebook(folder / name, cells[:2])
    (folder / "readings").mkdir()
    (folder / "notes.md").write_text("# What to try next\n" * 20)
    (folder / "runs.csv").write_text("rho,mean,std\n" + "28.0,0.031,7.924\n" * 900)
    (folder / "seeds.py").write_text(HELPERS)


def write_notebook(path: Path, cells: list[dict[str, object]]) -> None:
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": cells}
    path.write_text(json.dumps(content, indent=1) + "\n")


def run_demo(browser: Browser, server: CarnetServer) -> None:
    """Run the notebook: everything but the long cell comes to its end."""
    page = browser.new_page()
    sign_in(server, page.context)
    page.goto(f"{server.url}notebooks/experiments/fit.ipynb")
    fit = page.locator('section.cell[aria-label^="Code cell 2 "]')
    fit.locator(".mark").click()
    page.keyboard.press("Control+Enter")
    expect(fit.locator(".mark-text")).to_have_text("1", timeout=60_000)
    page.goto(f"{server.url}notebooks/experiments/lorenz.ipynb")
    first = page.locator('section.cell[aria-label^="Code cell 2 "]')
    first.locator(".mark").click()
    page.keyboard.press("Control+Enter")
    expect(first.locator(".mark-text")).to_have_text("1", timeout=60_000)
    page.get_by_role("menubar").get_by_role("menuitem", name="Run").click()
    page.get_by_role("menu").get_by_role("menuitem", name="Run all cells", exact=True).click()
    expect(page.locator(".outputs img")).to_be_visible(timeout=60_000)
    # Far enough that the bar is one.
    expect(page.get_by_text(re.compile("[1-9][0-9]% █"))).to_be_visible(timeout=300_000)
    page.close()
    server.request("POST", "/api/terminals", {"cwd": "experiments"})
    show_terminal(browser, server)


def show_terminal(browser: Browser, server: CarnetServer) -> None:
    """Type a little into the terminal, under a prompt that says nothing of this machine."""
    page = browser.new_page(viewport=PHONE)
    sign_in(server, page.context)
    page.goto(f"{server.url}terminals/1")
    expect(page.locator(".states .state")).to_have_text("Live")
    page.keyboard.type("exec env -i TERM=$TERM PS1='\\W $ ' bash --norc\n")
    rows = page.locator(".xterm-rows")
    expect(rows).to_contain_text(re.compile("experiments [$]\\s*$"))
    page.keyboard.type("clear\n")
    expect(rows).to_have_text(re.compile("^experiments [$]\\s*$"))
    for line, prompts in (
        ("ls --color", "[$]"),
        ("uniq -c runs.csv", "[$]"),
        ("python3 -q", ">>>"),
        ("from statistics import *", ">>>.*>>>"),
        ("median([6, 42, 97])", "42 *>>>"),
    ):
        page.keyboard.type(f"{line}\n")
        expect(rows).to_contain_text(re.compile(f"{prompts}\\s*$"), timeout=60_000)
    page.close()


def take(browser: Browser, server: CarnetServer, scheme: str, size: str, viewport: ViewportSize) -> None:
    """Take both pictures in one look."""
    is_phone = size == "phone"
    context = browser.new_context(
        viewport=viewport,
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2 if is_phone else 1,
        is_mobile=is_phone,
        has_touch=is_phone,
        reduced_motion="reduce",
    )
    sign_in(server, context)
    page = context.new_page()
    page.goto(f"{server.url}notebooks/experiments/lorenz.ipynb")
    expect(page.locator("mjx-container").first).to_be_visible()
    expect(page.locator(".outputs img").first).to_be_visible()
    expect(page.locator(".states .state").last).to_have_text("Live")
    page.evaluate("document.fonts.ready")
    keep(page, f"notebook-{scheme}-{size}.png")
    page.goto(f"{server.url}tree/experiments")
    expect(page.get_by_role("region", name="Running")).to_contain_text(re.compile("lorenz"))
    keep(page, f"dashboard-{scheme}-{size}.png")
    page.goto(f"{server.url}terminals/1")
    expect(page.locator(".xterm-rows")).to_contain_text("median([6, 42, 97])")
    expect(page.locator(".states .state")).to_have_text("Live")
    keep(page, f"terminal-{scheme}-{size}.png")
    context.close()


def keep(page: Page, name: str) -> None:
    """Take a picture, and write it with a palette: the page has few colours, and a third of the bytes will do."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)


def sign_in(server: CarnetServer, context: BrowserContext) -> None:
    name, _, value = server.headers()["Cookie"].partition("; ")[0].partition("=")
    context.add_cookies([{"name": name, "value": value, "url": server.url}])


if __name__ == "__main__":
    main()
