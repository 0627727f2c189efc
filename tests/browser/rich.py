"""A kernel with plots and widgets in an environment of its own, and notebooks that run on it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.api.installed import rich_kernel
from tests.support.server import CarnetServer

#: What a headless Chromium without a graphics card says when WebGL draws, and of Plotly's reading of its own canvas.
OF_WEBGL = "GPU stall|Canvas2D: Multiple readback"


def rich_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a server that knows the kernelspec `rich`."""
    spec = folder / "jupyter" / "kernels" / "rich"
    spec.mkdir(parents=True, exist_ok=True)
    argv = [str(rich_kernel()), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Rich", "language": "python"})
    )
    return {"JUPYTER_PATH": str(folder / "jupyter")}


def write_rich(
    server: CarnetServer, name: str, sources: Sequence[str], *, outputs: Sequence[Sequence[Any]] = ()
) -> None:
    """Write a notebook of the kernel `rich` with these code cells, and with outputs that nobody trusts."""
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": source,
            "execution_count": None,
            "outputs": list(outputs[number]) if number < len(outputs) else [],
        }
        for number, source in enumerate(sources)
    ]
    spec = {"name": "rich", "display_name": "Rich", "language": "python"}
    tree = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}
    (server.notebooks / name).write_text(json.dumps(tree))


def display(data: dict[str, object], **metadata: object) -> dict[str, object]:
    """Return an output as a file holds it."""
    return {"output_type": "display_data", "data": data, "metadata": metadata}
