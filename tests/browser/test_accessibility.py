"""Nothing serious, says axe-core, of any page, light and dark; and a screen reader hears what happens."""

from pathlib import Path
from typing import TypedDict

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visits import Scheme, Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"

SOURCES = [
    "print('text \\x1b[31mred\\x1b[0m \\x1b[32mgreen\\x1b[0m \\x1b[33myellow\\x1b[0m \\x1b[34mblue')",
    "import pandas as pd\npd.DataFrame({'a': [1, 2]})",
    "import sys\nprint('to stderr', file=sys.stderr)\n{}['key']",
    "answer = input('Question? ')",
]


class Violation(TypedDict):
    id: str
    impact: str
    help: str
    nodes: list[dict[str, object]]


def is_accessible(page: Page) -> None:
    """Let axe look at the page; rules of WCAG 2.2 A and AA, and best practices."""
    # By the debugger, since the page's own policy lets no script in.
    page.evaluate(AXE.read_text())
    found: list[Violation] = page.evaluate(
        """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map(
            ({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.slice(0, 3).map(
                ({ html, failureSummary }) => ({ html, failureSummary })) }))"""
    )
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert not serious, "\n".join(f"{one['id']}: {one['help']} {one['nodes']}" for one in serious)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_notebook(visits: Visits, server: CarnetServer, scheme: Scheme) -> None:
    name = f"seen-{scheme}.ipynb"
    server.write(name, [*SOURCES, "never = 1"])
    notebook = visits.notebook(name, profile=visits.profile(scheme=scheme))
    page = notebook.page
    for number in (1, 2, 3, 4):
        notebook.run(number)
    expect(notebook.cell(4).get_by_label("Question?")).to_be_visible()
    notebook.says(3, "KeyError")
    is_accessible(page)

    notebook.cell(1).locator(".mark").click()
    notebook.keys("m")
    notebook.write(1, "# Heading\n\nWords, [a link](https://example.org), `code`.\n\n| a |\n|---|\n| 1 |")
    notebook.keys("Control+Enter")
    expect(page.get_by_role("heading", name="Heading")).to_be_visible()
    is_accessible(page)
    notebook.menu("View", "Outline")
    expect(page.get_by_role("navigation", name="Outline").get_by_role("listitem")).to_have_text(
        ["Headingrunning"]
    )
    is_accessible(page)
    notebook.keys("Escape")

    page.get_by_role("menubar").get_by_role("menuitem", name="Kernel").click()
    expect(page.get_by_role("menu")).to_be_visible()
    is_accessible(page)
    notebook.keys("Escape")
    page.get_by_role("button", name="All commands").click()
    expect(page.get_by_role("combobox")).to_be_focused()
    is_accessible(page)
    notebook.keys("Escape")
    notebook.menu("Help", "Keyboard")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    is_accessible(page)
    notebook.keys("Escape")
    notebook.menu("Kernel", "Restart the kernel")
    expect(page.get_by_role("dialog")).to_contain_text("All variables are lost")
    is_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dashboard(visits: Visits, server: CarnetServer, scheme: Scheme) -> None:
    server.write(f"listed-{scheme}.ipynb", ["1"])
    notebook = visits.notebook(f"listed-{scheme}.ipynb")
    notebook.run(1)
    notebook.has_run(1, 1)
    page = visits.page(profile=visits.profile(scheme=scheme))
    expect(page.get_by_role("region", name="Running")).to_be_visible()
    is_accessible(page)

    page.get_by_role("button", name="New").click()
    expect(page.get_by_role("menu")).to_be_visible()
    is_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_label(f"Select listed-{scheme}.ipynb").check()
    expect(page.get_by_text("1 item selected")).to_be_visible()
    is_accessible(page)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    is_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_doors(visits: Visits, server: CarnetServer, scheme: Scheme) -> None:
    page = visits.page("login", profile=visits.profile(is_signed_in=False, scheme=scheme))
    expect(page.get_by_label("Token")).to_be_visible()
    is_accessible(page)

    page = visits.page("notebooks/missing.ipynb", profile=visits.profile(scheme=scheme))
    expect(page.get_by_role("heading", name="There is no such notebook")).to_be_visible()
    is_accessible(page)


def test_on_a_phone(visits: Visits, server: CarnetServer) -> None:
    server.write("small.ipynb", ["1"])
    notebook = visits.notebook("small.ipynb", profile=visits.profile(is_phone=True))
    is_accessible(notebook.page)


#: Counts what begins to move, from the first line of the page on.
MOVES = """window.moved = [];
document.addEventListener("transitionrun", event => window.moved.push(`${event.target.className} ${event.propertyName}`));"""


def test_where_motion_is_reduced_nothing_moves(visits: Visits, server: CarnetServer) -> None:
    server.write("still.ipynb", ["1", "2", "3"])
    profile = visits.profile()
    profile.add_init_script(MOVES)
    notebook = visits.notebook("still.ipynb", profile=profile)
    for number in (1, 2, 3):
        expect(notebook.source(number)).to_be_visible()
    notebook.cell(2).hover()
    notebook.run(2)
    notebook.says(2, "2")

    assert notebook.page.evaluate("window.moved") == []


def test_a_screen_reader_hears_how_a_run_ended(visits: Visits, server: CarnetServer) -> None:
    server.write("heard.ipynb", ["1 / 0"])
    notebook = visits.notebook("heard.ipynb")
    spoken = notebook.page.locator("[aria-live=polite]").filter(has_text="Cell 1")
    notebook.run(1)

    expect(spoken.first).to_contain_text("failed")
    expect(notebook.cell(1)).to_have_accessible_name("Code cell 1 of 1, failed")
