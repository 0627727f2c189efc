"""Widgets with a real kernel and ipywidgets, and no browser: what the session holds, and what the kernel gets."""

import asyncio
import hashlib
import json
import signal
from pathlib import Path

import msgspec
import pytest

from carnet.core.notebook.model import BlobRef, ExecuteResult
from carnet.core.session.intents import RestartKernel, SaveNow, ShutdownKernel
from carnet.core.session.state import CommBuffer
from carnet.ids import CommId
from tests.api.kernel_socket import KernelSocket
from tests.server.serving import Server
from tests.support.link_client import LinkClient, visible
from tests.support.server import TOKEN, CarnetServer

pytestmark = pytest.mark.slow

SLIDER = """
import ipywidgets
from IPython.display import display
slider = ipywidgets.IntSlider(value=3, max=50)
slider.observe(lambda change: print('changed to', change.new), 'value')
slider
"""


async def run(tab: LinkClient, index: int) -> None:
    await tab.run(tab.now.order[index])
    await tab.wait_done(index)


def texts(tab: LinkClient, comm_id: CommId) -> str:
    """Return what an Output widget has printed."""
    outputs = tab.comm(comm_id).data["outputs"]
    assert isinstance(outputs, list)
    return "".join(str(output["text"]) for output in outputs if isinstance(output, dict) and "text" in output)


def kept_bytes(state: Path) -> int:
    """Return how much the server keeps: journals and blobs."""
    return sum(
        file.stat().st_size for file in state.rglob("*") if file.is_file() and "host" not in file.parts
    )


async def test_a_slider_that_a_page_moves_is_moved_in_the_kernel_and_in_every_page(
    server: CarnetServer, path: str
) -> None:
    server.write(path, [SLIDER, "print(slider.value)"])
    async with server.tab(path) as tab, server.tab(path) as other:
        await run(tab, 0)
        slider = tab.widget(_model_name="IntSliderModel")
        assert tab.comm(slider).data["value"] == 3
        [view] = tab.cell(0).cell.outputs
        assert isinstance(view, ExecuteResult)
        assert view.data["application/vnd.jupyter.widget-view+json"]

        await tab.set_widget(slider, value=17, cell=0)
        await run(tab, 1)

        assert tab.text(1) == "17\n"
        assert tab.text(0) == "changed to 17\n"
        await other.wait(lambda: other.now.seq == tab.now.seq)
        assert visible(other.now) == visible(tab.now)
        assert other.comm(slider).data["value"] == 17


async def test_what_the_kernel_makes_of_a_value_holds(server: CarnetServer, path: str) -> None:
    server.write(path, [SLIDER])
    async with server.tab(path) as tab:
        await run(tab, 0)
        slider = tab.widget(_model_name="IntSliderModel")
        await tab.set_widget(slider, value=400)
        assert tab.comm(slider).data["value"] == 50


async def test_interact_shows_its_output_with_no_browser(server: CarnetServer, path: str) -> None:
    server.write(
        path,
        [
            """
import ipywidgets
@ipywidgets.interact(n=(0, 9))
def show(n=1):
    print('n is', n)
    return n * 2
""",
            "out = show.widget.out\nprint(out.outputs[0]['text'], end='')",
        ],
    )
    async with server.tab(path) as tab:
        await run(tab, 0)
        out = tab.widget(_model_name="OutputModel")
        slider = tab.widget(_model_name="IntSliderModel")
        assert texts(tab, out) == "n is 1\n"

        await tab.set_widget(slider, value=6)

        await tab.wait(lambda: texts(tab, out) == "n is 6\n")
        outputs = tab.comm(out).data["outputs"]
        assert isinstance(outputs, list)
        assert [output["output_type"] for output in outputs if isinstance(output, dict)] == [
            "stream",
            "display_data",
        ]
        # Nothing of it is in the cell but the widget itself, and the kernel knows what is shown.
        assert all("text/plain" in getattr(output, "data", {}) for output in tab.cell(0).cell.outputs)
        await run(tab, 1)
        assert tab.text(1) == "n is 6\n"


async def test_what_a_button_prints_or_raises_is_shown_in_its_cell(server: CarnetServer, path: str) -> None:
    server.write(
        path,
        [
            """
import ipywidgets
button = ipywidgets.Button()
def clicked(_):
    print('clicked')
    1/0
button.on_click(clicked)
button
""",
        ],
    )
    async with server.tab(path) as tab:
        await run(tab, 0)
        button = tab.widget(_model_name="ButtonModel")
        send_id = await tab.send_comm(button, {"method": "custom", "content": {"event": "click"}}, cell=0)
        await tab.wait(lambda: send_id in tab.handled)
        assert tab.text(0) == "clicked\n"
        assert "ZeroDivisionError" in str(tab.cell(0).cell.outputs)


async def test_reload_cut_and_a_killed_server_have_the_same_widgets(server: CarnetServer, path: str) -> None:
    server.write(path, [SLIDER, "for n in range(40):\n    slider.value = n"])
    async with server.tab(path) as tab:
        await run(tab, 0)
        slider = tab.widget(_model_name="IntSliderModel")
        await tab.press_run(tab.now.order[1])
        await asyncio.to_thread(server.restart, number=signal.SIGKILL)
        await tab.wait_done(1)
        assert tab.comm(slider).data["value"] == 39

        # One that was on its way when the server died is sent once.
        await tab.send_comm(slider, {"method": "update", "state": {"value": 12}}, cell=0)
        await tab.wait(lambda: tab.pending == 0)
        await asyncio.to_thread(server.restart, number=signal.SIGKILL)
        await tab.wait(lambda: tab.comm(slider).data["value"] == 12)
        await tab.wait(lambda: bool(tab.handled))
        assert tab.text(0).count("changed to 12\n") == 1

        async with server.tab(path) as fresh:
            await tab.wait(lambda: tab.now.seq == fresh.now.seq)
            assert visible(fresh.now) == visible(tab.now)


async def test_a_restart_of_the_kernel_ends_all_and_what_is_shown_stays(
    server: CarnetServer, path: str
) -> None:
    server.write(path, [SLIDER])
    async with server.tab(path) as tab:
        await run(tab, 0)
        slider = tab.widget(_model_name="IntSliderModel")
        await tab.set_widget(slider, value=20)

        await tab.intend(RestartKernel())
        await tab.wait(lambda: tab.now.kernel.lineage == 2 and tab.now.kernel.status == "idle")

        assert not any(comm.live for comm in tab.now.comms.values())
        assert tab.comm(slider).data["value"] == 20
        # What comes too late for it changes nothing.
        await tab.send_comm(slider, {"method": "update", "state": {"value": 21}})
        await tab.wait(lambda: tab.pending == 0)
        assert tab.comm(slider).data["value"] == 20
        await run(tab, 0)
        assert tab.widget(_model_name="IntSliderModel") != slider


async def test_a_progress_bar_of_10_000_steps_is_few_bytes(server: CarnetServer, path: str) -> None:
    server.write(
        path,
        [
            "import time\nfrom tqdm.notebook import tqdm",
            "for step in tqdm(range(10_000)):\n    time.sleep(0.0002)",
        ],
    )
    async with server.tab(path) as tab:
        await run(tab, 0)
        before = tab.received_bytes
        await run(tab, 1)
        bar = tab.widget(_model_name="FloatProgressModel")
        assert tab.comm(bar).data["value"] == 10_000
        assert tab.received_bytes - before < 60_000


async def test_a_flood_of_custom_messages_does_not_fill_the_journal(server: CarnetServer, path: str) -> None:
    server.write(
        path,
        [
            "import ipywidgets\nw = ipywidgets.IntSlider()",
            "import os\nfor n in range(100):\n    w.send({'n': n}, buffers=[os.urandom(60_000)])",
        ],
    )
    async with server.tab(path) as tab:
        await run(tab, 0)
        before = kept_bytes(server.state)
        await run(tab, 1)
        assert [operation.data["content"]["n"] for operation in tab.told][-1] == 99  # type: ignore[index, call-overload]  # as it was sent
        assert len(tab.told) == 100
        assert all(len(operation.buffers[0].data) == 60_000 for operation in tab.told)
        assert kept_bytes(server.state) - before < 1_500_000


async def test_the_file_has_the_states_of_what_is_shown(server: CarnetServer, path: str) -> None:
    file = server.write(path, [SLIDER, "unseen = ipywidgets.Text()"])
    async with server.tab(path) as tab:
        await run(tab, 0)
        await run(tab, 1)
        slider = tab.widget(_model_name="IntSliderModel")
        await tab.set_widget(slider, value=21)
        await tab.intend(SaveNow())
        await tab.wait(lambda: tab.now.saved.seq >= tab.now.seq - 1 and saved_value(file, slider) == 21)

        states = saved_states(file)
        names = {str(state["model_name"]) for state in states.values()}
        assert names == {"IntSliderModel", "SliderStyleModel", "LayoutModel"}
        assert states[slider]["model_module"] == "@jupyter-widgets/controls"

        # A kernel that is gone takes nothing with it.
        await tab.intend(ShutdownKernel(now=True))
        await tab.wait(lambda: tab.now.kernel.id is None)
        await tab.add_cell("# more")
        await tab.wait(lambda: tab.now.saved.seq >= tab.now.changed_seq)
        assert saved_value(file, slider) == 21


def saved_states(file: Path) -> dict[str, dict[str, object]]:
    widgets = json.loads(file.read_text(encoding="utf-8"))["metadata"].get("widgets", {})
    states: dict[str, dict[str, object]] = widgets.get(
        "application/vnd.jupyter.widget-state+json", {"state": {}}
    )["state"]
    return states


def saved_value(file: Path, comm_id: CommId) -> object:
    state = saved_states(file).get(comm_id, {}).get("state", {})
    return state.get("value") if isinstance(state, dict) else None


async def test_50_mb_go_to_the_kernel_and_come_back(server: CarnetServer, path: str) -> None:
    server.write(
        path,
        [
            """
import hashlib
from ipywidgets import register, Widget
from ipywidgets.widgets.trait_types import CByteMemoryView
@register
class Bytes(Widget):
    up = CByteMemoryView().tag(sync=True)
    down = CByteMemoryView().tag(sync=True)
    def __init__(self):
        super().__init__()
        self.observe(self.answer, 'up')
    def answer(self, change):
        self.down = bytes(change.new)[::-1]
b = Bytes()
""",
            "len(b.up), hashlib.sha256(b.up).hexdigest()",
        ],
    )
    data = bytes(range(1, 251)) * 200_000
    async with server.tab(path) as tab:
        await run(tab, 0)
        comm_id = tab.widget(_view_name=None, _model_name="WidgetModel")
        status, body = await asyncio.to_thread(server.request, "POST", "/blobs", data)
        assert status == 201
        blob = msgspec.convert({**json.loads(body), "media_type": "application/octet-stream"}, BlobRef)
        before = tab.received_bytes

        send_id = await tab.send_comm(
            comm_id, {"method": "update", "state": {}}, CommBuffer(("up",), blob=blob)
        )
        await tab.wait(lambda: send_id in tab.handled)

        buffers = {buffer.path: buffer.blob for buffer in tab.comm(comm_id).buffers}
        back = buffers["down",]
        assert back is not None
        _, found = await asyncio.to_thread(server.request, "GET", f"/blobs/{back.sha256}")
        assert found == data[::-1]
        assert buffers["up",] == blob
        assert tab.received_bytes - before < 10_000
        await run(tab, 1)
        assert hashlib.sha256(data).hexdigest() in str(tab.cell(1).cell.outputs)


async def test_a_client_of_jupyters_own_socket_and_our_pages_share_the_widgets(
    server: CarnetServer, path: str
) -> None:
    server.write(path, [SLIDER])
    async with server.tab(path) as tab:
        await run(tab, 0)
        slider = tab.widget(_model_name="IntSliderModel")
        assert tab.now.kernel.id is not None
        view = Server(process=None, state_folder=server.state, notebook_dir=server.notebooks)  # type: ignore[arg-type]  # only asked for its address
        view.url, view.token = server.url, TOKEN
        async with KernelSocket(view, tab.now.kernel.id) as lab:
            theirs: dict[str, object] = {"method": "update", "state": {"value": 8}, "buffer_paths": []}
            await lab.send("comm_msg", {"comm_id": slider, "data": theirs})
            await tab.wait(lambda: tab.comm(slider).data["value"] == 8)

            await tab.set_widget(slider, value=9)
            said = await lab.until(
                lambda one: (
                    one["header"]["msg_type"] == "comm_msg"
                    and one["content"]["data"].get("state") == {"value": 9}
                )
            )
            assert said["content"]["comm_id"] == slider

            # Widgets of a cell that they run are here too.
            code = "other = ipywidgets.FloatSlider(value=2.5)"
            await lab.over(await lab.execute(code))
            await tab.wait(lambda: any(comm.data.get("value") == 2.5 for comm in tab.now.comms.values()))


async def test_a_kernel_that_does_not_echo_has_the_same_state(server: CarnetServer, path: str) -> None:
    server.write(path, ["import os\nos.environ['JUPYTER_WIDGETS_ECHO'] = '0'" + SLIDER])
    async with server.tab(path) as tab:
        await run(tab, 0)
        slider = tab.widget(_model_name="IntSliderModel")
        await tab.set_widget(slider, value=7)
        assert tab.comm(slider).data["value"] == 7
        await tab.set_widget(slider, value=70)
        assert tab.comm(slider).data["value"] == 50
