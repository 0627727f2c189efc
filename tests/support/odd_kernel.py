"""A kernel that keeps the protocol badly, in one way at a time: `odd_kernel.py CONNECTION_FILE ODDITY`.

Oddities: `no-idle` (never says idle for a run), `no-reply` (never replies to a run), `aborts` (answers the first
request of each run with `aborted`), `silent` (answers nothing at all), `babbles` (sends bytes that are no message),
`deaf` (does not end when it is asked to), `clings` (nor by SIGTERM).
It has no iopub_welcome, as kernels before protocol 5.4.
"""

import hashlib
import hmac
import json
import signal
import sys
import uuid
from pathlib import Path

import zmq

Socket = zmq.Socket[bytes]


def main(connection_file: str, oddity: str) -> None:
    info = json.loads(Path(connection_file).read_text(encoding="utf-8"))
    context = zmq.Context()
    if oddity == "clings":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def bound(kind: int, channel: str) -> Socket:
        socket = context.socket(kind)
        separator = "-" if info["transport"] == "ipc" else ":"
        socket.bind(f"{info['transport']}://{info['ip']}{separator}{info[channel + '_port']}")
        return socket

    iopub, shell, control = bound(zmq.PUB, "iopub"), bound(zmq.ROUTER, "shell"), bound(zmq.ROUTER, "control")
    bound(zmq.ROUTER, "stdin")
    seen: set[str] = set()

    def send(
        socket: Socket, route: list[bytes], msg_type: str, parent: bytes, content: dict[str, object]
    ) -> None:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": msg_type, "session": "odd", "version": "5.3"}
        parts = [json.dumps(header).encode(), parent, b"{}", json.dumps(content).encode()]
        signature = hmac.new(info["key"].encode(), b"".join(parts), hashlib.sha256).hexdigest().encode()
        socket.send_multipart([*route, b"<IDS|MSG>", signature, *parts])

    poller = zmq.Poller()
    poller.register(shell, zmq.POLLIN)
    poller.register(control, zmq.POLLIN)
    while True:
        for socket, _ in poller.poll():
            frames = socket.recv_multipart()
            at = frames.index(b"<IDS|MSG>")
            route, header, content = frames[:at], frames[at + 2], json.loads(frames[at + 5])
            msg_type, msg_id = json.loads(header)["msg_type"], json.loads(header)["msg_id"]
            if oddity == "silent":
                continue
            if msg_type == "shutdown_request" and oddity in {"deaf", "clings"}:
                continue
            if msg_type == "shutdown_request":
                send(socket, route, "shutdown_reply", header, {"status": "ok"})
                return
            run = msg_type == "execute_request"
            send(iopub, [b"status"], "status", header, {"execution_state": "busy"})
            if run and oddity == "babbles":
                iopub.send_multipart([b"nonsense"])
                iopub.send_multipart([b"<IDS|MSG>", b"bad signature", b"{}", b"{}", b"{}", b"{}"])
            status = "ok"
            if run and oddity == "aborts" and msg_id not in seen:
                seen.add(msg_id)
                status = "aborted"
            elif run:
                send(
                    iopub,
                    [b"stream"],
                    "stream",
                    header,
                    {"name": "stdout", "text": f"ran {content['code']}\n"},
                )
            if not (run and oddity == "no-reply"):
                send(socket, route, msg_type.replace("request", "reply"), header, {"status": status})
            if not (run and oddity == "no-idle"):
                send(iopub, [b"status"], "status", header, {"execution_state": "idle"})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
