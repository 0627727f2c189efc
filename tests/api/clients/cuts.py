"""jupyter_kernel_client on a line that is cut, or whose server is killed, again and again: as `cuts.mjs`, with the same arguments."""

import json
import random
import sys

from jupyter_kernel_client import KernelWebSocketClient  # type: ignore[import-not-found]  # in another environment
from jupyter_kernel_client.wsclient import JupyterSubprotocol  # type: ignore[import-not-found]  # as above

url, token, kernel_id, protocol, times, seed = sys.argv[1:]
kernel = KernelWebSocketClient(
    endpoint=f"{url.replace('http', 'ws')}/api/kernels/{kernel_id}/channels",
    token=token,
    reconnect_interval=0.02,
    subprotocol=JupyterSubprotocol.V1 if protocol == "v1" else JupyterSubprotocol.DEFAULT,
)
kernel.start_channels()
kernel.kernel_info_interactive(timeout=60)
draw = random.Random(seed)
left, wait = int(times), draw.randrange(1, 80)
heard: list[str] = []
ids: dict[str, tuple[int, str]] = {}


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


say("ready")
while not heard or not heard[-1].endswith("end\n"):
    message = kernel.get_iopub_msg(timeout=100)
    content = message["content"]
    if message["msg_type"] != "stream" or content["name"] != "stdout":
        continue
    count, before = ids.get(message["msg_id"], (0, content["text"]))
    assert before == content["text"], "what comes again is not the same"
    if not count:
        heard.append(content["text"])
    ids[message["msg_id"]] = count + 1, before
    wait -= 1
    if left > 0 and wait <= 0:
        left, wait = left - 1, draw.randrange(1, 80)
        say("break")
counts = [count for count, _ in ids.values()]
say(
    json.dumps(
        {
            "text": "".join(heard),
            "left": left,
            "twice": sum(count > 1 for count in counts),
            "messages": len(counts),
        }
    )
)
kernel.stop_channels()
