"""The server of the handlers' tests."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.serving import Server, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the module's own."""
    folder = tmp_path_factory.mktemp("server")
    setting = {"static_path": str(built_page(folder / "built"))}
    with serve(folder, f"--NotebookApp.webapp_settings={setting}") as running:
        yield running


def built_page(folder: Path) -> Path:
    """Make a page as Vite does, so that these tests do not depend on the real one."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(
        '<!doctype html><html><head><script type="module" src="./assets/app-0a1B2c3D.js"></script></head></html>'
    )
    (folder / "frame.html").write_text("<!doctype html><script>parent.postMessage(1)</script>")
    (folder / "drawing.html").write_text("<!doctype html><script>parent.postMessage(2)</script>")
    (folder / "manifest.json").write_text("{}")
    script = b"export const one = 1;\n" * 100
    (folder / "assets" / "app-0a1B2c3D.js").write_bytes(script)
    (folder / "assets" / "app-0a1B2c3D.js.gz").write_bytes(gzip.compress(script))
    (folder / "assets" / "app-0a1B2c3D.js.br").write_bytes(b"brotli stands here")
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder
