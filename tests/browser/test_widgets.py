"""Widgets are live in every page, and stand after a reload, a kill, and without a kernel as they stood (XS32 to XS39)."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.notebook_page import NotebookPage
from tests.browser.rich import display, rich_environment, write_rich
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SLIDER = "import ipywidgets as w\ns = w.IntSlider(value=3, description='Amount')\ns"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """A server with a kernel that has widgets."""
    root = tmp_path_factory.mktemp("carnet")
    with CarnetServer(root, env=rich_environment(root)) as started:
        yield started


def inside(notebook: NotebookPage, number: int) -> FrameLocator:
    return notebook.output(number).frame_locator("iframe.output-frame")


def run(notebook: NotebookPage, number: int, count: int) -> None:
    notebook.run(number)
    expect(notebook.mark(number)).to_have_text(str(count), timeout=5 * PATIENCE_MS)


def opened(visits: Visits, server: CarnetServer, name: str, *sources: str) -> NotebookPage:
    write_rich(server, name, sources)
    return visits.notebook(name)


def test_xs32_a_slider_moves_its_kernel_and_every_page_and_stands_after_a_kill(
    visits: Visits, server: CarnetServer
) -> None:
    visits.announce("ERR_CONNECTION|WebSocket|Failed to load resource|net::")
    notebook = opened(visits, server, "slider.ipynb", SLIDER, "s.value", "s.value = 40", "s")
    run(notebook, 1, 1)
    readout = inside(notebook, 1).locator(".widget-readout")
    expect(readout).to_have_text("3")
    element = notebook.output(1).locator("iframe")
    assert element.get_attribute("sandbox") == "allow-scripts"
    run(notebook, 4, 2)  # a second view of the same model, in a frame of its own
    other = visits.notebook("slider.ipynb")
    expect(inside(other, 1).locator(".widget-readout")).to_have_text("3")

    inside(notebook, 1).locator(".noUi-handle").press("ArrowRight")
    inside(notebook, 1).locator(".noUi-handle").press("ArrowRight")

    expect(readout).to_have_text("5")
    expect(inside(notebook, 4).locator(".widget-readout")).to_have_text("5")
    expect(inside(other, 1).locator(".widget-readout")).to_have_text("5")
    run(notebook, 2, 3)
    notebook.says(2, "5")
    run(notebook, 3, 4)
    expect(readout).to_have_text("40")
    expect(inside(other, 1).locator(".widget-readout")).to_have_text("40")

    notebook.page.reload()
    notebook.ready()
    expect(readout).to_have_text("40")
    server.restart()
    notebook.is_live()
    inside(notebook, 1).locator(".noUi-handle").press("ArrowLeft")
    expect(readout).to_have_text("39")
    expect(inside(other, 1).locator(".widget-readout")).to_have_text("39")


def test_xs33_typing_is_not_interrupted_by_what_comes_back(visits: Visits, server: CarnetServer) -> None:
    source = (
        "import ipywidgets as w, time\n"
        "text = w.Text()\n"
        "text.observe(lambda change: time.sleep(0.05), 'value')\n"
        "text"
    )
    notebook = opened(visits, server, "typing.ipynb", source, "text.value", "text.value = text.value.upper()")
    run(notebook, 1, 1)
    field = inside(notebook, 1).get_by_role("textbox")

    field.press_sequentially("the quick brown fox", delay=20)

    expect(field).to_have_value("the quick brown fox")
    run(notebook, 2, 2)
    notebook.says(2, "'the quick brown fox'")
    run(notebook, 3, 3)
    expect(field).to_have_value("THE QUICK BROWN FOX")


def test_xs34_interact_tabs_links_and_buttons(visits: Visits, server: CarnetServer) -> None:
    sources = [
        "import ipywidgets as w\n@w.interact(x=(0, 10))\ndef f(x=4):\n    print('square', x * x)",
        (
            "a, b = w.IntSlider(value=1), w.IntSlider(value=2)\nw.jslink((a, 'value'), (b, 'value'))\n"
            "tab = w.Tab([w.VBox([a, b]), w.Label('second')], titles=('One', 'Two'))\ntab"
        ),
        (
            "button, out = w.Button(description='Press'), w.Output()\n"
            "button.on_click(out.capture()(lambda _: print('pressed')))\nw.VBox([button, out])"
        ),
        "b.value, tab.selected_index",
    ]
    notebook = opened(visits, server, "interact.ipynb", *sources)
    run(notebook, 1, 1)
    expect(inside(notebook, 1).locator(".widget-output")).to_have_text("square 16")
    inside(notebook, 1).locator(".noUi-handle").press("ArrowRight")
    expect(inside(notebook, 1).locator(".widget-output")).to_have_text("square 25")

    run(notebook, 2, 2)
    inside(notebook, 2).locator(".noUi-handle").first.press("ArrowRight")
    expect(inside(notebook, 2).locator(".widget-readout")).to_have_text(["2", "2"])
    expect(inside(notebook, 2).get_by_text("second")).to_be_hidden()
    inside(notebook, 2).get_by_text("Two").click()
    expect(inside(notebook, 2).get_by_text("second")).to_be_visible()

    run(notebook, 3, 3)
    inside(notebook, 3).get_by_role("button", name="Press").click()
    expect(inside(notebook, 3).locator(".widget-output")).to_have_text("pressed")
    run(notebook, 4, 4)
    notebook.says(4, "(2, 1)")


def test_xs35_binary_both_ways_and_progress(visits: Visits, server: CarnetServer, tmp_path: Path) -> None:
    sources = [
        "import ipywidgets as w\nup = w.FileUpload()\nup",
        "from hashlib import sha256\nsha256(up.value[0].content).hexdigest()",
        "from tqdm.notebook import tqdm\nfor _ in tqdm(range(200), desc='Rows'): pass",
        (
            "import io, numpy as np, matplotlib.pyplot as plt\nraw = io.BytesIO()\n"
            "plt.imsave(raw, np.random.default_rng(1).random((200, 300, 3)), format='png')\n"
            "w.Image(value=raw.getvalue())"
        ),
    ]
    notebook = opened(visits, server, "binary.ipynb", *sources)
    run(notebook, 1, 1)
    content = bytes(range(256)) * 2000  # too large for a message
    (tmp_path / "data.bin").write_bytes(content)
    with notebook.page.expect_file_chooser() as chooser:
        inside(notebook, 1).get_by_role("button", name="Upload").click()
    chooser.value.set_files(tmp_path / "data.bin")
    expect(inside(notebook, 1).get_by_role("button", name="Upload (1)")).to_be_visible()
    run(notebook, 2, 2)

    notebook.says(2, sha256(content).hexdigest())

    run(notebook, 3, 3)
    expect(inside(notebook, 3).locator("body")).to_contain_text("200/200")
    run(notebook, 4, 4)
    picture = inside(notebook, 4).locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("img => [img.naturalWidth, img.naturalHeight]") == [300, 200]


def test_xs36_anywidget(visits: Visits, server: CarnetServer) -> None:
    module = (
        "export default { initialize({ model }) { model.set('began', true); model.save_changes(); },"
        " render({ model, el }) { const button = document.createElement('button');"
        " const show = () => { button.textContent = 'count ' + model.get('n'); };"
        " button.onclick = () => { model.set('n', model.get('n') + 1); model.save_changes(); };"
        " model.on('change:n', show); model.on('msg:custom', said => { button.title = said.word; });"
        " show(); el.append(button); } }"
    )
    source = (
        f"import anywidget, traitlets as t\nclass Counter(anywidget.AnyWidget):\n    _esm = {module!r}\n"
        "    _css = 'button { color: rgb(1, 2, 3) }'\n"
        "    n = t.Int(5).tag(sync=True)\n    began = t.Bool(False).tag(sync=True)\nc = Counter()\nc"
    )
    notebook = opened(
        visits, server, "any.ipynb", source, "c.n, c.began", "c.send({'word': 'hello'}); c.n = 70"
    )
    run(notebook, 1, 1)
    button = inside(notebook, 1).get_by_role("button")
    expect(button).to_have_text("count 5")
    expect(button).to_have_css("color", "rgb(1, 2, 3)")

    button.click()

    expect(button).to_have_text("count 6")
    run(notebook, 2, 2)
    notebook.says(2, "(6, True)")
    run(notebook, 3, 3)
    expect(button).to_have_text("count 70")
    expect(button).to_have_attribute("title", "hello")


def saved_state(esm: str) -> dict[str, object]:
    version = "2.0.0"
    return {
        "application/vnd.jupyter.widget-state+json": {
            "version_major": 2,
            "version_minor": 0,
            "state": {
                "slider": {
                    "model_name": "IntSliderModel",
                    "model_module": "@jupyter-widgets/controls",
                    "model_module_version": version,
                    "state": {
                        "value": 7,
                        "max": 10,
                        "layout": "IPY_MODEL_layout",
                        "style": "IPY_MODEL_style",
                    },
                },
                "layout": {
                    "model_name": "LayoutModel",
                    "model_module": "@jupyter-widgets/base",
                    "model_module_version": version,
                    "state": {},
                },
                "style": {
                    "model_name": "SliderStyleModel",
                    "model_module": "@jupyter-widgets/controls",
                    "model_module_version": version,
                    "state": {},
                },
                "any": {
                    "model_name": "AnyModel",
                    "model_module": "anywidget",
                    "model_module_version": "0.11.0",
                    "state": {"_esm": esm, "_view_name": "AnyView", "_view_module": "anywidget"},
                },
            },
        }
    }


def test_xs37_without_a_kernel_it_stands_as_in_the_file_and_runs_no_script_of_it(
    visits: Visits, server: CarnetServer
) -> None:
    view = "application/vnd.jupyter.widget-view+json"
    outputs = [
        [display({view: {"model_id": name, "version_major": 2}})] for name in ("slider", "any", "nobody")
    ]
    write_rich(server, "saved.ipynb", ["", "", ""], outputs=outputs)
    path = server.notebooks / "saved.ipynb"
    tree = json.loads(path.read_text())
    esm = "export default { render({ el }) { el.append('its script ran'); } }"
    tree["metadata"]["widgets"] = saved_state(esm)
    path.write_text(json.dumps(tree))
    notebook = visits.notebook("saved.ipynb")

    expect(inside(notebook, 1).locator(".widget-readout")).to_have_text("7")
    expect(notebook.output(1)).to_contain_text("Not live: this is how the file has it.")
    inside(notebook, 1).locator(".noUi-handle").press("ArrowRight")
    expect(inside(notebook, 1).locator(".widget-readout")).to_have_text("7")
    expect(notebook.output(3)).to_contain_text("This widget is gone with its kernel")
    expect(inside(notebook, 2).locator("body")).to_contain_text(
        "The script of this widget came with the file."
    )
    expect(inside(notebook, 2).locator("body")).not_to_contain_text("its script ran")

    notebook.output(2).get_by_role("button", name="Trust this notebook").click()

    expect(inside(notebook, 2).locator("body")).to_contain_text("its script ran")


def test_xs38_when_the_kernel_ends_it_says_so_and_stands(visits: Visits, server: CarnetServer) -> None:
    notebook = opened(visits, server, "ended.ipynb", SLIDER)
    run(notebook, 1, 1)
    expect(inside(notebook, 1).locator(".widget-readout")).to_have_text("3")

    notebook.menu("Kernel", "Restart")
    confirm = notebook.page.get_by_role("dialog").get_by_role("button", name="Restart")
    if confirm.count():
        confirm.first.click()

    expect(notebook.output(1)).to_contain_text(
        "Not live: its kernel has ended. Run the cell again to use it."
    )
    expect(inside(notebook, 1).locator(".widget-readout")).to_have_text("3")
    expect(inside(notebook, 1).locator("fieldset")).to_have_attribute("disabled", "")


def test_xs39_what_cannot_be_loaded_says_so_and_shows_its_text(visits: Visits, server: CarnetServer) -> None:
    source = (
        "import ipywidgets as w, traitlets as t\nclass Odd(w.DOMWidget):\n"
        "    _model_name = t.Unicode('OddModel').tag(sync=True)\n"
        "    _model_module = t.Unicode('odd-widgets').tag(sync=True)\n"
        "    _view_name = t.Unicode('OddView').tag(sync=True)\n"
        "    _view_module = t.Unicode('odd-widgets').tag(sync=True)\nOdd()"
    )
    notebook = opened(visits, server, "odd.ipynb", source)
    run(notebook, 1, 1)

    notebook.says(1, "This widget cannot be drawn: Carnet does not have the widgets of odd-widgets.")
    notebook.says(1, "Odd()")
