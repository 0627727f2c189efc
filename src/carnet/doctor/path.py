"""The path from here to the server, step by step: name, connection, certificate, proxy, WebSocket, streaming, sizes, quiet.

Each step yields what it found; the first that makes the next ones pointless is
the last. Rules DR6 to DR9: docs/specs/doctor.md.
"""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from carnet.doctor.advice import Fault, proxy_of
from carnet.doctor.finding import Finding, of_fault
from carnet.doctor.line import PING, TIMEOUT_S, Answer, Target, WebSocket
from carnet.security.origins import is_loopback

#: What a proxy may refuse, and what it is needed for.
SIZES: Final = ((100 << 10, "edits"), (2 << 20, "cells with pictures"), (12 << 20, "uploads"))
EXPIRES_SOON_DAYS: Final = 14
CLOCK_S: Final = 60
PIECES_S: Final = 1.0
"""How long the server takes to write the pieces of its test stream (DR2)."""


@dataclass
class Path:
    """One look along a path."""

    target: Target
    now_s: Callable[[], float]
    idle_s: int = 30
    """A line is left quiet for so long. 0: not at all."""
    proxy: str | None = None
    """Which proxy it is, when somebody says."""
    own_certificates: Mapping[bytes, str] | None = None
    """Certificates of a server of ours: DER bytes, and where they are."""
    make_token: Callable[[], str] | None = None
    """Gives a token that may read, once it is safe to send it."""
    own_names: Collection[str] = ()
    """Names that lead to our server, wherever they end: somebody said so in the settings."""
    say: Callable[[str], None] = lambda _: None
    """Told what takes long."""

    def findings(self) -> Iterator[Finding]:
        """Look, and yield what is found."""
        try:
            yield from self._connection()
        except _NoFurther as stop:
            yield stop.finding
            return
        try:
            yield from self._server()
        except _NoFurther as stop:
            yield stop.finding
        except (OSError, http.client.HTTPException) as error:
            yield Finding("bad", "answer", "The line broke before an answer came.", _reason(error))

    # ---- name, connection, certificate

    def _connection(self) -> Iterator[Finding]:
        target = self.target
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise _NoFurther(
                Finding(
                    "bad",
                    "name",
                    f"The name {target.host} is not known here.",
                    _reason(error),
                    "Look for a typing error; else the name must be made known: by your DNS, or in /etc/hosts.",
                )
            ) from error
        addresses = sorted({str(entry[4][0]) for entry in found})
        yield Finding("ok", "name", f"{target.host} is {', '.join(addresses)}.")
        began_s = time.monotonic()
        try:
            socket.create_connection((target.host, target.port), TIMEOUT_S).close()
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            raise _NoFurther(
                Finding(
                    "bad",
                    "port",
                    f"Nothing listens on port {target.port} of {target.host}."
                    if refused
                    else f"Port {target.port} of {target.host} does not answer.",
                    _reason(error),
                    "Start the server or its proxy, or look at the port in the address."
                    if refused
                    else "A firewall may stand in between: it must let this port through.",
                )
            ) from error
        yield Finding(
            "ok", "port", f"Port {target.port} answers in {1000 * (time.monotonic() - began_s):.0f} ms."
        )
        if target.scheme == "https":
            yield self._certificate()
        elif not is_loopback(target.host):
            yield Finding(
                "note",
                "tls",
                "The address is plain http: everybody on the way can read and change everything.",
                fix="Use https: `carnet --public`, or a proxy that does TLS.",
            )

    def _certificate(self) -> Finding:
        target = self.target
        if target.trusts:
            return Finding("ok", "tls", "TLS works, with the certificate of the server that runs here.")
        try:
            with target.connect() as secure:
                assert isinstance(secure, ssl.SSLSocket)
                certificate = secure.getpeercert() or {}
                version = secure.version()
        except ssl.SSLCertVerificationError as error:
            return self._unverified(error)
        except (OSError, ssl.SSLError) as error:
            raise _NoFurther(
                Finding(
                    "bad",
                    "tls",
                    f"Port {target.port} does not speak TLS as it should.",
                    _reason(error),
                    "If the server has plain http there, the address begins with http://.",
                )
            ) from error
        days = int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - self.now_s()) // 86400)
        text = f"The certificate is trusted here, for {target.host}, and good for {days} days ({version})."
        if days < EXPIRES_SOON_DAYS:
            return Finding("note", "tls", text, fix="Renew it; `--tls=acme` does that by itself.")
        return Finding("ok", "tls", text)

    def _unverified(self, error: ssl.SSLCertVerificationError) -> Finding:
        """Take a certificate of our own all the same; say what is wrong with another."""
        found = self.target.certificate()
        where = (self.own_certificates or {}).get(found)
        if where is not None:
            self.target = replace(self.target, trusts=found)
            return Finding(
                "note",
                "tls",
                "The certificate is this server's own. Browsers warn of it, once: compare the fingerprint.",
                f"{where}, SHA-256 {_fingerprint(found)}",
                "`carnet --tls=acme` gets one that browsers trust.",
            )
        why = error.verify_message or _reason(error)
        raise _NoFurther(
            Finding(
                "bad",
                "tls",
                f"The certificate is not good: {why}.",
                fix="Renew it if it has expired; get one for this name if it is for another; add the certificate of the "
                "authority to its file if it is not known.",
            )
        )

    # ---- the server, and what stands before it

    def _server(self) -> Iterator[Finding]:
        answer = self.target.ask("GET", "api/")
        self.proxy = self.proxy or proxy_of(answer.server)
        yield self._who_answers(answer)
        if answer.server:
            yield Finding("ok", "proxy", f"In front of it stands {answer.server}.")
        origin = f"{self.target.scheme}://{self.target.authority}"
        foreign = _reason_of(self.target.ask("GET", "api/", headers={"Origin": origin})) == "origin"
        seen = self._seen()
        if seen is None:
            yield Finding(
                "note",
                "token",
                "The rest was not looked at: it needs a token.",
                fix="Run this on the server's machine, as its user; where the name leads there by another machine, it must be "
                "one of the server's local_hostnames. Or make a token there (`carnet token create doctor --scope=read`), and "
                "name it: --token=TOKEN.",
            )
            if foreign:
                yield of_fault(Fault.HOST, self.proxy, detail=f"It takes {origin} for another site.")
            return
        yield from self._as_it_arrives(seen, is_foreign=foreign)
        yield self._websocket()
        yield self._stream()
        yield self._sizes(int(seen.get("max_body_bytes", 0)))
        if self.idle_s:
            yield self._quiet()

    def _who_answers(self, answer: Answer) -> Finding:
        said = _json(answer)
        if "carnet" in said:
            return Finding("ok", "server", f"Carnet {said['carnet']} answers.")
        reason = said.get("reason")
        if reason == "host":
            raise _NoFurther(
                of_fault(
                    Fault.HOST,
                    self.proxy,
                    detail=str(said.get("message", "")),
                    before="Carnet, so that it answers to the name:\n"
                    f"    c.NotebookApp.local_hostnames = ['localhost', '{self.target.host}']",
                )
            )
        # What it has not, it says with a page: known by its policy.
        is_ours = answer.headers.get("Content-Security-Policy", "").startswith("default-src 'none'")
        if reason == "no-route" or (answer.status == http.HTTPStatus.NOT_FOUND and is_ours):
            raise _NoFurther(
                of_fault(
                    Fault.PREFIX,
                    None,
                    detail=f"Carnet answers, but has nothing at {self.target.path}.",
                    before=_base_url(self.target.path),
                )
            )
        detail = f"The answer is {answer.status}" + (f", from {answer.server}." if answer.server else ".")
        if answer.status in {502, 503, 504}:
            text, fix = (
                "The proxy is there, but does not reach Carnet.",
                "Start Carnet (`carnet list` shows what runs), and look at the address that the proxy passes to.",
            )
        elif 300 <= answer.status < 400:
            text = f"The address leads on to {answer.headers.get('Location', 'another one')}."
            fix = "Name that address in place of this one."
        elif "version" in said:
            text, fix = (
                "Another program answers, as Jupyter Server.",
                "Look at the port and the path of the address.",
            )
        else:
            text, fix = "Something else than Carnet answers.", "Look at the port and the path of the address."
        raise _NoFurther(Finding("bad", "server", text, detail, fix))

    def _seen(self) -> Mapping[str, Any] | None:
        """Ask the server how requests arrive. None: we have no token, or it is of another server."""
        if not self.target.token:
            is_safe = self.target.scheme == "https" or is_loopback(self.target.host)
            if self.make_token is None or not is_safe or not self._is_ours():
                return None
            self.target = replace(self.target, token=self.make_token())
        said = _json(self.target.ask("GET", "api/doctor"))
        if said.get("reason") == "login":
            raise _NoFurther(
                Finding(
                    "bad",
                    "token",
                    "The server at this address does not know the token: it is another one than yours.",
                    fix="Look at the address; or name a token of that server: --token=TOKEN.",
                )
            )
        if "base_url" not in said:
            raise _NoFurther(
                Finding(
                    "bad",
                    "server",
                    "The server does not say how requests arrive.",
                    str(said.get("message", "")),
                )
            )
        return said

    def _is_ours(self) -> bool:
        """Return whether the address leads to our server: a good certificate only says that its name is somebody's (DR9)."""
        target = self.target
        if target.trusts or target.host.lower() in {name.lower() for name in self.own_names}:
            return True
        try:
            replace(target, only_here=True).connect().close()
        except OSError:
            return False
        self.target = replace(target, only_here=True)
        return True

    def _as_it_arrives(self, seen: Mapping[str, Any], *, is_foreign: bool) -> Iterator[Finding]:
        target, headers = self.target, seen["headers"]
        believes = bool(seen["trust_xheaders"])
        believe = (
            ""
            if believes
            else "Carnet, so that it believes the proxy:\n    c.NotebookApp.trust_xheaders = True"
        )
        is_proxied = bool(self.proxy) or any(name.startswith("X-") or name == "Via" for name in headers)
        sound = True
        if target.path != seen["base_url"]:
            sound = False
            found = of_fault(
                Fault.PREFIX,
                None,
                detail=f"Browsers use {target.path}; the proxy takes something off, and Carnet sees {seen['base_url']}.",
                before=f"{_base_url(target.path)}\nThe proxy must pass the path on as it is.",
            )
            if seen["base_url"] == "/":
                # Pages find their way by relative addresses (PG7); programs and cookies would rather know.
                found = found._replace(
                    level="note", text="The proxy takes a part of the path off. Pages work all the same."
                )
            yield found
        if seen["host"] != target.authority and (is_foreign or is_proxied):
            sound = False
            yield of_fault(
                Fault.HOST, self.proxy, detail=f"The server sees the name {seen['host']}.", before=believe
            )
        if seen["scheme"] != target.scheme:
            sound = False
            yield of_fault(
                Fault.SCHEME, self.proxy, detail=f"The server sees {seen['scheme']}.", before=believe
            )
        elif is_foreign and seen["host"] == target.authority:
            sound = False
            yield of_fault(
                Fault.HOST, self.proxy, detail="The server takes its own pages for another site's."
            )
        if is_proxied and not ({"X-Forwarded-For", "X-Real-Ip"} & set(headers) and believes):
            sound = False
            yield of_fault(
                Fault.ADDRESS, self.proxy, detail=f"The server sees {seen['address']}.", before=believe
            )
        if sound:
            yield Finding(
                "ok", "request", f"Requests arrive as they are sent: {target.url} from {seen['address']}."
            )
        if "gzip" not in headers.get("Accept-Encoding", ""):
            yield Finding("note", "compression", "Something in between keeps answers from being compressed.")
        off_s = seen["now_ms"] / 1000 - self.now_s()
        if abs(off_s) > CLOCK_S:
            yield Finding(
                "note",
                "clock",
                f"The server's clock is {abs(off_s):.0f} s {'ahead' if off_s > 0 else 'behind'}.",
                fix="Set both by NTP: one-time codes and certificates need the right time.",
            )

    def _websocket(self) -> Finding:
        try:
            opened = self.target.open_websocket("link")
        except (OSError, http.client.HTTPException) as error:
            return of_fault(Fault.WEBSOCKET, self.proxy, detail=_reason(error))
        if isinstance(opened, Answer):
            return of_fault(Fault.WEBSOCKET, self.proxy, detail=f"In place of one, {opened.status} came.")
        try:
            took_ms = _round_trip_ms(opened)
        except OSError as error:
            return of_fault(
                Fault.WEBSOCKET, self.proxy, detail=f"It opens, but nothing comes through: {_reason(error)}."
            )
        finally:
            opened.close()
        return Finding("ok", "websocket", f"WebSockets come through; an answer takes {took_ms:.0f} ms.")

    def _stream(self) -> Finding:
        answer = self.target.ask("GET", "api/doctor/stream")
        if answer.status != 200 or not answer.times_s:
            return of_fault(Fault.BUFFERING, self.proxy, detail=f"The answer is {answer.status}.")
        first_s, last_s = answer.times_s[0], answer.times_s[-1]
        if last_s - first_s < PIECES_S / 2:
            return of_fault(
                Fault.BUFFERING,
                self.proxy,
                detail=f"What was written at once came after {first_s:.1f} s, with the rest.",
            )
        return Finding(
            "ok",
            "buffering",
            f"Answers come as they are written; the first bytes after {1000 * first_s:.0f} ms.",
        )

    def _sizes(self, own_limit: int) -> Finding:
        for size, what in SIZES:
            if own_limit and size > own_limit:
                break
            try:
                answer = self.target.ask("POST", "api/doctor/body", bytes(size))
            except (OSError, http.client.HTTPException) as error:
                return of_fault(Fault.BODY, self.proxy, detail=f"{_mb(size)} ({what}): {_reason(error)}")
            if answer.status != 200:
                return of_fault(
                    Fault.BODY, self.proxy, detail=f"{_mb(size)} ({what}): the answer is {answer.status}."
                )
        return Finding("ok", "body", f"Requests of {_mb(size)} come through.")

    def _quiet(self) -> Finding:
        self.say(f"Leaving a line quiet for {self.idle_s} s (--idle=SECONDS)...")
        opened = None
        try:
            opened = self.target.open_websocket("link")
            if isinstance(opened, Answer):
                return self._quiet_stream()
            try:
                opened.receive(self.idle_s)
            except TimeoutError:
                _round_trip_ms(opened)
                return Finding("ok", "idle", f"A line that was quiet for {self.idle_s} s still works.")
            return of_fault(Fault.IDLE, self.proxy, detail="It was closed meanwhile.")
        except (OSError, http.client.HTTPException) as error:
            return of_fault(Fault.IDLE, self.proxy, detail=_reason(error))
        finally:
            if isinstance(opened, WebSocket):
                opened.close()

    def _quiet_stream(self) -> Finding:
        # Below the time-out of the request itself.
        quiet_s = min(self.idle_s, int(TIMEOUT_S) - 1)
        answer = self.target.ask("GET", f"api/doctor/stream?quiet={quiet_s}")
        if answer.status == 200 and len(answer.body) > 6:
            return Finding("ok", "idle", f"An answer that was quiet for {quiet_s} s came to its end.")
        return of_fault(Fault.IDLE, self.proxy, detail=f"An answer was cut within {quiet_s} s of quiet.")


class _NoFurther(Exception):
    """What comes after cannot be looked at."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def _base_url(path: str) -> str:
    return f"Carnet, so that it lives where browsers look:\n    c.NotebookApp.base_url = '{path}'"


def _round_trip_ms(websocket: WebSocket) -> float:
    began_s = time.monotonic()
    websocket.send(PING)
    if websocket.receive(TIMEOUT_S) is None:
        raise ConnectionResetError("it was closed")
    return 1000 * (time.monotonic() - began_s)


def _json(answer: Answer) -> Mapping[str, Any]:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _reason_of(answer: Answer) -> object:
    return _json(answer).get("reason")


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)


def _fingerprint(certificate: bytes) -> str:
    """As browsers show it."""
    return ":".join(f"{byte:02X}" for byte in sha256(certificate).digest())


def _mb(size: int) -> str:
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size >> 10} kB"
