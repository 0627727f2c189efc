"""Plots by their MIME type are live, in frames that reach nothing and run nothing of what they draw (XS23 to XS31)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.notebook_page import NotebookPage
from tests.browser.rich import OF_WEBGL, display, rich_environment, write_rich
from tests.browser.visits import PHONE, Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLOTLY = "application/vnd.plotly.v1+json"
LITE = "application/vnd.vegalite.v6+json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """A server with a kernel that has Plotly and Altair."""
    root = tmp_path_factory.mktemp("carnet")
    with CarnetServer(root, env=rich_environment(root)) as started:
        yield started


def figure(title: str = "A title", **layout: object) -> dict[str, object]:
    data = [{"type": "scatter", "mode": "markers", "x": [1, 2, 3], "y": [2, 1, 3], "name": "points"}]
    return {"data": data, "layout": {"title": {"text": title}, **layout}}


def chart(**fields: object) -> dict[str, object]:
    return {
        "data": {"values": [{"a": "x", "b": 1}, {"a": "y", "b": 2}]},
        "mark": "bar",
        "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}},
        **fields,
    }


def opened(
    visits: Visits, server: CarnetServer, name: str, *outputs: dict[str, Any], **how: Any
) -> NotebookPage:
    """Open a file that holds these outputs, one cell each."""
    write_rich(server, name, [""] * len(outputs), outputs=[[one] for one in outputs])
    return visits.notebook(name, **how)


def inside(notebook: NotebookPage, number: int) -> FrameLocator:
    return notebook.output(number).frame_locator("iframe.output-frame")


def run(notebook: NotebookPage, number: int, count: int) -> None:
    """Run a cell and wait for its end; the first one imports pandas, on a machine that has other work."""
    notebook.run(number)
    expect(notebook.mark(number)).to_have_text(str(count), timeout=5 * PATIENCE_MS)


def frames_of(page: Page) -> int:
    return page.locator("iframe.output-frame").count()


# ---- what packages make


def test_xs23_plotly_draws_what_plotly_py_makes(visits: Visits, server: CarnetServer) -> None:
    visits.announce(OF_WEBGL)
    sources = [
        (
            "import numpy as np, pandas as pd, plotly.express as px, plotly.graph_objects as go\n"
            "rng = np.random.default_rng(1)\n"
            "df = pd.DataFrame({'x': rng.normal(size=300), 'y': rng.normal(size=300), 'kind': rng.choice(['a', 'b'], 300)})\n"
            "px.scatter(df, x='x', y='y', color='kind', title='Kinds', marginal_y='violin')"
        ),
        "go.Figure(go.Surface(z=np.outer(np.sin(np.arange(20)), np.cos(np.arange(20)))))",
        "px.choropleth(pd.DataFrame({'iso': ['DEU', 'BRA'], 'v': [1, 2]}), locations='iso', color='v')",
    ]
    write_rich(server, "plotly.ipynb", sources)
    notebook = visits.notebook("plotly.ipynb")

    run(notebook, 1, 1)
    expect(inside(notebook, 1).locator(".gtitle")).to_have_text("Kinds")
    expect(inside(notebook, 1).locator(".scatterlayer .point")).to_have_count(300)
    expect(notebook.output(1).locator("iframe")).to_have_attribute(
        "title", "Plot: Kinds. scatter, violin. x: x; y: y. a, a, b, b."
    )
    run(notebook, 2, 2)
    expect(inside(notebook, 2).locator("canvas").first).to_be_visible()
    run(notebook, 3, 3)
    # Outlines of countries come from our own server.
    expect(inside(notebook, 3).locator(".choroplethlayer path")).to_have_count(2)
    expect(inside(notebook, 3).locator(".layer.coastlines path")).to_have_count(1)


def test_xs23_vega_draws_what_altair_makes(visits: Visits, server: CarnetServer) -> None:
    sources = [
        (
            "import altair as alt, pandas as pd\n"
            "alt.renderers.enable('mimetype')\n"
            "df = pd.DataFrame({'x': range(30), 'y': [i * i % 17 for i in range(30)]})\n"
            "cut = alt.param(value=3, bind=alt.binding_range(min=0, max=30, name='Cut '))\n"
            "alt.Chart(df, title='Squares').mark_circle().encode(x='x', y='y', tooltip=['x', 'y'],\n"
            "    opacity=alt.condition(alt.datum.x > cut, alt.value(1), alt.value(0.2))).add_params(cut)"
        ),
        (
            "alt.Chart(pd.DataFrame({'n': range(40_000)})).mark_bar().encode(alt.X('n:Q').bin(), y='count()')"
            " if alt.data_transformers.disable_max_rows() else None"
        ),
    ]
    write_rich(server, "altair.ipynb", sources)
    notebook = visits.notebook("altair.ipynb")

    run(notebook, 1, 1)
    chart_ = inside(notebook, 1)
    points = chart_.locator(".mark-symbol.role-mark path")
    expect(points).to_have_count(30)
    expect(chart_.locator("svg")).to_contain_text("Squares")
    expect(points.nth(20)).to_have_attribute("opacity", "1")
    chart_.get_by_role("slider").fill("25")
    expect(points.nth(20)).to_have_attribute("opacity", "0.2")
    points.nth(29).hover()
    expect(chart_.locator("#vg-tooltip-element.visible")).to_contain_text("29")
    # Large: its data is in a blob, and it is painted.
    run(notebook, 2, 2)
    expect(inside(notebook, 2).locator("canvas")).to_be_visible()


@pytest.mark.parametrize(
    "mime", [LITE, "application/vnd.vegalite.v5+json", "application/vnd.vegalite.v6.json"]
)
def test_xs23_versions_of_vega_lite(visits: Visits, server: CarnetServer, mime: str) -> None:
    notebook = opened(visits, server, "versions.ipynb", display({mime: chart()}))

    expect(inside(notebook, 1).locator(".mark-rect.role-mark path")).to_have_count(2)


def test_xs23_vega_itself_and_selections_of_vega_lite_4(visits: Visits, server: CarnetServer) -> None:
    vega = {
        "width": 100,
        "height": 100,
        "data": [{"name": "t", "values": [{"v": 20}, {"v": 60}]}],
        "marks": [
            {
                "type": "symbol",
                "from": {"data": "t"},
                "encode": {"enter": {"x": {"field": "v"}, "y": {"signal": "datum.v * 1.5"}}},
            }
        ],
    }
    old = chart(selection={"pick": {"type": "single"}}, mark={"type": "point"})
    notebook = opened(
        visits,
        server,
        "vega.ipynb",
        display({"application/vnd.vega.v5+json": vega}),
        display({"application/vnd.vegalite.v4+json": old}),
    )

    expect(inside(notebook, 1).locator(".mark-symbol path").nth(1)).to_have_attribute(
        "transform", "translate(60,90)"
    )
    expect(inside(notebook, 2).locator(".mark-symbol.role-mark path")).to_have_count(2)


# ---- what they may


def test_xs24_the_frame_has_no_origin_and_runs_only_our_scripts(visits: Visits, server: CarnetServer) -> None:
    visits.announce("Content Security Policy|content security policy|net::ERR_BLOCKED_BY_CSP|csp|sandboxed")
    notebook = opened(visits, server, "policy.ipynb", display({PLOTLY: figure()}))
    expect(inside(notebook, 1).locator(".gtitle")).to_have_text("A title")
    element = notebook.output(1).locator("iframe")
    assert element.get_attribute("sandbox") == "allow-scripts"
    [frame] = [one for one in notebook.page.frames if one.parent_frame is not None]
    assert frame.evaluate("self.origin") == "null"

    # In a task of the frame's own: what a debugger evaluates may evaluate.
    found = frame.evaluate(
        """address => new Promise(done => setTimeout(async () => {
            const tried = {};
            const attempt = async (name, act) => { try { tried[name] = String(await act()); } catch { tried[name] = "refused"; } };
            await attempt("eval", () => eval("1"));
            await attempt("Function", () => new Function("return 1")());
            await attempt("parent", () => parent.document.title);
            await attempt("cookie", () => document.cookie);
            await attempt("fetch", () => fetch(address, { mode: "no-cors" }));
            await attempt("webrtc", () => new RTCPeerConnection());
            document.body.insertAdjacentHTML("beforeend", "<img src='data:,' onerror='window.ran = 1'>");
            const script = document.createElement("script");
            script.textContent = "window.ran = 2";
            document.body.append(script);
            const other = document.createElement("script");
            other.src = "data:text/javascript,window.ran=3";
            await new Promise(go => { other.onload = other.onerror = go; document.body.append(other); });
            done({ ...tried, ran: window.ran ?? null });
        }))""",
        server.url + "api/contents",
    )

    assert found == {
        "eval": "refused",
        "Function": "refused",
        "parent": "refused",
        "cookie": "refused",
        "fetch": "refused",
        "webrtc": "refused",
        "ran": None,
    }


def test_xs26_files_beside_the_notebook_are_for_its_own_plots(visits: Visits, server: CarnetServer) -> None:
    (server.notebooks / "rows.json").write_text(
        '[{"a": "x", "b": 3}, {"a": "y", "b": 4}, {"a": "z", "b": 5}]'
    )
    source = (
        "import altair as alt\nalt.renderers.enable('mimetype')\n"
        "alt.Chart('rows.json').mark_bar().encode(x='a:N', y='b:Q')"
    )
    output = display({LITE: chart(data={"url": "rows.json"})})
    write_rich(server, "files.ipynb", [source, ""], outputs=[[], [output]])
    notebook = visits.notebook("files.ipynb")

    expect(notebook.output(2)).to_contain_text(
        "Files that this plot names were not read: it came with the file."
    )
    run(notebook, 1, 1)
    expect(inside(notebook, 1).locator(".mark-rect.role-mark path")).to_have_count(3)
    notebook.output(2).get_by_role("button", name="Trust this notebook").click()
    expect(inside(notebook, 2).locator(".mark-rect.role-mark path")).to_have_count(3)


def test_xs26_other_hosts_are_named_and_asked_nothing_until_allowed(
    visits: Visits, server: CarnetServer
) -> None:
    spec = chart(data={"url": "https://data.example/rows.json"})
    notebook = opened(visits, server, "hosts.ipynb", display({LITE: spec}))

    note = notebook.output(1).get_by_text("This plot wants to load from data.example.")
    expect(note).to_be_visible()
    expect(notebook.output(1)).to_contain_text("https://data.example/rows.json could not be loaded.")
    assert visits.faults() == []
    with notebook.page.expect_request("https://data.example/rows.json"):
        notebook.output(1).get_by_role("button", name="Let it").click()
    expect(note).to_have_count(0)
    visits.announce("data.example|ERR_NAME_NOT_RESOLVED")


# ---- how they stand in the page


def test_xs27_a_plot_has_its_room_before_it_is_drawn(visits: Visits, server: CarnetServer) -> None:
    notebook = opened(
        visits, server, "room.ipynb", display({PLOTLY: figure(height=333)}), display({"text/plain": "below"})
    )
    # Before anything of it came, its frame has the height that it keeps.
    notebook.output(1).locator(".output-plot").wait_for()
    first = notebook.output(1).locator("iframe, .output-room").first.bounding_box()
    assert first is not None
    expect(inside(notebook, 1).locator(".gtitle")).to_be_visible()
    last = notebook.output(1).locator("iframe").bounding_box()
    assert last is not None
    assert (first["height"], last["height"]) == (333, 333)


def test_xs28_frames_are_there_only_near_the_screen_and_stand_as_they_were_left(
    visits: Visits, server: CarnetServer
) -> None:
    plots = [display({PLOTLY: figure(f"Plot {number}")}) for number in range(50)]
    write_rich(server, "many.ipynb", [""], outputs=[plots])
    notebook = visits.notebook("many.ipynb")
    page = notebook.page
    expect(page.locator(".output-plot")).to_have_count(50)
    first = page.locator(".output-plot").first
    expect(first.frame_locator("iframe").locator(".gtitle")).to_have_text("Plot 0")
    assert frames_of(page) < 10
    # Zoom in, as a hand does.
    first.scroll_into_view_if_needed()
    box = first.frame_locator("iframe").locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 200, steps=5)
    page.mouse.up()
    ticks = first.frame_locator("iframe").locator(".xtick")
    expect(ticks.first).not_to_have_text("1")
    zoomed = ticks.all_text_contents()

    page.locator(".output-plot").last.scroll_into_view_if_needed()
    last = page.locator(".output-plot").last
    expect(last.frame_locator("iframe").locator(".gtitle")).to_have_text("Plot 49")
    expect(first.locator("iframe")).to_have_count(0)
    assert frames_of(page) < 10
    first.scroll_into_view_if_needed()

    expect(first.frame_locator("iframe").locator(".gtitle")).to_have_text("Plot 0")
    expect(ticks).to_have_text(zoomed)


def test_xs29_plots_follow_the_page_into_the_dark(visits: Visits, server: CarnetServer) -> None:
    source = "import plotly.graph_objects as go\ngo.Figure(go.Bar(y=[1, 2]), layout={'title': 'Bars'})"
    output = display({LITE: chart()})
    write_rich(server, "dark.ipynb", [source, ""], outputs=[[], [output]])
    profile = visits.profile(scheme="dark")
    notebook = visits.notebook("dark.ipynb", profile=profile)
    run(notebook, 1, 1)

    paper = notebook.page.evaluate("getComputedStyle(document.body).backgroundColor")
    title, back = inside(notebook, 1).locator(".gtitle"), inside(notebook, 1).locator("svg.main-svg").first
    expect(title).to_have_css("fill", "rgb(233, 229, 222)")
    expect(back).to_have_css("background-color", paper)
    label = inside(notebook, 2).locator(".role-axis-label text").first
    expect(label).to_have_attribute("fill", "rgb(233, 229, 222)")
    # And back, while it stands there.
    notebook.page.emulate_media(color_scheme="light")
    expect(title).to_have_css("fill", "rgb(42, 63, 95)")
    expect(label).to_have_attribute("fill", "rgb(34, 32, 28)")


def test_xs29_a_narrow_screen_scrolls_the_plot_not_the_page(visits: Visits, server: CarnetServer) -> None:
    wide = chart(width=900)
    notebook = opened(
        visits,
        server,
        "phone.ipynb",
        display({PLOTLY: figure()}),
        display({LITE: wide}),
        profile=visits.profile(is_phone=True),
    )
    expect(inside(notebook, 1).locator(".gtitle")).to_be_visible()
    width = (
        inside(notebook, 1).locator("svg.main-svg").first.evaluate("svg => svg.getBoundingClientRect().width")
    )
    assert width <= PHONE["width"]
    notebook.cell(2).scroll_into_view_if_needed()
    expect(inside(notebook, 2).locator(".mark-rect.role-mark path")).to_have_count(2)
    assert notebook.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_xs30_a_picture_of_it_is_saved_by_the_page(visits: Visits, server: CarnetServer) -> None:
    notebook = opened(visits, server, "save.ipynb", display({PLOTLY: figure()}), display({LITE: chart()}))
    plotly, vega = inside(notebook, 1), inside(notebook, 2)

    plotly.locator(".plot-container").hover()
    with notebook.page.expect_download() as first:
        plotly.get_by_role("button", name="Save as a picture").click()
    with notebook.page.expect_download() as second:
        vega.get_by_role("button", name="Save SVG").focus()
        notebook.page.keyboard.press("Enter")
    with notebook.page.expect_download() as third:
        vega.get_by_role("button", name="Save PNG").click()

    assert [one.value.suggested_filename for one in (first, second, third)] == [
        "plot.png",
        "plot.svg",
        "plot.png",
    ]
    assert Path(first.value.path()).read_bytes().startswith(b"\x89PNG")
    assert Path(second.value.path()).read_text().startswith("<svg")
    assert Path(third.value.path()).read_bytes().startswith(b"\x89PNG")


def test_xs31_what_cannot_be_drawn_says_so_and_shows_its_picture(
    visits: Visits, server: CarnetServer
) -> None:
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    broken = chart(
        encoding={"x": {"field": "a", "type": "nominal", "bin": {"maxbins": "x"}}}, mark={"type": "nothing"}
    )
    notebook = opened(
        visits, server, "broken.ipynb", display({LITE: broken, "image/png": png}), display({PLOTLY: 7})
    )

    expect(notebook.output(1)).to_contain_text("This plot cannot be drawn: ")
    expect(notebook.output(1).locator("img")).to_be_visible()
    expect(notebook.output(2)).to_contain_text("It is not a figure of Plotly: an object is expected.")


def test_xs28_a_figure_of_five_megabytes(visits: Visits, server: CarnetServer) -> None:
    rows = [round(n * 1.0001 % 977, 4) for n in range(350_000)]
    grid = [rows[n : n + 700] for n in range(0, len(rows), 700)]
    layout = {"title": {"text": "Large"}, "meta": "x" * 2_500_000}
    big: dict[str, object] = {"data": [{"type": "heatmap", "z": grid}], "layout": layout}
    assert len(json.dumps(big)) > 5_000_000
    notebook = opened(visits, server, "large.ipynb", display({PLOTLY: big}))

    expect(inside(notebook, 1).locator(".gtitle")).to_have_text("Large")
    expect(inside(notebook, 1).locator(".heatmaplayer image")).to_have_count(1)


def test_xs23_an_updated_display_is_drawn_anew_in_its_frame(visits: Visits, server: CarnetServer) -> None:
    source = (
        "import plotly.graph_objects as go, IPython.display as d\n"
        "def bundle(title):\n"
        "    return go.Figure(go.Bar(y=[1, 2]), layout={'title': title})._repr_mimebundle_()\n"
        "handle = d.display(bundle('before'), raw=True, display_id='p')"
    )
    write_rich(
        server, "update.ipynb", [source, "d.update_display(bundle('after'), raw=True, display_id='p')"]
    )
    notebook = visits.notebook("update.ipynb")
    run(notebook, 1, 1)
    expect(inside(notebook, 1).locator(".gtitle")).to_have_text("before")
    notebook.output(1).locator("iframe").evaluate("frame => { frame.dataset.same = '' }")

    run(notebook, 2, 2)

    expect(inside(notebook, 1).locator(".gtitle")).to_have_text("after")
    expect(notebook.output(1).locator("iframe")).to_have_attribute("data-same", "")
    expect(notebook.output(1)).not_to_contain_text(re.compile("cannot"))
