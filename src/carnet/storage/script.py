"""A notebook's code as a script, for `save_script`: purely text, written beside the notebook.

It never runs or checks the code, and never fails a save: what is not a notebook
has no script.
"""

import json

_LINE_COMMENTS = {
    ".js": "//", ".ts": "//", ".java": "//", ".scala": "//", ".kt": "//", ".kts": "//", ".go": "//",
    ".rs": "//", ".c": "//", ".cpp": "//", ".cs": "//", ".fs": "//", ".fsx": "//", ".swift": "//",
    ".php": "//", ".groovy": "//", ".m": "%", ".tex": "%", ".hs": "--", ".lua": "--", ".sql": "--",
    ".clj": ";", ".scm": ";", ".lisp": ";",
}  # fmt: skip

MARK = "Written by Carnet from "
"""In the first line of each script; a file without it is somebody's own and is not overwritten."""


def notebook_script(data: bytes, name: str) -> tuple[str, bytes] | None:
    """Return the suffix (`.py`) and the text (UTF-8) of the script of a notebook, or None if it is none.

    `name`: of the notebook file, for the first line. Other than code cells become comments.
    """
    return script_text(data, f"{MARK}{name}. Changes made here are overwritten.")


def script_text(data: bytes, headline: str) -> tuple[str, bytes] | None:
    """Return the same with another first line."""
    try:
        notebook = json.loads(data)
    except ValueError:
        return None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return None
    metadata = notebook.get("metadata")
    language = metadata.get("language_info") if isinstance(metadata, dict) else None
    suffix = language.get("file_extension") if isinstance(language, dict) else None
    if not isinstance(suffix, str) or not suffix.startswith(".") or not suffix[1:].isalnum():
        suffix = ".py"
    comment = _LINE_COMMENTS.get(suffix.lower(), "#")
    parts = [f"{comment} {headline}"]
    for cell in notebook["cells"]:
        if not isinstance(cell, dict):
            return None
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(line for line in source if isinstance(line, str))
        if not isinstance(source, str):
            return None
        if cell.get("cell_type") == "code":
            count = cell.get("execution_count")
            parts.append(f"{comment} In[{count if isinstance(count, int) else ' '}]:\n\n{source}")
        else:
            parts.append("\n".join(f"{comment} {line}".rstrip() for line in source.splitlines()))
    text = "\n\n".join(part for part in parts if part) + "\n"
    return suffix, text.encode(errors="replace")


def is_our_script(first_bytes: bytes) -> bool:
    """Return whether a file that begins like this was written by `save_script`."""
    return MARK.encode() in first_bytes.split(b"\n", 1)[0]
