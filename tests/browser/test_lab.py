"""JupyterLab's own front end on Carnet: it works, it is quiet, and both pages show one truth (LB3 to LB17)."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import Heard, LabPage, kernels_of
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def write(server: CarnetServer, path: str, sources: list[str]) -> None:
    """Write a notebook that says its kernel, as those that ran once do: JupyterLab asks otherwise."""
    target = server.write(path, sources)
    notebook = json.loads(target.read_text())
    notebook["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    target.write_text(json.dumps(notebook))


def opened(visits: Visits, path: str) -> LabPage:
    """Open a notebook in JupyterLab, in a workspace of its own, and wait for its kernel."""
    profile = visits.profile()
    kernels = kernels_of(profile)
    name = path.partition(".")[0]
    lab = LabPage(visits.page(f"lab/workspaces/{name}/tree/{path}", profile=profile)).ready()
    expect(lab.cell(1)).to_be_visible()
    kernels.wait(lab.page)
    lab.is_idle()
    return lab


def test_lb3_open_edit_run_and_save(visits: Visits, server: CarnetServer) -> None:
    write(server, "day.ipynb", ["1 + 1", ""])
    lab = opened(visits, "day.ipynb")

    lab.run(1, "6 * 7")
    lab.says(1, "42")
    lab.run(2, "print('second')")
    lab.says(2, "second")
    lab.save()

    cells = json.loads((server.notebooks / "day.ipynb").read_text())["cells"]
    assert ["".join(cell["source"]) for cell in cells] == ["6 * 7", "print('second')"]
    assert cells[0]["outputs"][0]["data"]["text/plain"] == ["42"]


def test_lb3_new_notebook_rename_and_restart(visits: Visits, server: CarnetServer) -> None:
    visits.announce("Connection lost, reconnecting")  # what JupyterLab says of a restart
    profile = visits.profile()
    kernels = kernels_of(profile)
    lab = LabPage(visits.page("lab/workspaces/new", profile=profile)).ready()
    lab.page.locator(".jp-LauncherCard", has_text="Python 3").first.click()
    expect(lab.cell(1)).to_be_visible()
    kernels.wait(lab.page)
    lab.is_idle()
    lab.run(1, "kept = 1")

    lab.menu("File", "Rename Notebook…")
    name = lab.page.locator(".jp-Dialog input")
    name.fill("named.ipynb")
    name.press("Enter")
    expect(lab.tab).to_contain_text("named.ipynb")
    lab.menu("Kernel", "Restart Kernel…")
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()
    lab.is_idle()
    lab.run(1, "'kept' in globals()")

    lab.says(1, "False")
    assert (server.notebooks / "named.ipynb").exists()


def test_lb15_reload_while_it_runs(visits: Visits, server: CarnetServer) -> None:
    write(server, "long.ipynb", [""])
    profile = visits.profile()
    kernels = kernels_of(profile)
    lab = LabPage(visits.page("lab/workspaces/long/tree/long.ipynb", profile=profile)).ready()
    kernels.wait(lab.page)
    lab.write(1, "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nwent = True")
    lab.save()
    lab.run(1)
    lab.is_busy()
    kernels.again()

    lab.page.reload()
    lab.ready()
    (server.notebooks / "go").touch()

    # The kernel is the same one, and was at it all the time.
    kernels.wait(lab.page)
    lab.run(1, "went")
    lab.says(1, "True")


def test_lb3_terminal_and_upload(visits: Visits, server: CarnetServer) -> None:
    visits.announce(
        "GL Driver Message"
    )  # the terminal draws with WebGL, here on a machine without a graphics card
    profile = visits.profile()
    shell = Heard(profile, "/terminals/websocket", b'"stdout"')
    lab = LabPage(visits.page("lab/workspaces/terminal", profile=profile)).ready()
    lab.page.locator(".jp-LauncherCard", has_text="Terminal").click()
    lab.page.locator(".jp-Terminal").click()
    expect(lab.page.locator(".jp-Terminal .xterm-helper-textarea")).to_be_focused()
    shell.wait(lab.page)
    lab.page.keyboard.type("echo $((6 * 7)) > typed.txt\n")
    expect(lab.page.locator(".jp-DirListing-item", has_text="typed.txt")).to_be_visible()
    assert (server.notebooks / "typed.txt").read_text() == "42\n"

    with lab.page.expect_file_chooser() as chooser:
        lab.page.get_by_role("button", name="Upload Files").click()
    chooser.value.set_files({"name": "data.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"})

    expect(lab.page.locator(".jp-DirListing-item", has_text="data.csv")).to_be_visible()
    assert (server.notebooks / "data.csv").read_bytes() == b"a,b\n1,2\n"


def test_lb14_both_pages_show_one_truth(visits: Visits, server: CarnetServer) -> None:
    write(server, "both.ipynb", ["", "first = 1"])
    mine = visits.notebook("both.ipynb")
    lab = opened(visits, "both.ipynb")

    # Run in Lab: the variables are ours, and what Lab saved is in our page at once.
    lab.run(1, "answer = 6 * 7\nanswer")
    lab.says(1, "42")
    lab.save()
    mine.has_source(1, "answer = 6 * 7\nanswer")
    mine.says(1, "42")
    # Run in ours: Lab's kernel is the same one.
    mine.run(2, "answer + 1")
    mine.says(2, "43")
    mine.is_saved()
    lab.run(2, "answer + 2")
    lab.says(2, "44")


def test_lb14_a_run_in_lab_is_seen_in_our_page(visits: Visits, server: CarnetServer) -> None:
    write(server, "runs.ipynb", ["print('from lab')\n21 * 2"])
    mine = visits.notebook("runs.ipynb")
    lab = opened(visits, "runs.ipynb")

    lab.run(1)

    lab.says(1, "42")
    lab.save()
    mine.says(1, "from lab")
    mine.says(1, "42")


def test_lb17_a_run_in_lab_is_live_in_our_page_and_lab_saves_it_without_a_question(
    visits: Visits, server: CarnetServer
) -> None:
    gate = server.notebooks / "gate of live"
    waits = f"import pathlib, time\nprint('begun')\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)"
    write(server, "live.ipynb", [f"{waits}\nprint('\x1b[31mended\x1b[0m')\n21 * 2", "1 / 0", "c = 1"])
    mine = visits.notebook("live.ipynb")
    lab = opened(visits, "live.ipynb")
    before = (server.notebooks / "live.ipynb").read_bytes()

    # Nothing is saved, in neither page, and ours shows what the kernel says while it runs.
    lab.run(1)
    mine.says(1, "begun")
    gate.touch()
    mine.says(1, "42")
    mine.has_run(1, 1)
    lab.says(1, "42")
    lab.run(2)
    mine.says(2, "ZeroDivisionError")
    lab.has_run(2, 2)
    assert (server.notebooks / "live.ipynb").read_bytes() == before

    # Lab saves, twice: no dialog, and nothing is there twice.
    lab.save()
    mine.is_saved()
    lab.run(2, "print('once')")
    mine.says(2, "once")
    lab.has_run(2, 3)
    lab.save()
    mine.has_source(2, "print('once')")
    mine.is_saved()
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    cells = json.loads((server.notebooks / "live.ipynb").read_text())["cells"]
    said = ["".join(one.get("text", "")) or one["data"]["text/plain"][0] for one in cells[0]["outputs"]]
    assert said == ["begun\n\x1b[31mended\x1b[0m\n", "42"]
    assert [one["text"] for one in cells[1]["outputs"]] == [["once\n"]]

    # What our page writes after that is on disk, and Lab loads it when asked.
    lab.run(2, "print('more')")
    mine.says(2, "more")
    lab.has_run(2, 4)
    mine.write(3, "c = 2")
    mine.is_saved()
    lab.menu("File", "Reload Notebook from Disk")
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()  # it has not saved, and would lose that
    expect(lab.cell(3)).to_contain_text("c = 2")
    lab.says(2, "more")
    lab.run(3, "print('three')")
    mine.says(3, "three")
    lab.has_run(3, 5)
    lab.save()
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)


def test_lb17_lab_saves_while_its_cell_runs(visits: Visits, server: CarnetServer) -> None:
    gate = server.notebooks / "gate of midway"
    code = f"import pathlib, time\nprint('begun')\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\nprint('ended')"
    write(server, "midway.ipynb", [code])
    mine = visits.notebook("midway.ipynb")
    lab = opened(visits, "midway.ipynb")
    lab.run(1)
    lab.says(1, "begun")

    lab.save()
    gate.touch()
    lab.has_run(1, 1)
    mine.has_run(1, 1)
    mine.says(1, re.compile(r"^begun\s+ended\s*$"))
    expect(mine.saved).to_have_text("Not in the file yet")
    lab.save()

    mine.is_saved()
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    cells = json.loads((server.notebooks / "midway.ipynb").read_text())["cells"]
    assert ["".join(one["text"]) for one in cells[0]["outputs"]] == ["begun\nended\n"]
    mine.says(1, re.compile(r"^begun\s+ended\s*$"))


def test_lb17_a_lab_tab_that_is_closed_mid_run_leaves_the_outputs_in_the_file(
    visits: Visits, server: CarnetServer
) -> None:
    gate = server.notebooks / "gate of closed"
    code = f"import pathlib, time\nprint('begun')\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\nprint('ended')"
    write(server, "closed.ipynb", [code])
    mine = visits.notebook("closed.ipynb")
    lab = opened(visits, "closed.ipynb")
    lab.run(1)
    mine.says(1, "begun")

    lab.page.close()
    gate.touch()
    mine.says(1, "ended")
    mine.is_saved()

    cells = json.loads((server.notebooks / "closed.ipynb").read_text())["cells"]
    assert cells[0]["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": ["begun\n", "ended\n"]}
    ]


def test_lb14_lab_asks_before_it_saves_over_what_our_page_changed(
    visits: Visits, server: CarnetServer
) -> None:
    visits.announce("Different hash found for asked.ipynb")
    write(server, "asked.ipynb", ["a = 1", "b = 1"])
    lab = opened(visits, "asked.ipynb")
    mine = visits.notebook("asked.ipynb")
    mine.write(1, "a = 2")
    mine.is_saved()

    lab.write(2, "b = 2")
    lab.page.keyboard.press("Control+s")

    expect(lab.page.locator(".jp-Dialog")).to_contain_text(re.compile("changed on disk|File Changed"))


def test_lb1_our_page_leads_there(visits: Visits, server: CarnetServer) -> None:
    write(server, "leads.ipynb", ["1 + 1"])
    mine = visits.notebook("leads.ipynb")

    with mine.page.context.expect_page() as page:
        mine.menu("File", "Open in JupyterLab")

    lab = LabPage(page.value).ready()
    expect(lab.tab).to_contain_text("leads.ipynb")
    expect(lab.cell(1)).to_contain_text("1 + 1")


def test_lb5_a_script_in_an_output_does_not_run(visits: Visits, server: CarnetServer) -> None:
    visits.announce("Content Security Policy")
    visits.announce(r"files/x\?_xsrf|404")  # the picture that is not there
    write(server, "evil.ipynb", [""])
    lab = opened(visits, "evil.ipynb")
    html = "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'><b>shown</b>"
    lab.run(1, f"from IPython.display import HTML, Javascript, display\ndisplay(HTML('''{html}'''))")

    lab.says(1, "shown")

    assert lab.page.evaluate("window.ran") is None
    lab.run(1, "display(Javascript('window.ran = 1'))\nprint('after')")
    lab.says(1, "after")
    assert lab.page.evaluate("window.ran") is None
