"""Passkeys (WebAuthn): keys that a device keeps and shows only to the name they were made for, so that nobody is tricked out of one.

What is kept of one is its public key. The arithmetic is fido2's, imported at
the first answer. Rules AC50 to AC56: docs/specs/access.md.
"""

import json
import logging
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from carnet import database
from carnet.clock import Clock
from carnet.errors import NotFound, Refused
from carnet.security import origins
from carnet.security.challenges import CHALLENGE_MS, TOO_LATE, Challenges, Purpose, decoded, encoded

log = logging.getLogger("carnet.logins")

HANDLE_BYTES: Final = 32
NAME_CHARACTERS: Final = 60
PASSKEYS_KEPT: Final = 50
SHORT_ID: Final = 16
"""Digits of an id that name one."""

#: ES256, EdDSA, RS256 (Windows Hello), the best first: COSE numbers.
ALGORITHMS: Final = (-8, -7, -257)

NOT_KNOWN: Final = "This passkey is not known here."
WENT_BACK: Final = (
    "This passkey counts fewer uses than it did before, so there may be a copy of it. It is not accepted: "
    "sign in in another way, and remove it."
)

STEPS: Final = (
    """
    CREATE TABLE passkeys (
        id TEXT PRIMARY KEY,          -- SHA-256 of the credential's id
        user TEXT NOT NULL,
        name TEXT NOT NULL,
        rp_id TEXT NOT NULL,          -- the host name it was made for
        credential BLOB NOT NULL,     -- id and public key, as WebAuthn's attested credential data
        sign_count INTEGER NOT NULL,
        stands_alone INTEGER NOT NULL, -- the device asks who holds it, and finds it by itself
        created_ms INTEGER NOT NULL,
        used_ms INTEGER NOT NULL      -- 0: never
    ) WITHOUT ROWID;
    CREATE TABLE passkey_users (
        user TEXT PRIMARY KEY,
        handle BLOB NOT NULL          -- what devices know the person by; random, so that it tells nothing
    ) WITHOUT ROWID;
    """,
)


@dataclass(frozen=True)
class Passkey:
    """One passkey, as it is listed."""

    passkey_id: str
    name: str
    rp_id: str
    stands_alone: bool
    """The device asks for a PIN, a finger, a face: it can stand in for the password. Others come beside it."""
    created_ms: int
    used_ms: int


class Site(NamedTuple):
    """Where the browser is: what a passkey is bound to."""

    rp_id: str
    scheme: str
    authority: str
    """The Host header, with its port."""


class Shown(NamedTuple):
    """A passkey was shown, and it is right."""

    name: str
    is_verified: bool
    """The device made sure who holds it, this time."""


def site_of(scheme: str, authority: str) -> Site | None:
    """Return the site, if browsers have passkeys there: over https, or on localhost; and never at a bare address."""
    name = origins.host_name(authority)
    if name is None or origins.is_address(name):
        return None
    is_local = name == "localhost" or name.endswith(".localhost")
    return Site(name, scheme, authority) if scheme == "https" or is_local else None


def why_no_site(scheme: str, authority: str) -> str:
    """Return why there are no passkeys where `site_of` finds no site, and the way out."""
    name = origins.host_name(authority)
    if name is None or origins.is_address(name):
        if name is not None and origins.is_loopback(name):
            local = authority.replace(f"[{name}]", "localhost").replace(name, "localhost")
            return f"Passkeys belong to a name, and this is an address. Open {scheme}://{local} in its place."
        return "Passkeys belong to a name, and this is an address. Open this server by its name, over https."
    return "Browsers keep passkeys for https only. Serve with TLS; if a proxy does it, set trust_xheaders."


class Passkeys:
    """The passkeys of one state folder."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._challenges = Challenges(clock)
        database.migrate(connection, "security.passkeys", STEPS)

    def all(self, user: str) -> Sequence[Passkey]:
        """Return a person's passkeys, the oldest first."""
        rows = self._connection.execute(
            "SELECT id, name, rp_id, stands_alone, created_ms, used_ms FROM passkeys WHERE user = ? "
            "ORDER BY created_ms, id",
            (user,),
        )
        return [
            Passkey(passkey_id, name, rp_id, bool(stands_alone), created_ms, used_ms)
            for passkey_id, name, rp_id, stands_alone, created_ms, used_ms in rows
        ]

    def has_any(self, user: str, rp_id: str) -> bool:
        """Return whether a person has one for this name."""
        row = self._connection.execute(
            "SELECT 1 FROM passkeys WHERE user = ? AND rp_id = ?", (user, rp_id)
        ).fetchone()
        return row is not None

    # -- what the browser is asked for: WebAuthn's JSON forms

    def request_options(self, user: str, site: Site, bound: str) -> Mapping[str, Any]:
        """Return what to ask the browser for.

        Devices find their passkeys by themselves, so none is listed, and a stranger learns nothing of them; unless
        there is a key that has to be named to be found. The list is for who types the password too.
        """
        here = [one for one in self.all(user) if one.rp_id == site.rp_id]
        must_name = any(not one.stands_alone for one in here)
        return {
            "challenge": encoded(self._challenges.make("sign-in", site.rp_id, bound)),
            "rpId": site.rp_id,
            "allowCredentials": self._descriptors(user, site) if must_name else [],
            "userVerification": "preferred",
            "timeout": CHALLENGE_MS,
        }

    def creation_options(self, user: str, site: Site, bound: str) -> Mapping[str, Any]:
        """Return what a new passkey is to be made of. Only for who has just shown that it is them."""
        return {
            "challenge": encoded(self._challenges.make("add", site.rp_id, bound)),
            "rp": {"id": site.rp_id, "name": f"Carnet on {site.rp_id}"},
            "user": {"id": encoded(self._handle(user)), "name": user, "displayName": user},
            "pubKeyCredParams": [{"type": "public-key", "alg": one} for one in ALGORITHMS],
            "excludeCredentials": self._descriptors(user, site),
            "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
            "attestation": "none",
            # Whether the device will find it by itself.
            "extensions": {"credProps": True},
            "timeout": CHALLENGE_MS,
        }

    # -- what comes back

    def add(self, user: str, name: str, answer: str, *, site: Site, bound: str) -> Passkey:
        """Keep a new passkey. `answer`: the browser's RegistrationResponseJSON.

        Raises:
            Refused: it is not an answer to what was asked, there are too many, or the name cannot be used.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
            raise Refused(f"A passkey's name has 1 to {NAME_CHARACTERS} characters.")
        if len(self.all(user)) >= PASSKEYS_KEPT:
            raise Refused(f"There are {PASSKEYS_KEPT} passkeys. Remove one first.")
        state = self._take_challenge("add", answer, site, bound)
        with _from_a_stranger():
            given = json.loads(answer)
            made = _server(site).register_complete(state, given)
            properties = given.get("clientExtensionResults", {}).get("credProps", {})
            stands_alone = made.is_user_verified() and properties.get("rk") is not False
        credential = made.credential_data
        if credential is None or credential.public_key.get(3) not in ALGORITHMS:
            raise Refused("This passkey is of a kind that is not understood here.")
        passkey_id = sha256(credential.credential_id).hexdigest()
        now_ms = self._clock.now_ms()
        try:
            with database.transaction(self._connection) as connection:
                connection.execute(
                    "INSERT INTO passkeys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        passkey_id,
                        user,
                        name,
                        site.rp_id,
                        bytes(credential),
                        made.counter,
                        stands_alone,
                        now_ms,
                        0,
                    ),
                )
        except sqlite3.IntegrityError:
            raise Refused("This passkey is here already.") from None
        return Passkey(passkey_id, name, site.rp_id, stands_alone, now_ms, 0)

    def check(self, user: str, answer: str, *, site: Site, bound: str) -> Shown:
        """Return which passkey was shown. `answer`: the browser's AuthenticationResponseJSON.

        Raises:
            Refused: it is none of this person's for this name, or not an answer to what was asked.
        """
        state = self._take_challenge("sign-in", answer, site, bound)
        known = self._credentials(user, site.rp_id)
        with _from_a_stranger():
            given = json.loads(answer)
            passkey_id = sha256(decoded(given["rawId"])).hexdigest()
            if passkey_id not in known:
                raise Refused(NOT_KNOWN)
            handle = given["response"].get("userHandle")
            if handle and not secrets.compare_digest(decoded(handle), self._handle(user)):
                raise Refused(NOT_KNOWN)
            _server(site).authenticate_complete(state, [known[passkey_id]], given)
            is_verified, count = _flags(decoded(given["response"]["authenticatorData"]))
        return self._note_use(passkey_id, count, is_verified=is_verified)

    def remove(self, user: str, name_or_id: str) -> Passkey:
        """Forget a passkey.

        Raises:
            NotFound: there is none of this name or id.
            Refused: there are several of this name.
        """
        known = self.all(user)
        named = [one for one in known if one.passkey_id == name_or_id]
        named = named or [one for one in known if one.name == name_or_id]
        if not named and len(name_or_id) >= SHORT_ID:
            named = [one for one in known if one.passkey_id.startswith(name_or_id)]
        if not named:
            raise NotFound(f"There is no passkey {name_or_id!r}.")
        if len(named) > 1:
            ids = ", ".join(one.passkey_id[:SHORT_ID] for one in named)
            raise Refused(f"There are {len(named)} passkeys named {name_or_id!r}. Name one by its id: {ids}.")
        with database.transaction(self._connection) as connection:
            connection.execute("DELETE FROM passkeys WHERE id = ?", (named[0].passkey_id,))
        return named[0]

    # -- inside

    def _note_use(self, passkey_id: str, count: int, *, is_verified: bool) -> Shown:
        with database.transaction(self._connection) as connection:
            name, before = connection.execute(
                "SELECT name, sign_count FROM passkeys WHERE id = ?", (passkey_id,)
            ).fetchone()
            # Synced passkeys do not count, and say 0 always (WebAuthn, 7.2, step 22).
            if (count or before) and count <= before:
                raise Refused(WENT_BACK)
            connection.execute(
                "UPDATE passkeys SET sign_count = ?, used_ms = ? WHERE id = ?",
                (count, self._clock.now_ms(), passkey_id),
            )
        return Shown(str(name), is_verified)

    # `Any`: fido2's AttestedCredentialData.
    def _credentials(self, user: str, rp_id: str) -> dict[str, Any]:
        rows = self._connection.execute(
            "SELECT id, credential FROM passkeys WHERE user = ? AND rp_id = ?", (user, rp_id)
        ).fetchall()
        if not rows:
            return {}
        from fido2.webauthn import AttestedCredentialData

        return {passkey_id: AttestedCredentialData(credential) for passkey_id, credential in rows}

    def _descriptors(self, user: str, site: Site) -> Sequence[Mapping[str, str]]:
        known = self._credentials(user, site.rp_id)
        return [{"type": "public-key", "id": encoded(one.credential_id)} for one in known.values()]

    def _handle(self, user: str) -> bytes:
        with database.transaction(self._connection) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO passkey_users VALUES (?, ?)", (user, secrets.token_bytes(HANDLE_BYTES))
            )
            row = connection.execute("SELECT handle FROM passkey_users WHERE user = ?", (user,)).fetchone()
        return bytes(row[0])

    def _take_challenge(self, purpose: Purpose, answer: str, site: Site, bound: str) -> Mapping[str, Any]:
        """Use up the challenge that an answer is for; return it in the form that fido2 wants.

        Raises:
            Refused: it is not one of ours, for this, for this browser, of now; or it was answered already.
        """
        with _from_a_stranger():
            client_data = json.loads(decoded(json.loads(answer)["response"]["clientDataJSON"]))
            challenge = decoded(client_data["challenge"])
            is_framed = bool(client_data.get("crossOrigin", False))
        if is_framed:
            raise Refused(NOT_KNOWN)
        if not self._challenges.take(challenge, purpose, site.rp_id, bound):
            raise Refused(TOO_LATE)
        # Whether the device made sure who holds it is looked at by who asks.
        return {"challenge": encoded(challenge), "user_verification": None}


# `Any`: fido2's Fido2Server.
def _server(site: Site) -> Any:
    from fido2.server import Fido2Server  # slow to import, and only an answer needs it
    from fido2.webauthn import PublicKeyCredentialRpEntity

    # It has a line for each credential; ours say what happened.
    logging.getLogger("fido2").setLevel(logging.WARNING)
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=site.rp_id, name="Carnet"),
        # Not fido2's own rule, which takes every port and every name below.
        verify_origin=lambda origin: origins.is_same_origin(
            origin, scheme=site.scheme, authority=site.authority
        ),
    )


def _flags(authenticator_data: bytes) -> tuple[bool, int]:
    """Return whether the device made sure who holds it, and its count of uses."""
    from fido2.webauthn import AuthenticatorData

    parsed = AuthenticatorData(authenticator_data)
    return parsed.is_user_verified(), parsed.counter


@contextmanager
def _from_a_stranger() -> Iterator[None]:
    """Whatever a stranger's bytes make a parser say: for them, it is one answer."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - CBOR, JSON, base 64, curves: each has errors of its own
        log.info("passkey refused: %s", type(error).__name__)
        raise Refused(NOT_KNOWN) from None
