"""Outputs cannot act: scripts live in a frame of nobody's origin, and everything else is inert."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Frame, expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import WIDE, Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Each sets `hacked` on whatever window it reaches, when it runs.
HIT = "(window.top===window||1)&&(window.hacked=1)"

INERT = [
    f"<img src=x: onerror='{HIT}'>",
    f"<svg onload='{HIT}'></svg>",
    f"<svg><script>{HIT}</script></svg>",
    f"<svg><animate onbegin='{HIT}' attributeName=x dur=1s></svg>",
    f"<svg><a xlink:href='javascript:{HIT}'><text y=10>press</text></a></svg>",
    f"<a href='javascript:{HIT}'>press</a>",
    f"<a href='&#106;avascript:{HIT}'>press</a>",
    f"<form action='javascript:{HIT}'><button>press</button></form>",
    f"<details open ontoggle='{HIT}'><summary>x</summary></details>",
    f"<math><mtext><table><mglyph><style><img src=x onerror='{HIT}'></style></mglyph></table></mtext></math>",
    f"<noscript><p title=\"</noscript><img src=x onerror='{HIT}'>\"></noscript>",
    "<style>@import '//evil.example/x.css'; body { background: url(//evil.example/y.png) }</style><p>styled</p>",
    "<img src='//evil.example/pixel.png'><img srcset='//evil.example/p2.png 1x'>",
    "<link rel=stylesheet href='//evil.example/z.css'><base href='//evil.example/'>",
    "<video src='//evil.example/v.mp4' poster='//evil.example/p.png' autoplay></video>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<div style='background:url(//evil.example/b.png);position:fixed;inset:0'>cover</div>",
]

PROBE = """
<div id="verdict">waiting</div>
<script>
const tried = {};
const attempt = (name, act) => { try { tried[name] = String(act()); } catch (error) { tried[name] = "refused"; } };
attempt("cookie", () => document.cookie);
attempt("storage", () => localStorage.length);
attempt("parent", () => parent.document.title);
attempt("top", () => top.document.title);
attempt("opener", () => String(window.opener));
attempt("popup", () => String(window.open("about:blank")));
fetch("ADDRESSapi/contents").then(answer => { tried.fetch = String(answer.status); }, () => { tried.fetch = "refused"; })
  .then(() => fetch("ADDRESSapi/contents", { credentials: "include", mode: "no-cors" }))
  .then(answer => { tried.nocors = answer.type; }, () => { tried.nocors = "refused"; })
  .then(() => { document.getElementById("verdict").textContent = JSON.stringify(tried); });
</script>
"""


def write_outputs(path: Path, outputs: list[dict[str, object]], text: str = "") -> None:
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": "",
            "execution_count": None,
            "outputs": [output],
        }
        for number, output in enumerate(outputs)
    ]
    if text:
        cells.insert(0, {"cell_type": "markdown", "id": "text", "metadata": {}, "source": text})
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))


def display(media_type: str, data: object) -> dict[str, object]:
    return {"output_type": "display_data", "metadata": {}, "data": {media_type: data}}


def nothing_acted(notebook: NotebookPage) -> None:
    assert notebook.page.evaluate("window.hacked") is None
    assert "/notebooks/" in notebook.page.url
    pages = notebook.page.context.pages
    assert pages == [notebook.page]


def test_hostile_html_is_inert_and_asks_nobody(visits: Visits, server: CarnetServer) -> None:
    # Those with handlers or scripts go to frames, whose policy says no, aloud; nothing of it reaches the page.
    visits.announce("sandboxed|Content Security Policy|request failed: x:")
    write_outputs(server.notebooks / "hostile.ipynb", [display("text/html", html) for html in INERT])
    notebook = visits.notebook("hostile.ipynb")
    for number in range(1, len(INERT) + 1):
        cell = notebook.cell(number)
        cell.scroll_into_view_if_needed()
        expect(cell.locator(".outputs > .output")).to_be_attached()

    nothing_acted(notebook)
    for press in notebook.page.get_by_text("press").all():
        press.click()
    nothing_acted(notebook)


def test_hostile_markdown_and_svg_are_inert(visits: Visits, server: CarnetServer) -> None:
    # Where the sanitiser looks at what it takes away, the policy says no, aloud.
    visits.announce("Content Security Policy")
    text = "\n\n".join([*INERT, f"[press](javascript:{HIT})", f"![x](x: 'y\" onerror={HIT}')", "# The end"])
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' onload='{HIT}'><script>{HIT}</script><circle r='9'/></svg>"
    )
    outputs: list[dict[str, object]] = [
        display("image/svg+xml", svg),
        display("text/markdown", text),
        display("text/latex", f"$\\href{{javascript:{HIT}}}{{x}}$"),
        display("application/json", {"<img src=x onerror=1>": HIT}),
        {
            "output_type": "stream",
            "name": "stdout",
            "text": f"<img src=x onerror='{HIT}'>\x1b]8;;javascript:1\x07x",
        },
    ]
    write_outputs(server.notebooks / "hostile-text.ipynb", outputs, text)
    notebook = visits.notebook("hostile-text.ipynb")
    expect(notebook.page.get_by_role("heading", name="The end").first).to_be_visible()
    for number in range(1, len(outputs) + 2):
        notebook.cell(number).scroll_into_view_if_needed()

    nothing_acted(notebook)
    for press in notebook.page.get_by_text("press", exact=True).all():
        press.click()
    nothing_acted(notebook)


def test_output_with_scripts_lives_in_a_frame_that_reaches_nothing(
    visits: Visits, notebook: NotebookPage, server: CarnetServer
) -> None:
    visits.announce("output-frame|sandboxed|Content Security Policy|Blocked|net::ERR_BLOCKED_BY_CSP|csp")
    html = PROBE.replace("ADDRESS", server.url)
    notebook.run(1, f"from IPython.display import HTML\nHTML({html!r})")
    frame = notebook.output(1).frame_locator("iframe")
    expect(frame.locator("#verdict")).to_contain_text("nocors")

    said = json.loads(frame.locator("#verdict").inner_text())
    assert {
        name: said[name] for name in ("cookie", "storage", "parent", "top", "fetch", "nocors")
    } == dict.fromkeys(("cookie", "storage", "parent", "top", "fetch", "nocors"), "refused")
    assert said["popup"] in {"null", "refused"}
    [inner] = [one for one in notebook.page.frames if one.parent_frame is not None]
    assert origin_of(inner) == "null"
    assert notebook.output(1).locator("iframe").get_attribute("sandbox") == "allow-scripts"
    nothing_acted(notebook)


def test_xs11_an_interactive_output_works_in_its_frame(notebook: NotebookPage) -> None:
    html = '<button onclick="this.textContent = 6 * 7">ask</button>'
    notebook.run(1, f"from IPython.display import HTML\nHTML({html!r})")
    button = notebook.output(1).frame_locator("iframe").get_by_role("button")

    button.click()

    expect(button).to_have_text("42")


def origin_of(frame: Frame) -> str:
    origin: str = frame.evaluate("self.origin")
    return origin


def test_xs17_what_is_kept_apart_is_fetched_when_it_comes_near(visits: Visits, server: CarnetServer) -> None:
    rows = "".join(f"<tr><td>row {number}</td></tr>" for number in range(4000))
    text = "\n\n".join(f"paragraph {number}" for number in range(200))
    write_outputs(server.notebooks / "far.ipynb", [display("text/html", f"<table>{rows}</table>")], text)
    profile = visits.profile()
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url))
    notebook = NotebookPage(visits.page("notebooks/far.ipynb", profile=profile))
    expect(notebook.page.get_by_text("paragraph 199", exact=True)).to_be_attached()
    far = notebook.cell(2).locator(".outputs")
    notebook.page.mouse.move(600, 400)

    def below_px() -> float:
        """How far below the window it begins; a cell that is very far is not in the page."""
        box = far.bounding_box() if far.count() else None
        return box["y"] - WIDE["height"] if box is not None else float("inf")

    while below_px() > 900:
        assert [url for url in asked if "/blobs/" in url] == []
        notebook.page.mouse.wheel(0, 100)
        notebook.page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
    with notebook.page.expect_response(lambda response: "/blobs/" in response.url):
        notebook.page.mouse.wheel(0, 200)
    # It comes before it is seen.
    assert below_px() > 400
    notebook.page.mouse.wheel(0, 2000)
    expect(far.get_by_text("row 3999", exact=True)).to_be_attached()


def test_xs19_outputs_keep_their_height_while_a_cell_runs_again(notebook: NotebookPage) -> None:
    code = "print('a line\\n' * 30)"
    notebook.run(1, code)
    notebook.has_run(1, 1)
    notebook.says(1, "a line")
    height = notebook.output(1).evaluate("element => element.offsetHeight")
    assert height > 300

    notebook.run(1, "print('new')\ninput('more? ')\nprint('end')")
    answer = notebook.cell(1).get_by_label("more?")
    expect(answer).to_be_focused()
    expect(notebook.output(1)).not_to_contain_text("a line")
    assert notebook.output(1).evaluate("element => element.offsetHeight") >= height
    notebook.page.keyboard.type("no\n")
    notebook.has_run(1, 2)
    notebook.says(1, "end")
    assert notebook.output(1).evaluate("element => element.offsetHeight") < height


#: What TeX may ask of a page, in one formula each.
TEX_THAT_ACTS = [
    r"\href{https://evil.example/}{link}",
    r"\class{app}{classed}",
    r"\cssId{app}{named}",
    r"\style{position:fixed;inset:0}{styled}",
    r"\label{app} \ref{app} labelled",
    r"\require{html} \href{https://evil.example/}{required}",
    r"\unicode[evil]{65} \data{a=b}{data}",
]


def test_xs20_formulas_make_no_links_classes_ids_or_styles(visits: Visits, server: CarnetServer) -> None:
    outputs: list[dict[str, object]] = [display("text/latex", f"$${tex}$$") for tex in TEX_THAT_ACTS]
    write_outputs(server.notebooks / "tex.ipynb", outputs)
    notebook = visits.notebook("tex.ipynb")
    for number in range(1, len(outputs) + 1):
        notebook.cell(number).scroll_into_view_if_needed()
        expect(notebook.output(number).locator("mjx-container")).to_be_attached()

    # A reference that leads nowhere is an `a` without an address.
    acting = "[href], [id], .app, [data-a], [style*='position'], [style*='inset']"
    found = notebook.page.locator("mjx-container").locator(acting)
    assert found.evaluate_all("all => all.map(one => one.outerHTML)") == []
