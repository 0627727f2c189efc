"""Converting, with the real nbconvert in its real process (NC3 to NC7)."""

import asyncio
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil brings no types
import pytest

from carnet.convert.converter import Bounds, Converted, Converter, environment
from carnet.errors import ConversionFailed

pytestmark = pytest.mark.slow

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

TEXT = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "<script>evil()</script>text"}


def a_notebook(*cells: Mapping[str, object]) -> bytes:
    language = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
    return json.dumps(
        {"cells": cells, "metadata": {"language_info": language}, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


def code(source: str, *outputs: Mapping[str, object]) -> dict[str, object]:
    return {
        "cell_type": "code",
        "id": "c",
        "metadata": {},
        "source": source,
        "outputs": outputs,
        "execution_count": 1,
    }


def text(result: Converted) -> str:
    with result.file:
        return result.read(0, result.size_bytes).decode()


async def test_nc3_html_has_code_and_outputs() -> None:
    shown = {"output_type": "stream", "name": "stdout", "text": "the answer"}

    result = await Converter().convert(a_notebook(code("6 * 7", shown)), "html", name="day")

    assert (result.media_type, result.ending) == ("text/html", ".html")
    html = text(result)
    assert "<title>day</title>" in html
    assert "the answer" in html


async def test_nc3_no_cell_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    result = await Converter().convert(a_notebook(code(f"open({str(mark)!r}, 'w')")), "script", name="n")

    assert str(mark) in text(result)
    assert not mark.exists()


async def test_nc3_formats_are_those_that_run_nothing() -> None:
    converter = Converter()

    formats = await converter.formats()

    assert formats["html"] == "text/html"
    assert {"markdown", "notebook", "script", "latex", "pdf"} <= set(formats)
    assert not {"webpdf", "qtpdf", "qtpng"} & set(formats)
    assert await converter.formats() is formats


@pytest.mark.parametrize("name", ["webpdf", "nope", "os.path.join", "nbconvert.exporters.HTMLExporter"])
async def test_nc7_a_format_that_is_not_there(name: str) -> None:
    with pytest.raises(ConversionFailed, match=f"There is no format '{name}'. There are: .*html") as refused:
        await Converter().convert(a_notebook(), name, name="n")
    assert refused.value.status == 404


async def test_nc7_what_is_not_a_notebook() -> None:
    with pytest.raises(ConversionFailed, match="It is not a notebook: ") as refused:
        await Converter().convert(b"[", "html", name="n")
    assert refused.value.status == 422


async def test_nc7_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ConversionFailed, match="needs the program pandoc, which is not installed") as refused:
        await Converter().convert(a_notebook(TEXT), "asciidoc", name="n")
    assert refused.value.status == 501


async def test_nc6_pictures_come_along() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": PICTURE}, "metadata": {}}

    result = await Converter().convert(a_notebook(code("plot()", picture)), "markdown", name="plots")

    assert (result.media_type, result.ending) == ("application/zip", ".zip")
    result.file.seek(result.start)
    with result.file, zipfile.ZipFile(result.file) as archive:
        page, shown = archive.namelist()
        assert (page, shown.endswith(".png")) == ("plots.md", True)
        assert shown in archive.read("plots.md").decode()


async def test_nc1_scripts_are_taken_out_where_that_is_asked_for() -> None:
    converter = Converter()

    as_it_is = text(await converter.convert(a_notebook(TEXT), "html", name="n"))
    clean = text(await converter.convert(a_notebook(TEXT), "html", name="n", sanitize_html=True))

    assert "<script>evil()" in as_it_is
    assert "<script>evil()" not in clean


async def test_nc4_too_much_memory() -> None:
    with pytest.raises(ConversionFailed, match=r"needs more than 90 MiB of memory|ended with") as refused:
        await Converter(Bounds(memory_bytes=90 << 20)).convert(
            a_notebook(code("x" * (30 << 20))), "html", name="n"
        )
    assert refused.value.status in {413, 500}


async def test_nc4_too_much_time() -> None:
    with pytest.raises(ConversionFailed, match="took too long") as refused:
        await Converter(Bounds(time_s=0.2)).convert(a_notebook(), "html", name="n")
    assert refused.value.status == 504


async def test_nc4_too_large_a_result() -> None:
    with pytest.raises(ConversionFailed, match="The result is too large") as refused:
        await Converter(Bounds(output_bytes=70_000)).convert(a_notebook(code("x" * 9000)), "script", name="n")
    assert refused.value.status == 413


async def test_nc4_who_goes_takes_the_process_along() -> None:
    converting = asyncio.create_task(Converter().convert(a_notebook(), "html", name="n"))
    child = await first_child()

    converting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await converting

    assert not child.is_running()


async def first_child() -> psutil.Process:
    """Return the process that converts, once it is there."""
    while True:
        for child in psutil.Process().children():
            if "carnet.convert.child" in " ".join(child.cmdline()):
                return child
        await asyncio.sleep(0)


def test_nc4_the_child_knows_no_secret() -> None:
    ours = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "JUPYTER_TOKEN": "secret",
        "CARNET_PASSWORD": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "JUPYTER_PATH": "/templates",
    }

    tex = {"openin_any": "p", "openout_any": "p", "shell_escape": "f"}
    assert environment(ours) == {"PATH": "/bin", "LC_ALL": "C", "JUPYTER_PATH": "/templates", **tex}


def test_nc4_nobody_s_environment_lets_latex_read_what_is_not_its_own() -> None:
    assert environment({"openin_any": "a", "shell_escape": "t"})["openin_any"] == "p"


async def test_nc1_a_notebook_that_never_ran_is_python() -> None:
    notebook = {"cells": [code("6 * 7")], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    result = await Converter().convert(json.dumps(notebook).encode(), "script", name="n")

    assert (result.ending, text(result)) == (".py", "6 * 7\n")
