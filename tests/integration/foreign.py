"""Notebooks that nobody here wrote: fetched once, by hash, into a cache outside the repository; and how to compare outputs.

CARNET_FOREIGN_NOTEBOOKS names a folder to take them from instead, as on a machine without network.
"""

import os
import re
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

from tests.support.files import FileCell, read_file

LOCK = Path(__file__).with_name("foreign.lock")
_ROOT = Path(__file__).parents[2]

#: What they need is not what is compared here: other languages and packages, partners that run beside them, a person.
LEFT_OUT = {
    "Autokill": "kills its kernel (tests/faults does)",
    "Interrupt": "waits for ten seconds to be interrupted",
    "Disable Stdin": "nbclient has nobody to ask",
    "Parallel Execute A": "waits for Parallel Execute B",
    "Parallel Execute B": "waits for Parallel Execute A",
    "notebook3": "asks a person",
    "notebook2": "draws random numbers",
    "JupyterWidgets": "needs ipywidgets",
    "Output": "needs ipywidgets",
    "Unexecuted_widget": "needs ipywidgets",
    "Unexecuted_widget_2": "needs ipywidgets",
    "Widget_List": "needs ipywidgets",
    "notebook_jl": "needs Julia",
    "Skip Execution with Cell Tag": "a tag that nbclient obeys, and that means nothing in a page",
    "nbconvert_library": "fetches a page from the network",
    "Check History in Memory": "asks the kernel for a setting that nbclient makes",
}


def fetch() -> Path:
    """Return the folder with the unpacked distributions.

    Raises:
        RuntimeError: pip could not fetch them; with what it said.
    """
    given = os.environ.get("CARNET_FOREIGN_NOTEBOOKS")
    if given:
        return Path(given)
    wanted = re.findall(r"^(\S+)==(\S+)", LOCK.read_text(), re.MULTILINE)
    cache = user_cache_path("carnet-tests") / "foreign"
    if not all((cache / f"{name}-{version}").is_dir() for name, version in wanted):
        cache.mkdir(parents=True, exist_ok=True)
        command = [*_pip(), "download", "-q", "--no-deps", "--no-build-isolation", "--no-binary", ":all:"]
        command += ["--require-hashes", "-r", str(LOCK), "-d", str(cache)]
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"foreign notebooks could not be fetched: {done.stderr[-2000:]}")
        for name, version in wanted:
            with tarfile.open(cache / f"{name}-{version}.tar.gz") as archive:
                if hasattr(tarfile, "data_filter"):
                    archive.extractall(cache, filter="data")
                else:  # Python before 3.11.4. What is in the archive is known: the lock names it by hash.
                    archive.extractall(cache)
    return cache


def _pip() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    # ./run's environment is made by uv and has none; the bootstrap's has.
    return [str(_ROOT / ".carnet-dev/uv/bin/python"), "-m", "pip", "--python", sys.executable]


def notebooks(folder: Path) -> dict[str, Path]:
    """Return those to run, by a name of their own: those with code."""
    found: dict[str, Path] = {}
    for file in sorted(folder.glob("*/**/*.ipynb")):
        if file.stem not in LEFT_OUT and _has_code(file):
            found[
                f"{file.relative_to(folder).parts[0].partition('-')[0]}-{file.parent.parent.name}-{file.stem}"
            ] = file
    return found


def _has_code(file: Path) -> bool:
    return any(cell.cell_type == "code" and cell.source.strip() for cell in read_file(file).cells)


_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CHANGING = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "DATE"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xADDRESS"),
    (re.compile(r"\b[mp][0-9a-f]{10}\b"), "SVGID"),
    (re.compile(r"ipykernel_\d+"), "ipykernel_PID"),
    (re.compile(r"\d+(\.\d+)? ?(ns|µs|us|ms|s|min)\b"), "TIME"),
]


def comparable(cell: FileCell) -> list[object]:
    """Return a cell's outputs without what differs from one run to the next, on any notebook program."""
    found: list[object] = []
    for output in cell.get("outputs", ()):
        match output.output_type:
            case "stream":
                # Which of stdout and stderr a kernel flushes first is a matter of luck.
                if not (found and isinstance(found[-1], dict)):
                    found.append({})
                streams = found[-1]
                assert isinstance(streams, dict)
                streams[output.name] = streams.get(output.name, "") + _steady(output.text)
            case "error":
                found.append((output.ename, _steady(output.evalue), _steady("\n".join(output.traceback))))
            case kind:
                data = {
                    key: _steady(value) if isinstance(value, str) else value
                    for key, value in output.data.items()
                    if key != "application/vnd.jupyter.widget-view+json"
                }
                found.append((kind, data, output.get("metadata", {})))
    return [
        {name: _as_on_a_terminal(text) for name, text in one.items()} if isinstance(one, dict) else one
        for one in found
    ]


def _steady(text: str) -> str:
    text = _ANSI.sub("", text)
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text


def _as_on_a_terminal(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown)
    return "\n".join(lines)
