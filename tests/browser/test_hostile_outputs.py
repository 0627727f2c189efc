"""Hostile documents in a real browser: nothing runs in the page, nothing is reached, nobody is called (XS1 to XS22).

The corpus is in tests/browser/hostile.py. `pwn` is there in every window, so that what runs is counted whatever it is.
"""

import contextlib
import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Error, Page, Request, WebError, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.hostile import CORPUS, ESCAPES
from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import WIDE
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BATCH = 100

#: Walks the page and every shadow root in it: what must not be there, whatever a document holds.
SWEEP = r"""() => {
  const found = [];
  const roots = [document];
  const bad = (element, why) => found.push(`${why}: ${element.outerHTML.slice(0, 160)}`);
  for (const root of roots) {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) roots.push(element.shadowRoot);
      const inOutput = root !== document || element.closest(".output, .prose, .file-body") !== null;
      for (const name of element.getAttributeNames()) {
        const value = element.getAttribute(name) ?? "";
        if (/^on/i.test(name)) bad(element, "handler");
        if (/^(href|src|action|formaction|data|xlink:href|poster|srcset|background|ping|srcdoc|manifest)$/i.test(name)) {
          // As browsers read addresses: without control characters, and without tabs and line ends anywhere.
          const plain = value.replace(/[\x00-\x20]/g, "").toLowerCase();
          if (/^(javascript|vbscript|data:text|data:application|data:image\/svg|view-source|feed):?/.test(plain) &&
              !(element.localName === "img" && plain.startsWith("data:image/"))&&
              !(element.localName === "link" && !inOutput)) bad(element, "address");
          if (element.localName !== "a" && /^(https?:)?\/\//.test(plain) && new URL(value, location.href).origin !== location.origin)
            bad(element, "another host");
        }
        if (root === document && element.closest(".prose") !== null && /^(id|name|for|form|is|slot|part)$/.test(name))
          bad(element, "name");
      }
      if (!inOutput) continue;
      if (/^(script|form|base|meta|link|object|embed|frame|frameset|portal|template|applet|dialog|noscript)$/i.test(element.localName))
        bad(element, "element");
      if (element.localName === "style") bad(element, "sheet");
      if (element.localName === "iframe" && (element.className !== "output-frame" || element.getAttribute("sandbox") !== "allow-scripts"))
        bad(element, "frame");
      if (element.localName === "a" && element.hasAttribute("target") && !/noopener/.test(element.rel)) bad(element, "opener");
      if (root === document && /^(fixed|sticky)$/.test(getComputedStyle(element).position) && element.closest(".prose"))
        bad(element, "out of its place");
    }
  }
  return found;
}"""

#: What a reader's hand may do by chance: every event on everything but links, which are looked at instead.
TOUCH = r"""() => {
  const roots = [document.querySelector("main, .notebook, #app") ?? document.body];
  for (const root of roots) {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) roots.push(element.shadowRoot);
      const inside = root instanceof ShadowRoot || element.closest(".output, .prose, .jp-OutputArea-output") !== null;
      if (!inside || element.closest("a, button, iframe")) continue;
      for (const name of ["mouseover", "pointerenter", "click", "focusin", "animationstart", "toggle", "load", "error", "input"])
        element.dispatchEvent(new Event(name, { bubbles: name !== "error" && name !== "load", composed: true, cancelable: true }));
    }
  }
}"""

#: What of the page a document could have put itself in the place of.
WHOLE = """() => ({
  title: document.title.includes("pwned"),
  cookie: typeof document.cookie,
  body: document.body.localName,
  app: document.getElementById("app")?.parentElement?.localName,
  forms: document.forms.length,
  base: document.baseURI === location.href.split("#")[0] || document.baseURI === location.href,
  name: window.name,
  pwned: window.pwned ?? null,
  stored: Object.keys(localStorage).filter(key => key.includes("pwned")).length,
  meta: document.querySelectorAll("meta[name=carnet-xsrf]").length,
})"""


@dataclass
class Watch:
    """A profile in which everything that a document did is noted."""

    context: BrowserContext
    server: CarnetServer
    ran: list[str] = field(default_factory=list)
    """Where `pwn` was called: `page NUMBER` or `frame NUMBER`."""
    reached: list[str] = field(default_factory=list)
    thrown: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def begin(self) -> None:
        name, _, value = self.server.headers()["Cookie"].partition("; ")[0].partition("=")
        self.context.add_cookies([{"name": name, "value": value, "url": self.server.url}])
        self.context.expose_binding("pwn", self._pwned)
        self.context.on("requestfinished", self._finished)
        self.context.on("requestfailed", self._failed)
        self.context.on("weberror", self._threw)
        self.context.on("dialog", self._asked)
        self.context.on("page", self._opened)

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.goto(self.server.url + quote(path, safe="/?=&#"))
        return page

    def notebook(self, name: str) -> NotebookPage:
        """Open a notebook, and have all of it drawn, as for a print."""
        notebook = NotebookPage(self.open(f"notebooks/{name}"))
        notebook.is_live()
        notebook.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        return notebook

    def nothing_happened(self, page: Page, *, frames_run: bool = False) -> None:
        """Assert it, of all that was opened."""
        assert page.evaluate(SWEEP) == []
        page.evaluate(TOUCH)
        # What a touch had begun would be under way: two frames, and whatever was asked for has left.
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        whole = page.evaluate(WHOLE)
        assert whole == {
            "title": False,
            "cookie": "string",
            "body": "body",
            "app": "body",
            "forms": 0,
            "base": True,
            "name": "",
            "pwned": None,
            "stored": 0,
            "meta": 1,
        }
        assert [one for one in self.ran if not (frames_run and one.startswith("frame"))] == []
        assert self.reached == []
        assert self.other == []
        assert self.thrown == []
        assert urlsplit(page.url).path.startswith(("/notebooks/", "/tree", "/view", "/edit"))
        assert [one for one in self.context.cookies() if "pwned" in one.get("name", "")] == []
        assert self.server.request("GET", "/api/me")[0] == 200

    def _asked(self, dialog: Dialog) -> None:
        self.other.append(f"dialog {dialog.type}")
        dialog.dismiss()

    def _threw(self, error: WebError) -> None:
        # Scripts in frames throw as they like; what our own page throws has our own files in its stack.
        if "/static/" in (getattr(error.error, "stack", None) or ""):
            self.thrown.append(str(error.error))

    def _pwned(self, source: Mapping[str, object], *arguments: object) -> None:
        page, frame = source["page"], source["frame"]
        assert isinstance(page, Page)
        self.ran.append(f"{'page' if frame == page.main_frame else 'frame'} {arguments}")

    def _opened(self, page: Page) -> None:
        page.on("download", lambda download: self.other.append(f"download {download.url}"))
        page.on("popup", lambda popup: self.other.append(f"popup {popup.url}"))

    def _finished(self, request: Request) -> None:
        parts = urlsplit(request.url)
        is_ours = parts.netloc == urlsplit(self.server.url).netloc or parts.scheme in {"data", "blob"}
        if "canary" in request.url or not is_ours:
            self.reached.append(request.url)

    def _failed(self, request: Request) -> None:
        # What the policy stops never leaves; what asks for another host and is not stopped finds no address here.
        is_stopped = "csp" in (request.failure or "") or "BLOCKED_BY" in (request.failure or "")
        is_foreign = urlsplit(request.url).hostname not in {"127.0.0.1", None}
        if not is_stopped and ("canary" in request.url or is_foreign):
            self.reached.append(f"{request.url} ({request.failure})")


@pytest.fixture
def watch(browser: Browser, server: CarnetServer) -> Iterator[Watch]:
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    made = Watch(context, server)
    made.begin()
    yield made
    context.close()


T = TypeVar("T")


def batches(everything: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(everything), BATCH):
        yield everything[start : start + BATCH]


def write_cells(server: CarnetServer, name: str, cells: list[dict[str, Any]], **metadata: object) -> None:
    for index, cell in enumerate(cells):
        cell.setdefault("id", f"h{index}")
        cell.setdefault("metadata", {})
        cell.setdefault("source", "")
        if cell["cell_type"] == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (server.notebooks / name).write_text(json.dumps(notebook))


def display(mime: str, value: object, **metadata: object) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {mime: value}, "metadata": metadata}


def code(outputs: Sequence[dict[str, Any]], source: str = "") -> dict[str, Any]:
    return {"cell_type": "code", "outputs": list(outputs), "source": source}


def all_drawn(notebook: NotebookPage, count: int) -> None:
    expect(notebook.page.locator(".output")).to_have_count(count)


def test_xs1_html_of_strangers(watch: Watch, server: CarnetServer) -> None:
    cells = [code([display("text/html", one) for one in part]) for part in batches(CORPUS)]
    write_cells(server, "html.ipynb", cells)

    notebook = watch.notebook("html.ipynb")
    all_drawn(notebook, len(CORPUS))
    expect(notebook.page.get_by_text("Scripts in this output did not run").first).to_be_visible()

    assert notebook.page.locator("iframe").count() == 0, "nobody trusts this notebook"
    watch.nothing_happened(notebook.page)


def test_xs1_markdown_of_strangers(watch: Watch, server: CarnetServer) -> None:
    outputs = [code([display("text/markdown", one) for one in part]) for part in batches(CORPUS)]
    texts = [
        {
            "cell_type": "markdown",
            "source": one,
            "attachments": {
                "x.png": {"text/html": "<script>pwn(1)</script>", "image/svg+xml": "<svg onload='pwn(1)'/>"},
                one[:60]: {"image/png": "x' onerror='pwn(1)"},
            },
        }
        for one in CORPUS[::3]
    ]
    write_cells(server, "markdown.ipynb", [*outputs, *texts])

    notebook = watch.notebook("markdown.ipynb")
    all_drawn(notebook, len(CORPUS))
    expect(notebook.page.locator("section.cell[data-kind=markdown] .prose")).to_have_count(len(texts))
    notebook.page.locator("mjx-container").first.wait_for(state="attached")

    watch.nothing_happened(notebook.page)


def test_xs9_pictures_and_formulas_of_strangers(watch: Watch, server: CarnetServer) -> None:
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" onload="pwn(1)">{one}</svg>' for one in CORPUS]
    cells = [code([display("image/svg+xml", one) for one in part]) for part in batches(svg)]
    formulas = [one.strip("$") for one in CORPUS if "\\" in one] + CORPUS[:100:4]
    cells.append(code([display("text/latex", f"${one}$") for one in formulas]))
    write_cells(server, "svg.ipynb", cells)

    notebook = watch.notebook("svg.ipynb")
    all_drawn(notebook, len(svg) + len(formulas))

    watch.nothing_happened(notebook.page)


#: Expressions that escape from evaluators of old, and reach for a function that makes functions.
EXPRESSIONS = [
    "constructor.constructor('pwn(1)')()",
    "''.constructor.constructor('pwn(1)')()",
    "[].map.constructor('pwn(1)')()",
    "toString.constructor.prototype.call('pwn(1)')",
    "({valueOf: pwn}) + 1",
    "replace('x', /x/, pwn)",
    "{'toString': event.view.pwn}+''",
    "event.dataflow.logger({error: event.view.eval}).error('pwn(1)')",
    "this.pwn(1)",
    "datum['__proto__']['constructor']['constructor']('pwn(1)')()",
    "pluck([{a: pwn}], 'a')",
    "modify('t', {'__proto__': {pwned: 1}}, null)",
]


def vega_chart(one: str) -> dict[str, Any]:
    return {
        "title": {"text": one, "subtitle": one},
        "description": one,
        "data": {"values": [{"a": one, "b": 1, "u": one, "tooltip": one, "image": one}]},
        "mark": {
            "type": "bar",
            "tooltip": {"content": "data"},
            "href": one,
            "aria": True,
            "description": one,
        },
        "encoding": {
            "x": {"field": "a", "type": "nominal", "title": one, "axis": {"labelExpr": one}},
            "y": {"field": "b", "type": "quantitative", "axis": {"format": one}},
            "href": {"field": "u"},
            "description": {"field": "a"},
        },
        "params": [{"name": "p", "value": 1, "bind": {"input": "select", "options": [one], "name": one}}],
        "usermeta": {"embedOptions": {"downloadFileName": one, "loader": one, "sourceHeader": one}},
    }


def vega_expression(expression: str) -> dict[str, Any]:
    return {
        "data": {"values": [{"a": "x", "b": 1}]},
        "transform": [{"calculate": expression, "as": "c"}, {"filter": expression}],
        "params": [{"name": "q", "expr": expression}],
        "mark": {"type": "point", "tooltip": {"expr": expression}},
        "encoding": {
            "x": {"field": "c", "type": "nominal"},
            "y": {"field": "b", "type": "quantitative"},
        },
    }


def plots_of_strangers() -> list[dict[str, Any]]:
    """Figures and charts with a hostile string wherever a label, an address or an expression can stand."""
    plotly: list[dict[str, Any]] = []
    for one in CORPUS[::12]:
        trace = {
            "type": "scatter",
            "mode": "markers+text",
            "x": [1, 2],
            "y": [one, 3],
            "text": [one, one],
            "name": one,
            "hovertemplate": one,
            "customdata": [one, one],
            "legendgroup": one,
            "meta": one,
        }
        layout = {
            "title": {"text": one, "subtitle": {"text": one}},
            "xaxis": {"title": {"text": one}, "ticksuffix": one, "tickvals": [1], "ticktext": [one]},
            "annotations": [{"text": one, "hovertext": one, "x": 1, "y": 1}],
            "images": [{"source": "//evil.example/canary.png", "x": 0, "y": 0}, {"source": one}],
            "updatemenus": [{"buttons": [{"label": one, "method": "relayout", "args": ["title.text", one]}]}],
            "sliders": [{"steps": [{"label": one, "method": "skip"}]}],
            "legend": {"title": {"text": one}},
            "template": {"layout": {"font": {"family": one, "color": one}}},
        }
        config = {
            "plotlyServerURL": "https://evil.example/canary",
            "topojsonURL": "https://evil.example/canary/",
            "setBackground": one,
            "locale": one,
            "modeBarButtonsToAdd": [
                {"name": one, "title": one, "icon": {"svg": f"<svg onload='pwn(1)'>{one}</svg>"}},
                one,
            ],
            "showSendToCloud": True,
            "displayModeBar": True,
        }
        plotly.append({"data": [trace], "layout": layout, "config": config})
    table = {
        "type": "table",
        "header": {"values": CORPUS[:40]},
        "cells": {"values": [[one] for one in CORPUS[40:80]]},
    }
    plotly.append({"data": [table], "layout": {}})
    plotly.append(
        {"data": [{"type": "choropleth", "locations": ["x"], "z": [1], "geojson": "//evil.example/canary"}]}
    )
    vega = [vega_chart(one) for one in CORPUS[::12]]
    vega += [vega_expression(one) for one in EXPRESSIONS]
    vega.append({"data": {"url": "canary.json"}, "mark": "point", "encoding": {}})
    vega.append(
        {
            "data": {"url": "//evil.example/canary.csv"},
            "mark": {"type": "image", "url": "//evil.example/canary.png"},
            "encoding": {},
        }
    )
    return [
        *(display("application/vnd.plotly.v1+json", one) for one in plotly),
        *(display("application/vnd.vegalite.v6+json", one) for one in vega),
    ]


@pytest.mark.timeout(600)
def test_xs24_plots_of_strangers(watch: Watch, server: CarnetServer) -> None:
    """All are drawn, or refused in words; none runs, none asks for anything."""
    plots = plots_of_strangers()
    for number, part in enumerate(plots[start : start + 12] for start in range(0, len(plots), 12)):
        write_cells(server, f"plots{number}.ipynb", [code([one]) for one in part])
        notebook = NotebookPage(watch.open(f"notebooks/plots{number}.ipynb"))
        notebook.is_live()
        for index in range(len(part)):
            cell = notebook.cell(index + 1)
            cell.scroll_into_view_if_needed()
            frame = cell.frame_locator("iframe.output-frame")
            cell.locator(".output-plot iframe, .output-plot .output-note").first.wait_for(state="attached")
            expect(cell.locator(".output-plot")).to_have_attribute("aria-busy", "false")
            # The pointer over what has a label.
            marks = frame.locator(".point, .mark-rect path, .mark-symbol path")
            if marks.count() and marks.first.is_visible():
                marks.first.hover(force=True)
        for inner in notebook.page.frames[1:]:
            assert inner.evaluate("window.pwned ?? null") is None
        watch.nothing_happened(notebook.page)
        notebook.page.close()


#: OSC 8 is a terminal's link.
TERMINAL = "\x1b]8;;javascript:pwn(1)\x07press\x1b]8;;\x07\x1b[31;1m\x1b[38;2;1;2;3m{}\x1b[0m\x1b[2J\x1b]0;pwned\x07\r{}"


def test_xs14_whatever_else_a_notebook_holds(watch: Watch, server: CarnetServer) -> None:
    some = CORPUS[::4]
    picture = 'iVBORw0KGgo="><img src=x onerror=pwn(1)>'
    each: list[list[dict[str, Any]]] = [
        [{"output_type": "stream", "name": "stdout", "text": TERMINAL.format(one, one)} for one in some],
        [
            {"output_type": "error", "ename": one, "evalue": one, "traceback": [TERMINAL.format(one, one)]}
            for one in some
        ],
        [display("text/plain", one) for one in some],
        [display("application/json", {one: [one, {"__proto__": {"pwned": one}}]}) for one in some],
        [display("application/geo+json", {"type": one}) for one in some],
        [display("application/vnd.jupyter.widget-view+json", {"model_id": one}) for one in some],
        [display(f"text/{one[:40]}", one) for one in some],
        [display("application/javascript", one) for one in some],
        [display("application/pdf", one) for one in some],
        [
            display("image/png", picture, **{"image/png": {"width": one, "height": "1e99"}, "alt": one})
            for one in some
        ],
        [display("image/svg+xml", "<svg/>", alt=one, needs_background=one, expanded=one) for one in some],
    ]
    cells = [code(outputs) for outputs in each]
    odd = [
        {
            "cell_type": "code",
            "id": one[:60],
            "source": one,
            "metadata": {"tags": [one], "name": one, "collapsed": one, "carnet": {one: one}, "trusted": True},
            "execution_count": 1,
            "outputs": [display("text/html", f"<script>pwn(1)</script>{one}")],
        }
        for one in CORPUS[:100:5]
    ]
    headings = [{"cell_type": "markdown", "source": f"# {one}"} for one in CORPUS[:100:5]]
    raw = [{"cell_type": "raw", "source": one, "metadata": {"format": "text/html"}} for one in some[:20]]
    name = "<img src=x onerror=pwn(1)>"
    write_cells(
        server,
        "else.ipynb",
        [*cells, *odd, *headings, *raw],
        kernelspec={"name": name, "display_name": name, "language": name},
        language_info={"name": name, "codemirror_mode": name, "file_extension": name},
        title=name,
        authors=[{"name": name}],
        trusted=True,
    )

    notebook = watch.notebook("else.ipynb")
    all_drawn(notebook, sum(map(len, each)) + len(odd))

    assert notebook.page.locator("iframe").count() == 0, "a notebook cannot say of itself that it is trusted"
    watch.nothing_happened(notebook.page)


def frame_script(server: CarnetServer, act: str) -> str:
    origin = server.url.rstrip("/")
    return f"<script>const ORIGIN = {json.dumps(origin)}; try {{ {act} }} catch (error) {{}}</script>"


def test_xs10_trust_lets_scripts_run_and_nothing_more(watch: Watch, server: CarnetServer) -> None:
    """As its reader, having trusted it: the scripts run, and reach nothing."""
    outputs = [
        display("text/html", f"{frame_script(server, act)}<script>pwn({at})</script><p>over</p>")
        for at, act in enumerate(ESCAPES)
    ]
    outputs += [display("text/html", f"<p onclick='1'>{one}</p>") for one in CORPUS[::12]]
    outputs += [display("application/javascript", act.replace("ORIGIN", "'/'")) for act in ESCAPES[::6]]
    write_cells(server, "trusted.ipynb", [code(part) for part in batches(outputs)])
    notebook = watch.notebook("trusted.ipynb")
    all_drawn(notebook, len(outputs))
    assert notebook.page.locator("iframe").count() == 0

    notebook.page.get_by_role("button", name="Trust this notebook").first.click()

    frames = notebook.page.locator("iframe.output-frame")
    expect(frames).to_have_count(len(outputs))
    for at, act in enumerate(ESCAPES):
        if not re.search(r"document\.open|click\(\)|submit\(\)|location|history", act):
            frames.nth(at).content_frame.get_by_text("over").wait_for(state="attached")
    watch.nothing_happened(notebook.page, frames_run=True)
    assert len(watch.ran) > len(ESCAPES) // 2, "they ran, where they may"
    heights = notebook.page.evaluate(
        "[...document.querySelectorAll('iframe.output-frame')].map(one => one.offsetHeight)"
    )
    assert max(heights) <= 4000


def test_xs10_our_own_cell_that_shows_foreign_data(watch: Watch, server: CarnetServer) -> None:
    acts = [f"<p>here</p>{frame_script(server, act)}" for act in ESCAPES[::3]]
    source = (
        "from IPython.display import HTML, Javascript, Markdown, SVG, display\n"
        f"for text in {CORPUS[::10] + acts!r}:\n"
        "    display(HTML(text), Markdown(text), Javascript(text))\n"
        "print('all', 'shown')"
    )
    server.write("own.ipynb", [source])
    notebook = watch.notebook("own.ipynb")
    notebook.run(1)
    notebook.says(1, "all shown")

    expect(notebook.page.locator("iframe.output-frame").first).to_be_attached()
    watch.nothing_happened(notebook.page, frames_run=True)


NAMES = [
    one.replace("/", "\u2215").replace("\x00", "")[:80]
    for one in CORPUS[:140]
    if len(one.encode()) < 200 and not one.startswith(".")
]


def test_names_of_files_and_folders(watch: Watch, server: CarnetServer) -> None:
    folder = server.notebooks / "names"
    folder.mkdir()
    for index, name in enumerate(dict.fromkeys(NAMES)):
        if index % 3 == 0:
            (folder / name).mkdir()
        else:
            (folder / (name + (".ipynb" if index % 3 == 1 else ".csv"))).write_text("x")

    page = watch.open("tree/names")
    expect(page.get_by_text("pwn").first).to_be_visible()

    watch.nothing_happened(page)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.txt", "a.svg", "a.html", "a.json", "a.md", "a.py", "a.tsv", "a.js"]
)
def test_files_in_our_own_viewers(watch: Watch, server: CarnetServer, name: str) -> None:
    text = "\n".join(f'"{one}",{one}' for one in CORPUS[:150])
    (server.notebooks / name).write_text(text)
    for place in ("view", "edit"):
        page = watch.open(f"{place}/{name}")
        page.wait_for_load_state("networkidle")
        watch.nothing_happened(page)
        page.close()


def test_errors_say_what_was_asked_for_and_run_nothing(watch: Watch, server: CarnetServer) -> None:
    for text in (
        "<script>pwn(1)</script>",
        '"><img src=x onerror=pwn(1)>',
        "javascript:pwn(1)",
        "{{constructor.constructor('pwn(1)')()}}",
    ):
        for place in (
            "notebooks",
            "tree",
            "view",
            "edit",
            "files",
            "nothing",
            "api/contents",
            "kernelspecs/x",
        ):
            page = watch.context.new_page()
            page.goto(f"{server.url}{place}/{quote(text, safe='')}?a={quote(text)}#{quote(text)}")
            page.wait_for_load_state()
            assert watch.ran == []
            assert watch.reached == []
            page.close()


def test_kernelspecs_of_strangers(browser: Browser, tmp_path: Path) -> None:
    """A kernelspec is a folder that a package brings: its names and its logo are texts of others."""
    name = "<img src=x onerror=pwn(1)>"
    folder = tmp_path / "jupyter" / "kernels" / "evil"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(
        json.dumps({"argv": ["false"], "display_name": name, "language": name, "metadata": {name: name}})
    )
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="pwn(1)"><script>pwn(1)</script></svg>'
    (folder / "logo-svg.svg").write_text(svg)
    (folder / "logo-64x64.png").write_text("<script>pwn(1)</script>")
    (folder / "kernel.js").write_text("pwn(1)")
    with CarnetServer(tmp_path, env={"JUPYTER_PATH": str(tmp_path / "jupyter")}) as server:
        watch = Watch(browser.new_context(viewport=WIDE), server)
        watch.begin()
        server.write("a.ipynb", ["1"])
        notebook = NotebookPage(watch.open("notebooks/a.ipynb")).ready()
        notebook.page.get_by_role("menubar").get_by_role("menuitem", name="Kernel", exact=True).click()
        notebook.page.get_by_role("menu").get_by_role("menuitem", name="Change kernel").first.click()
        expect(notebook.page.get_by_text(name).first).to_be_visible()
        watch.nothing_happened(notebook.page)
        for file in ("logo-svg.svg", "logo-64x64.png"):
            page = watch.open(f"kernelspecs/evil/{file}")
            page.wait_for_load_state()
            assert watch.ran == []
        assert server.request("GET", "/kernelspecs/evil/kernel.json")[0] == 404
        watch.context.close()


def test_the_watch_sees_what_happens(watch: Watch, server: CarnetServer) -> None:
    """Else all of the above would prove nothing."""
    page = watch.open("tree")
    page.evaluate("pwn(1)")
    page.evaluate("fetch('/api/canary/1').then(answer => answer.text())")
    with contextlib.suppress(Error):
        watch.context.new_page().goto("http://evil.example/")
    page.evaluate("confirm(1)")
    page.evaluate(
        "() => { const a = document.createElement('a'); a.className = 'prose'; a.href = 'javascript:1'; document.body.append(a) }"
    )

    assert watch.ran == ["page (1,)"]
    assert [urlsplit(one.partition(" ")[0]).path for one in watch.reached] == ["/api/canary/1", "/"]
    assert watch.other == ["dialog confirm"]
    assert [one.partition(":")[0] for one in page.evaluate(SWEEP)] == ["address"]


class Ear:
    """Another host: hears whether anybody calls it, by TCP or UDP."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.tcp.getsockname()[1]))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.tcp.getsockname()[1]}"

    def close(self) -> None:
        self.tcp.close()
        self.udp.close()

    def heard(self) -> list[str]:
        for one in (self.tcp, self.udp):
            one.setblocking(False)
        found = []
        with contextlib.suppress(BlockingIOError):
            self.tcp.accept()[0].close()
            found.append("tcp")
        with contextlib.suppress(BlockingIOError):
            self.udp.recv(1000)
            found.append("udp")
        return found


#: What the policy has no word for. (A script that digs for another window finds WebRTC again: XS13 says so.)
CALLS = {
    "preconnect": "<link rel=preconnect href='http://{ear}'><link rel=dns-prefetch href='http://{ear}'>",
    "prefetch": "<link rel=prefetch href='http://{ear}/'><link rel=prerender href='http://{ear}/'>",
    "rules": '<script type=speculationrules>{{"prefetch":[{{"urls":["http://{ear}/"]}}]}}</script>',
    "rtc": """<script>
        const line = new RTCPeerConnection({{iceServers: [{{urls: 'stun:{ear}'}}]}});
        line.createDataChannel('x');
        line.createOffer().then(offer => line.setLocalDescription(offer));
        </script>""",
    "transport": "<script>new WebTransport('https://{ear}/')</script>",
}


def test_xs13_a_frame_calls_nobody_by_other_ways_either(watch: Watch, server: CarnetServer) -> None:
    with contextlib.closing(Ear()) as ear:
        texts = [call.format(ear=ear.address) + "<script>1</script><p>over</p>" for call in CALLS.values()]
        shown = f"from IPython.display import HTML, display\nfor text in {texts!r}:\n    display(HTML(text))"
        server.write("calls.ipynb", [shown])
        notebook = watch.notebook("calls.ipynb")
        notebook.run(1)
        frames = notebook.page.locator("iframe.output-frame")
        expect(frames).to_have_count(len(CALLS))
        for at in range(len(CALLS)):
            frames.nth(at).content_frame.get_by_text("over").wait_for()

        # Gathering of addresses and early connections begin within a few frames; half a second of them is plenty.
        notebook.page.evaluate(
            "() => new Promise(done => { let left = 30; const next = () => left-- ? requestAnimationFrame(next) : done(); next(); })"
        )
        assert ear.heard() == []


@pytest.mark.parametrize("trusted", [False, True], ids=["foreign", "trusted"])
def test_lb5_jupyterlab_runs_nothing_of_a_document_either(
    watch: Watch, server: CarnetServer, trusted: bool
) -> None:
    """It shows outputs in its own origin: there the policy of the page is what holds."""
    # It draws fifty outputs of a cell, and more when asked.
    some = CORPUS[:: len(CORPUS) // 40][:40]
    outputs = [display("text/html", one) for one in some] + [
        display("text/markdown", one) for one in some[::6]
    ]
    name = f"lab-{trusted}.ipynb"
    write_cells(server, name, [code([*outputs, display("text/plain", "the last one")])])
    if trusted:
        assert server.request("POST", f"/api/contents/{name}/trust")[0] == 201
    page = watch.open(f"lab/tree/{name}")
    expect(page.get_by_text("the last one").first).to_be_visible(timeout=3 * PATIENCE_MS)

    page.evaluate(TOUCH)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    assert watch.ran == []
    assert [one for one in watch.reached if "canary" not in one] == []
    assert watch.other == []
    assert urlsplit(page.url).path.startswith("/lab")
    assert server.request("GET", "/api/me")[0] == 200
