"""One-time codes as a second factor (RFC 6238): six digits that change every 30 seconds.

Pure arithmetic; the secret is kept by `factors`. A code is taken once, and one
step of clock difference is forgiven. Rules AC31 and AC32: docs/specs/access.md.
"""

import base64
import secrets
from hmac import digest
from typing import Final
from urllib.parse import quote

from carnet.security.tokens import equal

STEP_S: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
DRIFT_STEPS: Final = 1


def new_secret() -> str:
    """Return a fresh secret in base 32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """Return the code of a time step (HOTP, RFC 4226)."""
    mac = digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def matching_step(secret: str, code: str, *, now_ms: int, last_step: int) -> int | None:
    """Return the step whose code this is; None: it is wrong, too old, or was used (a step up to `last_step`)."""
    typed = "".join(code.split())
    now = now_ms // 1000 // STEP_S
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if step > last_step and equal(code_at(secret, step), typed):
            return step
    return None


def setup_url(secret: str, *, user: str, host: str) -> str:
    """Return the `otpauth:` address that apps read from a QR code."""
    label = quote(f"Carnet {host}:{user}", safe=":")
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(f'Carnet {host}')}&digits={DIGITS}&period={STEP_S}"
