"""jupyter-mcp-server as an agent drives it: over stdio, with the tools it lists. Arguments: address, token, or `""` and a password. Prints JSON of what was said."""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession, StdioServerParameters  # type: ignore[import-not-found]  # it is in another environment
from mcp.client.stdio import stdio_client  # type: ignore[import-not-found]  # as above

NOTEBOOK = "agent.ipynb"


def text_of(result: Any) -> str:
    """Return what a tool said."""
    return "\n".join(part.text for part in result.content if part.type == "text")


async def main(url: str, token: str, password: str = "") -> None:
    """Work in a notebook of one cell."""
    arguments = [
        "-m",
        "jupyter_mcp_server",
        "start",
        "--transport",
        "stdio",
        "--jupyter-url",
        url,
    ]
    if password:
        arguments += ["--code-sandbox-password", password, "--document-password", password]
    else:
        arguments += ["--jupyter-token", token]
    parameters = StdioServerParameters(command=sys.executable, args=arguments)
    said: dict[str, str] = {}
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()

        async def call(name: str, key: str, **given: object) -> None:
            said[key] = text_of(await session.call_tool(name, given))

        await call("list_files", "files")
        await call("use_notebook", "used", notebook_name="work", notebook_path=NOTEBOOK)
        await call("insert_cell", "inserted", cell_index=-1, cell_type="code", cell_source="print(6 * 7)")
        await call("execute_cell", "ran", cell_index=1)
        await call("overwrite_cell_source", "overwritten", cell_index=1, cell_source="print('ä😀')")
        await call("execute_cell", "again", cell_index=1)
        await call("read_cell", "cell", cell_index=1)
        await call("insert_cell", "text", cell_index=0, cell_type="markdown", cell_source="# By an agent")
        await call("delete_cell", "deleted", cell_indices=[1])
        await call("read_notebook", "read", notebook_name="work")
    sys.stdout.write(json.dumps(said))


asyncio.run(main(*sys.argv[1:]))
