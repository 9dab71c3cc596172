"""The token file: one line with the token, or JSON as enrolment and ``recorder admin`` give it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from recorder.errors import InvalidInput

_LONGEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TokenFile:
    token: str = field(repr=False)
    #: The service's public key, if the enrolment put it there.
    verifier_key: str | None = None


def read_token_file(path: Path) -> TokenFile:
    """Read a token; raises InvalidInput with a sentence when there is none in the file."""
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_BYTES).decode("utf-8").strip()
    except OSError as error:
        raise InvalidInput(
            "token-file-unreadable", f"The token file {path} cannot be read: {error.strerror}."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput("token-file-malformed", f"{path} holds no token.") from error
    if not text.startswith("{"):
        return TokenFile(_checked(text, path))
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise InvalidInput("token-file-malformed", f"{path} is no valid JSON.") from error
    # Enrolment calls it by what it is to the device: the key of the service.
    key = fields.get("verifier_key") or fields.get("service_key")
    if key is not None and not isinstance(key, str):
        raise InvalidInput("token-file-malformed", f"The service's key in {path} is no text.")
    return TokenFile(_checked(fields.get("token"), path), key)


def _checked(token: object, path: Path) -> str:
    if not isinstance(token, str) or not token or len(token.split()) != 1:
        raise InvalidInput("token-file-malformed", f"{path} holds no token.")
    return token
