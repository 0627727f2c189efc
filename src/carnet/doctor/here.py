"""This machine: is the state folder ours and sound, is there room, what is in force, and do kernels start.

Nothing is changed. Rules DR6 and DR7: docs/specs/doctor.md.
"""

import json
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from carnet.doctor.finding import Finding
from carnet.doctor.line import Target

LITTLE_BYTES: Final = 1 << 30
TOO_LITTLE_BYTES: Final = 100 << 20
KERNEL_S: Final = 60.0


def folders(state_folder: Path, database: Path, notebook_dir: Path) -> Iterator[Finding]:
    """Look at what is on disk."""
    if not state_folder.exists():
        yield Finding(
            "note", "state", f"There is no state folder yet: {state_folder}. The first start makes it."
        )
    else:
        yield _state_folder(state_folder)
        if database.exists():
            yield _database(database)
    if not notebook_dir.is_dir():
        yield Finding(
            "note", "notebooks", f"There is no folder {notebook_dir} yet. The first start makes it."
        )
    elif not os.access(notebook_dir, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            "bad",
            "notebooks",
            f"You may not write to {notebook_dir}.",
            fix="Change its rights, or name another folder: --notebook-dir=FOLDER.",
        )
    else:
        yield Finding("ok", "notebooks", f"Notebooks are in {notebook_dir}.")
    for folder in {_existing(state_folder), _existing(notebook_dir)}:
        yield _room(folder)


def _state_folder(folder: Path) -> Finding:
    found = folder.stat()
    if found.st_uid != os.getuid():
        return Finding(
            "bad",
            "state",
            f"The state folder {folder} belongs to somebody else (user {found.st_uid}).",
            fix="Run Carnet as that user, or name another folder: --state-dir=FOLDER.",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        return Finding(
            "bad",
            "state",
            f"Others can look into the state folder {folder}.",
            f"Its mode is {stat.S_IMODE(found.st_mode):04o}.",
            f"chmod 700 {folder}",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "bad", "state", f"You may not write to the state folder {folder}.", fix=f"chmod 700 {folder}"
        )
    return Finding("ok", "state", f"The state folder {folder} is yours alone.")


def _database(path: Path) -> Finding:
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        try:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        return Finding(
            "bad",
            "database",
            f"The state database {path} is damaged.",
            str(said),
            "Your notebooks are not in it. Move it away, with what begins with its name, and start again.",
        )
    return Finding("ok", "database", "The state database is sound.")


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{folder} has {free / (1 << 30):.1f} GB free."
    if free < TOO_LITTLE_BYTES:
        return Finding("bad", "disk", text, fix="Make room: nothing can be recorded on a full disk.")
    return Finding("note" if free < LITTLE_BYTES else "ok", "disk", text)


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def kernels(target: Target, say: Callable[[str], None]) -> Iterator[Finding]:
    """Start a kernel of each kernelspec on a server of this machine, and end it. `target.token` may run."""
    answer = target.ask("GET", "api/kernelspecs")
    if answer.status != 200:
        yield Finding(
            "bad",
            "kernels",
            "The server does not say which kernels it has.",
            f"The answer is {answer.status}.",
        )
        return
    names: Sequence[str] = sorted(json.loads(answer.body)["kernelspecs"])
    if not names:
        yield Finding(
            "bad",
            "kernels",
            "There is no kernel.",
            fix="Install one where Carnet is: `python -m pip install ipykernel`.",
        )
    for name in names:
        say(f"Starting the kernel {name}...")
        yield _kernel(target, name)


def _kernel(target: Target, name: str) -> Finding:
    began_s = time.monotonic()
    made = target.ask(
        "POST", "api/kernels", json.dumps({"name": name}).encode(), {"Content-Type": "application/json"}
    )
    said = json.loads(made.body)
    if made.status != 201:
        return Finding("bad", "kernels", f"The kernel {name} does not start.", str(said.get("message", "")))
    try:
        while said.get("execution_state") not in {"idle", "dead"}:
            if time.monotonic() - began_s > KERNEL_S:
                return Finding("bad", "kernels", f"The kernel {name} has said nothing for {KERNEL_S:.0f} s.")
            time.sleep(0.1)
            said = json.loads(target.ask("GET", f"api/kernels/{said['id']}").body)
            if "id" not in said:
                return Finding("bad", "kernels", f"The kernel {name} ended while it started.")
    finally:
        if "id" in said:
            target.ask("DELETE", f"api/kernels/{said['id']}")
    if said["execution_state"] == "dead":
        return Finding("bad", "kernels", f"The kernel {name} died while it started.")
    return Finding("ok", "kernels", f"The kernel {name} starts, in {time.monotonic() - began_s:.1f} s.")
