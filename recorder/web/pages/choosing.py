"""Which organisation a reader means: a city has four hundred, and people know names, not codes."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.store.agencies import Agency


def code_of(agencies: Iterable[Agency], text: str) -> str:
    """The code of the organisation whose code or whole name this is; else the text itself.

    A name that several bear means none of them.
    """
    said = text.strip()
    named = []
    for one in agencies:
        if one.code == said:
            return said
        if one.name == said:
            named.append(one.code)
    return named[0] if len(named) == 1 else said
