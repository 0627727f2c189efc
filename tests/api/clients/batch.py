"""Notebooks run to their end by nbclient, papermill and `jupyter execute`, with kernels behind a gateway. Prints JSON of what it saw.

Arguments: the gateway's address, its token, an empty folder.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

url, token, where = sys.argv[1:]
folder = Path(where)
# Before anything of jupyter_server is imported: it reads them once.
os.environ |= {"JUPYTER_GATEWAY_URL": url, "JUPYTER_GATEWAY_AUTH_TOKEN": token}

import nbformat as untyped  # noqa: E402
import papermill  # type: ignore[import-not-found]  # noqa: E402  it is in another environment
from nbclient import NotebookClient  # noqa: E402

MANAGER = "gateway_manager.Manager"
nbformat: Any = untyped
seen: dict[str, object] = {}


def a_notebook(*sources: str) -> Any:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})


def texts(notebook: Any) -> list[str]:
    return [
        "".join(
            output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs
        )
        for cell in notebook.cells
    ]


SOURCES = (
    "a = 6",
    "print(a * 7)",
    "for n in range(1_000): print(n, flush=True)",
    "import os; os.getppid() > 0",
)


async def with_nbclient() -> None:
    client = NotebookClient(a_notebook(*SOURCES), kernel_manager_class=MANAGER, timeout=60)
    done = texts(await client.async_execute())
    seen["nbclient"] = [done[1], done[2].split() == [str(n) for n in range(1_000)], done[3]]


asyncio.run(with_nbclient())

parameters = a_notebook("who = 'nobody'", "print('hello', who)")
parameters.cells[0].metadata["tags"] = ["parameters"]
nbformat.write(parameters, folder / "in.ipynb")
made = papermill.execute_notebook(
    folder / "in.ipynb",
    folder / "out.ipynb",
    parameters={"who": "Ada"},
    kernel_manager_class=MANAGER,
    progress_bar=False,
)
seen["papermill"] = texts(nbformat.read(folder / "out.ipynb", 4))[-1]
seen["papermill status"] = made.metadata.papermill.exception

nbformat.write(a_notebook(*SOURCES, "1 / 0"), folder / "fails.ipynb")
try:
    papermill.execute_notebook(
        folder / "fails.ipynb", folder / "failed.ipynb", kernel_manager_class=MANAGER, progress_bar=False
    )
except papermill.PapermillExecutionError as error:
    seen["papermill error"] = error.ename

nbformat.write(a_notebook(*SOURCES), folder / "run.ipynb")
command = [
    sys.executable,
    "-c",
    "from nbclient.cli import main; main()",
    str(folder / "run.ipynb"),
    "--inplace",
    f"--NotebookClient.kernel_manager_class={MANAGER}",
]
env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
assert done.returncode == 0, done.stderr
seen["jupyter execute"] = texts(nbformat.read(folder / "run.ipynb", 4))[1]
sys.stdout.write(json.dumps(seen))
