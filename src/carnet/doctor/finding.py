"""One thing that the doctor found out, for people and for programs."""

from typing import Literal, NamedTuple

from carnet.doctor.advice import PROXIES, WHY, Fault, lines_for

Level = Literal["ok", "note", "bad"]


class Finding(NamedTuple):
    """What is so, in a sentence; and what to do, if something is to be done."""

    level: Level
    name: str
    """For programs: what was looked at."""
    text: str
    detail: str = ""
    """What was seen, for who wants to know."""
    fix: str = ""
    """What to do, or lines to write."""


def of_fault(fault: Fault, proxy: str | None, *, detail: str, before: str = "") -> Finding:
    """Return what a proxy does wrong, with what mends it. `proxy`: which one it is; None: nobody knows.

    `before`: what must be done besides.
    """
    lines = lines_for(fault)
    wanted = {proxy: lines[proxy]} if proxy is not None and proxy in lines else lines
    fixes = [before] if before else []
    fixes += [f"{PROXIES[name]}:\n{_indented(text)}" for name, text in wanted.items()]
    return Finding("bad", fault.value, WHY[fault], detail, "\n".join(fixes))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
