"""Somebody else at a server: asks for little each 10 ms until a line comes, then says how long its longest wait was.

It says a second number: for how long the server's threads worked, at most, while an answer
was waited for (no longer than the wait). That is what a wait would be on a machine that does nothing besides.
A process of its own, so that what the benchmark does meanwhile does not count. Run as a
script: watching.py PORT PAGE TOKEN PID. Linux.
"""

import select
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

EACH_S = 0.01
PATIENCE_S = 60.0


def main(port: str, page: str, token: str, pid: str) -> None:
    """Ask until told to end."""
    threads = Path(f"/proc/{pid}/task")
    connection = HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE_S)
    headers = {"Authorization": f"token {token}"}

    def worked_s() -> float:
        total_ns = 0
        for thread in threads.iterdir():
            with suppress(OSError):  # it has ended just now
                total_ns += int((thread / "schedstat").read_text().split()[0])
        return total_ns / 1e9

    def ask() -> tuple[float, float]:
        before_s = worked_s()
        started_s = time.perf_counter()
        connection.request("GET", page, headers=headers)
        connection.getresponse().read()
        took_s = time.perf_counter() - started_s
        return took_s, min(worked_s() - before_s, took_s)

    for _ in range(5):
        ask()
    print("begun", flush=True)
    worst_s, most_s = 0.0, 0.0
    while not select.select([sys.stdin], [], [], EACH_S)[0]:
        took_s, worked = ask()
        worst_s, most_s = max(worst_s, took_s), max(most_s, worked)
    print(worst_s * 1e3, most_s * 1e3)
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
