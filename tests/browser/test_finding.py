"""Finding: in sources and in what outputs say, wherever in the notebook they are."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOURCES = [
    "needle = 'in a source'",
    "for number in range(400): print('a needle' if number == 390 else number)",
    "from IPython.display import HTML\nHTML('<table><tr><td>hay</td><td>Needle</td></tr></table>')",
    "{}['needle']",
]


@pytest.fixture
def notebook(visits: Visits, server: CarnetServer, request: pytest.FixtureRequest) -> NotebookPage:
    name = f"{request.node.name}.ipynb"
    server.write(name, SOURCES)
    notebook = visits.notebook(name)
    notebook.menu("Run", "Run all cells")
    notebook.says(4, "KeyError")
    return notebook


def found(page: Page) -> str | None:
    """Return what is marked as found in an output; None: nothing is."""
    text: str | None = page.evaluate(
        "() => { const mark = CSS.highlights.get('carnet-found'); return mark ? String([...mark][0]) : null }"
    )
    return text


def test_outputs_are_found_and_shown(notebook: NotebookPage) -> None:
    page = notebook.page
    notebook.keys("Escape", "Control+f")
    page.keyboard.type("needle")
    count = page.locator(".find-count")
    # Sources: 1, 2, 3 (in capitals), 4. Outputs: one line of 400, a table, an error (its sentence, and twice in the traceback).
    expect(count).to_have_text("0 of 9")

    seen: list[str | None] = []
    for number in range(1, 10):
        page.keyboard.press("Enter")
        expect(count).to_have_text(f"{number} of 9")
        page.wait_for_function(
            "wanted => (CSS.highlights.has('carnet-found')) === wanted", arg=number in {3, 5, 7, 8, 9}
        )
        seen.append(found(page))
        if seen[-1] is not None:
            page.wait_for_function(
                "() => { const box = [...CSS.highlights.get('carnet-found')][0].getBoundingClientRect();"
                " return box.top > 0 && box.bottom < innerHeight }"
            )
    assert seen == [None, None, "needle", None, "Needle", None, "needle", "needle", "needle"]

    page.keyboard.press("Escape")
    page.wait_for_function("() => !CSS.highlights.has('carnet-found')")


def test_outputs_are_not_replaced(notebook: NotebookPage) -> None:
    page = notebook.page
    notebook.keys("Escape", "Control+h")
    page.get_by_label("Find in sources and outputs").fill("needle")
    page.get_by_label("Replace with").fill("pin")
    page.get_by_role("button", name="All 4").click()

    notebook.has_source(1, "pin = 'in a source'")
    notebook.has_source(4, "{}['pin']")
    notebook.says(2, "a needle")
