"""Somebody else at a server: asks for little each 10 ms until a line comes, then says how long its longest wait was.

A process of its own, so that what the benchmark does meanwhile does not count. Run as a
script: watching.py PORT PAGE TOKEN.
"""

import select
import sys
import time
from http.client import HTTPConnection

EACH_S = 0.01
PATIENCE_S = 60.0


def main(port: str, page: str, token: str) -> None:
    """Ask until told to end."""
    connection = HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE_S)
    headers = {"Authorization": f"token {token}"}

    def ask() -> float:
        started_s = time.perf_counter()
        connection.request("GET", page, headers=headers)
        connection.getresponse().read()
        return time.perf_counter() - started_s

    for _ in range(5):
        ask()
    print("begun", flush=True)
    worst_s = 0.0
    while not select.select([sys.stdin], [], [], EACH_S)[0]:
        worst_s = max(worst_s, ask())
    print(worst_s * 1e3)
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
