"""Run every check and every test, and say how each ended: `./run test`, or the quick ones: `./run check`.

One failure does not hide another: all steps run, and the exit code is 1 when
any failed. The Python tests come last, so that pytest's last words are last.
More arguments go to pytest: `./run test -k link`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hatch_build import install_node_modules, node_folder, node_path, npm_path

ROOT = Path(__file__).resolve().parent.parent

#: Tests over this are stuck, not slow: they are ended and their stacks shown.
TEST_TIMEOUT_S = 180


@dataclass(frozen=True)
class Step:
    """One program that ends with 0 when all is well."""

    name: str
    command: Sequence[str]
    folder: Path = ROOT


def npm_run(script: str) -> Step:
    """Return the step that runs a script of ui/package.json."""
    npm = node_folder() / npm_path()
    return Step(f"page: {script}", [str(node_folder() / node_path()), str(npm), "run", script], ROOT / "ui")


def python_module(name: str, *command: str) -> Step:
    """Return a step that runs a module of this environment."""
    return Step(name, [sys.executable, "-m", *command])


def quick_steps() -> list[Step]:
    return [
        python_module("lint", "ruff", "check", "."),
        python_module("format", "ruff", "format", "--check", "."),
        python_module("types", "mypy"),
        npm_run("check"),
        python_module("rooms and docs", "pytest", "-q", "tests/test_architecture.py", "tests/test_docs.py"),
    ]


def all_steps(pytest_arguments: Sequence[str]) -> list[Step]:
    docs = ["sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html"]
    # A file's tests stay together on one worker, since they share what is slow to start. Two workers: CI has two cores.
    workers = ["-n", "2", "--dist", "loadfile", "--max-worker-restart", "0", "--durations", "25"]
    return [
        *quick_steps()[:-1],
        npm_run("test"),
        python_module("docs", *docs),
        python_module("tests", "pytest", *workers, f"--timeout={TEST_TIMEOUT_S}", *pytest_arguments),
    ]


def run(step: Step) -> bool:
    """Run one step with its own output, and return whether it ended well."""
    print(f"\n== {step.name}", flush=True)
    started_s = time.monotonic()
    node = node_folder() / node_path()
    path = os.pathsep.join([str(Path(sys.executable).parent), str(node.parent), os.environ.get("PATH", "")])
    done = subprocess.run(step.command, cwd=step.folder, env={**os.environ, "PATH": path}, check=False)
    verdict = "ok" if done.returncode == 0 else f"FAILED ({done.returncode})"
    print(f"== {step.name}: {verdict} after {time.monotonic() - started_s:.0f} s", flush=True)
    return done.returncode == 0


def main(arguments: Sequence[str]) -> int:
    what, *pytest_arguments = arguments
    install_node_modules(ROOT / "ui")
    steps = quick_steps() if what == "check" else all_steps(pytest_arguments)
    failed = [step.name for step in steps if not run(step)]
    print(f"\n{', '.join(failed)}: FAILED" if failed else "\nAll is well.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
