"""Codes of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 s) and their QR picture."""

from __future__ import annotations

import hmac
import io
from datetime import datetime

import pyotp

_STEP_S = 30
#: Clocks of telephones may be off by this many steps (RFC 6238, section 5.2).
_DRIFT = 1


def new_secret() -> str:
    """160 random bits as base32, as apps take it."""
    return pyotp.random_base32()


def address_of(secret: str, login: str, issuer: str) -> str:
    """The ``otpauth:`` address that an app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def step_of(secret: str, code: str, now: datetime, used: int) -> int | None:
    """The time step whose code this is; None for a wrong one, or one not newer than ``used``."""
    totp, current = pyotp.TOTP(secret), int(now.timestamp()) // _STEP_S
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        fits = hmac.compare_digest(
            totp.at(step * _STEP_S).encode(), code.encode("utf-8", "replace")
        )
        if fits and step > used:
            return step
    return None


def picture_of(address: str) -> bytes:
    """The address as a QR code, SVG, black on white: cameras read no other."""
    # Drawn once for a person, where the service starts often.
    import segno

    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False
    )
    return drawn.getvalue()
