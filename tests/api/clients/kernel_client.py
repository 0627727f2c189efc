"""jupyter_kernel_client, as its users use it. Arguments: the server's address, its token. Prints JSON of what it saw."""

import json
import sys

from jupyter_kernel_client import (  # type: ignore[import-not-found]  # it is in another environment
    JupyterKernelClient,
)

url, token = sys.argv[1:]
seen: dict[str, object] = {}
with JupyterKernelClient(server_url=url, token=token) as kernel:
    first = kernel.execute("print('hi')\n6 * 7")
    seen["first"] = [first["status"], first["outputs"][0]["text"], first["outputs"][1]["data"]["text/plain"]]
    seen["error"] = kernel.execute("1/0")["outputs"][0]["ename"]
    kernel.execute("kept = 1")
    kernel.interrupt()
    seen["alive"] = kernel.is_alive()
    kernel.restart()
    seen["restarted"] = kernel.execute("'kept' in dir()")["outputs"][0]["data"]["text/plain"]
    seen["language"] = kernel.kernel_info["language_info"]["name"]
    seen["kernels"] = len(kernel.list_kernels())
    many = kernel.execute("for n in range(20_000): print(n)")["outputs"]
    # The kernel cuts a long stream where its own time is over.
    seen["many"] = len("".join(output["text"] for output in many).split())
sys.stdout.write(json.dumps(seen))
