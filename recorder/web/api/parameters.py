"""Reading parameters that stand in the path of an address."""

from __future__ import annotations

import uuid

from aiohttp import web

from recorder.errors import NotFound


def id_in_path(request: web.Request, name: str = "id") -> uuid.UUID:
    """The identifier in the address; what is no UUID names nothing: NotFound ``id-malformed``."""
    text = request.match_info[name]
    try:
        value = uuid.UUID(text)
    except ValueError as error:
        raise NotFound("id-malformed", "There is nothing at this address.") from error
    if str(value) != text.lower():
        # uuid.UUID also reads braces, URNs and missing dashes; an address has one spelling.
        raise NotFound("id-malformed", "There is nothing at this address.")
    return value
