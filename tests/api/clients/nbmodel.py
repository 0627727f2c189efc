"""jupyter_nbmodel_client, as its users use it. Arguments: the server's address, its token, a path. Prints JSON of what it saw."""

import asyncio
import json
import sys

from jupyter_kernel_client import (  # type: ignore[import-not-found]  # it is in another environment
    JupyterKernelClient,
)
from jupyter_nbmodel_client import (  # type: ignore[import-not-found]  # as above
    NbModelClient,
    get_jupyter_notebook_websocket_url,
)


async def main(url: str, token: str, path: str) -> None:
    """Open, add, run, change, read."""
    seen: dict[str, object] = {}
    with JupyterKernelClient(server_url=url, token=token) as kernel:
        address = get_jupyter_notebook_websocket_url(url, path, token)
        async with NbModelClient(address) as notebook:
            seen["opened"] = [notebook.synced, len(notebook)]
            index = notebook.add_code_cell("print('hello 😀')\n6 * 7")
            ran = await asyncio.to_thread(notebook.execute_cell, index, kernel)
            seen["ran"] = [ran["status"], [one["output_type"] for one in ran["outputs"]]]
            seen["kept"] = [one["output_type"] for one in notebook[index]["outputs"]]
            notebook.set_cell_source(index, "x = '😀'")
            notebook.set_cell_metadata(index, "tags", ["by-a-client"])
            notebook.add_markdown_cell("# Done")
        async with NbModelClient(get_jupyter_notebook_websocket_url(url, path, token)) as notebook:
            seen["again"] = [cell["source"] for cell in notebook.as_dict()["cells"]]
    sys.stdout.write(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
