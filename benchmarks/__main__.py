"""`./run bench [NAME...] [--rounds=N] [--peers]`: measure, print tables, write JSON to benchmarks/results/."""

import argparse
import asyncio
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.peers import peer_versions, peers_python
from benchmarks.report import Figures, Goal, number

RESULTS: Final = Path(__file__).resolve().parent / "results"

#: Name to what it measures. Each is a module of benchmarks.suite.
BENCHMARKS: Final[Mapping[str, str]] = {
    "startup": "from the command to the first page",
    "memory": "what server, kernel host and kernels hold",
    "first_run": "the first cell of a new notebook",
    "round_trip": "one cell after another",
    "run_all": "200 cells at once",
    "output": "much output, none of it lost",
    "api": "a kernel through Jupyter's API",
    "contents": "large files over HTTP, and what others feel meanwhile",
    "stalls": "what everybody else feels while one person handles a notebook of 50 MB",
    "page": "until a cell can be edited, in a browser",
    "keystroke": "from the key to the screen, in a browser",
    "collaboration": "a notebook as a shared Yjs document",
    "reconnect": "what is lost when links and servers end",
}


def main(arguments: Sequence[str]) -> int:
    """Run what is named, or everything."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each is measured, in turn with its limit"
    )
    parser.add_argument("--peers", action="store_true", help="measure jupyter_server and notebook too")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    python = peers_python() if options.peers else None
    peers = peer_versions(python) if python is not None else {}
    told: dict[str, object] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.description(),
        "versions": machine.versions(),
        "peers": peers,
        "rounds": options.rounds,
    }
    print(f"{told['machine']}; {_words(machine.versions())}")
    if peers:
        print(f"peers: {_words(peers)}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{told['at']}.json".replace(":", "")
    results: list[dict[str, object]] = []
    for name in options.names or BENCHMARKS:
        results.append(_measure(name, options.rounds, python))
        # After each: who ends it early has what was measured until then.
        path.write_text(json.dumps({**told, "benchmarks": results}, indent=1) + "\n", encoding="utf-8")
    print(f"\nWritten to {path}")
    return 1 if any(result["failed"] for result in results) else 0


def _measure(name: str, rounds: int, python: Path | None) -> dict[str, object]:
    """Measure one, and print it. What was noted before it failed is kept."""
    module = importlib.import_module(f"benchmarks.suite.{name}")
    goals: Sequence[Goal] = module.GOALS
    bench = Bench(Figures(name), rounds, python)
    before = os.getloadavg()[0]
    print(f"\n## {name}: {BENCHMARKS[name]}\n", flush=True)
    failed = ""
    try:
        asyncio.run(module.measure(bench))
    except Exception as error:  # noqa: BLE001  what was noted until then is wanted
        traceback.print_exc()
        failed = f"{type(error).__name__}: {error}"
        bench.said.append(f"It failed before its end: {failed}")
    load = f"{before:.1f} to {os.getloadavg()[0]:.1f}"
    print(bench.figures.table())
    print(f"\nMedian [least..most] of {rounds} rounds; load average {load}.")
    for line in bench.said:
        print(line)
    for one in bench.figures.verdicts(goals):
        verdict = "reached" if one.reached else "MISSED"
        limit = f"{one.words} = {number(one.limit)} {one.unit}".rstrip()
        print(f"- {verdict}: {one.what}: {number(one.measured)} {one.unit}, goal {limit}")
    return {**bench.figures.as_json(goals), "load": load, "said": bench.said, "failed": failed}


def _words(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
