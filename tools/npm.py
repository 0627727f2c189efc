"""Run npm in ui/ with the Node that the environment carries: `./run npm ARGUMENT...`."""

import sys
from pathlib import Path

from hatch_build import BuildFailed, node_folder, npm_path, run_node

ROOT = Path(__file__).resolve().parent.parent


def npm(*arguments: str, folder: Path = ROOT / "ui") -> None:
    """Run npm with these arguments in this folder.

    Raises:
        BuildFailed: npm ended with an error; its own words went to stderr.
    """
    run_node(folder, str(node_folder() / npm_path()), *arguments)


if __name__ == "__main__":
    try:
        npm(*sys.argv[1:])
    except BuildFailed as failure:
        sys.exit(str(failure))
