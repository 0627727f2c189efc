"""`carnet doctor [URL]`: find out why it does not connect, from this machine, and say what to write where.

`--token=TOKEN`: of a server on another machine. `--proxy=NAME`: which proxy it
is. `--idle=SECONDS`: how long a line is left quiet. `--json`: for programs.
Rules DR6 to DR9: docs/specs/doctor.md.
"""

import json
import os
import secrets
import sqlite3
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from carnet.clock import SystemClock
from carnet.config.folders import state_folder
from carnet.config.load import Loaded, load
from carnet.config.settings import Settings
from carnet.database import database_path
from carnet.doctor import here
from carnet.doctor.advice import PROXIES
from carnet.doctor.finding import Finding
from carnet.doctor.line import Target
from carnet.doctor.path import Path as Way
from carnet.errors import ConfigError
from carnet.security.exposure import refusal_to_listen
from carnet.security.origins import is_loopback
from carnet.security.owner import owner_name
from carnet.security.scopes import Scope
from carnet.security.state import SecurityState
from carnet.server.running import RunningServer, running_servers

TOKEN_MS: Final = 10 * 60 * 1000
_OWN: Final = ("token", "proxy", "idle", "json")
_MARKS: Final = {"ok": "ok   ", "note": "note ", "bad": "WRONG"}


def main(arguments: Sequence[str]) -> int:
    """Look, and print what is found. 1: something is wrong."""
    own: dict[str, str] = {}
    others: list[str] = []
    urls: list[str] = []
    for one in arguments:
        name, _, value = one.removeprefix("--").partition("=")
        if one.startswith("--") and name in _OWN:
            own[name] = value
        else:
            (others if one.startswith("-") else urls).append(one)
    if len(urls) > 1:
        raise ConfigError(f"One address at a time, not {len(urls)}: carnet doctor URL.")
    if not own.get("idle", "30").isdecimal() or int(own.get("idle", "30")) > 120:
        raise ConfigError(f"--idle: a number of seconds is wanted, at most 120, but it is {own['idle']!r}.")
    if own.get("proxy", "nginx") not in PROXIES:
        raise ConfigError(f"--proxy: there is no {own['proxy']!r}. There are: {', '.join(PROXIES)}.")
    target = Target.of(urls[0]) if urls else None
    report = _Report(as_json="json" in own)
    loaded = load(others, os.environ, Path.cwd())
    folder = state_folder(loaded.settings, os.environ)
    # One on a Unix socket has no address of its own; its proxy has.
    servers = [one for one in running_servers(folder) if one.url.startswith("http")]

    report.heading("This machine")
    for finding in _of_settings(loaded, folder, servers):
        report.add(finding)
    notebook_dir = Path(loaded.settings.notebook_dir or ".").expanduser().absolute()
    for finding in here.folders(folder, database_path(folder), notebook_dir):
        report.add(finding)
    with _tokens(folder) as make_token:
        if servers:
            local = replace(_target_of(servers[0]), token=make_token(Scope.RUN))
            try:
                for finding in here.kernels(local, report.say):
                    report.add(finding)
            except OSError as error:
                report.add(
                    Finding("bad", "kernels", f"The server at {local.url} does not answer.", str(error))
                )
        if target is None and servers:
            target = _target_of(servers[0])
        if target is not None:
            target = replace(target, token=own.get("token", ""))
            report.heading(f"\nThe path to {target.url}")
            way = Way(
                target,
                now_s=time.time,
                idle_s=int(own.get("idle", "30")),
                proxy=own.get("proxy"),
                own_certificates=_certificates(loaded, folder),
                make_token=(lambda: make_token(Scope.READ)) if servers else None,
                own_names=loaded.settings.local_hostnames,
                say=report.say,
            )
            for finding in way.findings():
                report.add(finding)
            if not urls:
                report.say(
                    "This is the server's own address. Name the one that your browser uses: carnet doctor URL."
                )
    return report.end()


class _Report:
    """Prints as it goes."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._bad = 0

    def heading(self, text: str) -> None:
        if not self._as_json:
            print(f"{text}\n")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr)

    def add(self, finding: Finding) -> None:
        self._bad += finding.level == "bad"
        if self._as_json:
            print(json.dumps(finding._asdict()), flush=True)
            return
        print(f"  {_MARKS[finding.level]} {finding.text}")
        for part in (finding.detail, finding.fix):
            for line in part.splitlines():
                print(f"        {line}")
        sys.stdout.flush()

    def end(self) -> int:
        if not self._as_json:
            print("\nNothing is wrong." if not self._bad else f"\n{self._bad} of these must be mended.")
        return 1 if self._bad else 0


def _of_settings(loaded: Loaded, folder: Path, servers: Sequence[RunningServer]) -> Iterator[Finding]:
    files = ", ".join(str(file) for file in loaded.files) or "there is no file"
    named = ", ".join(sorted(loaded.sources)) or "nothing, so all is as it comes"
    yield Finding("ok", "settings", f"Set: {named}.", f"Files: {files}. `carnet config` shows every value.")
    yield _protection(loaded.settings, folder)
    for server in servers:
        yield Finding(
            "ok", "servers", f"A server runs: {server.url} (process {server.pid}, Carnet {server.version})."
        )
    if not servers:
        yield Finding(
            "note",
            "servers",
            "No server of yours runs here, so kernels were not tried.",
            fix="Start it (`carnet`), and run this again.",
        )


def _protection(settings: Settings, folder: Path) -> Finding:
    has_password = bool(settings.password)
    if database_path(folder).exists():
        try:
            state = SecurityState.open(folder, SystemClock())
        except (sqlite3.Error, OSError):
            return Finding("note", "protection", "Whether there is a password cannot be looked up.")
        try:
            has_password = bool(state.accounts.password_hash(owner_name(), settings.password))
        finally:
            state.close()
    has_key = has_password or settings.token != ""
    refusal = refusal_to_listen(
        settings.ip,
        has_tls=bool(settings.certfile) or settings.tls in {"", "auto", "acme"},
        has_key=has_key,
        told_so=settings.serve_unprotected,
    )
    if refusal:
        return Finding("bad", "protection", refusal)
    if not has_key:
        return Finding(
            "note",
            "protection",
            "No password and no token: every user of this machine can run programs as you.",
        )
    return Finding("ok", "protection", f"Who comes in needs {'the password' if has_password else 'a token'}.")


def _target_of(server: RunningServer) -> Target:
    """Return a server of ours. On this machine nobody can be in between, so its certificate is taken as it is."""
    target = Target.of(server.url)
    if not server.secure or not is_loopback(target.host):
        return target
    try:
        return replace(target, trusts=target.certificate())
    except OSError:
        return target  # what it is asked first says why


def _certificates(loaded: Loaded, folder: Path) -> dict[bytes, str]:
    found = {der: str(folder / "tls") for der in _certificates_in(folder / "tls")}
    if loaded.settings.certfile:
        certfile = Path(loaded.settings.certfile).expanduser()
        found |= {der: str(certfile) for der in _certificates_of(certfile)}
    return found


def _certificates_in(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("*.pem")) if folder.is_dir() else ():
        yield from _certificates_of(path)


def _certificates_of(path: Path) -> Iterator[bytes]:
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if begin in text and end in text:
        yield ssl.PEM_cert_to_DER_cert(begin + text.partition(begin)[2].partition(end)[0] + end + "\n")


class _Maker:
    """Makes tokens for a few minutes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[str] = []

    def __call__(self, scope: Scope) -> str:
        name = f"carnet doctor {secrets.token_hex(4)}"
        state = SecurityState.open(self._folder, SystemClock())
        try:
            text, made = state.tokens.create(
                name,
                user=owner_name(),
                scopes=frozenset({scope, Scope.READ}),
                expires_ms=SystemClock().now_ms() + TOKEN_MS,
            )
            state.audit.note("token-created", user=made.user, detail=f"{name}: {scope.value}")
        finally:
            state.close()
        self._made.append(made.token_id)
        return text

    def end(self) -> None:
        """End those that were made."""
        if not self._made:
            return
        state = SecurityState.open(self._folder, SystemClock())
        try:
            for token_id in self._made:
                revoked = state.tokens.revoke(token_id)
                state.audit.note("token-revoked", user=owner_name(), detail=revoked.name)
        finally:
            state.close()


@contextmanager
def _tokens(folder: Path) -> Iterator[_Maker]:
    maker = _Maker(folder)
    try:
        yield maker
    finally:
        maker.end()
