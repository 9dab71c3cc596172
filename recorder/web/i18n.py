"""Languages of the pages: Simplified Chinese first, English beside it.

Message ids are the English sentences themselves, so English needs no catalogue. The Chinese one
is read from its ``.po`` file at the start: a fresh clone needs no build step for it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import resources

from babel.messages.pofile import read_po

CHINESE = "zh_CN"
ENGLISH = "en"
LOCALES = (CHINESE, ENGLISH)
#: The tag of each locale in HTML and in Accept-Language (RFC 5646).
TAGS: Mapping[str, str] = {CHINESE: "zh-CN", ENGLISH: "en"}


class Catalogue:
    """The messages of one locale; one that is missing is said in English."""

    def __init__(self, locale: str, messages: Mapping[str, str]) -> None:
        self.locale = locale
        self.messages = messages

    def gettext(self, message: str) -> str:
        """The message in this language."""
        return self.messages.get(message) or message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The message for this number; Chinese has one form."""
        return self.messages.get(msgid1) or (msgid1 if n == 1 else msgid2)


@functools.cache
def catalogue(locale: str) -> Catalogue:
    """The messages of a locale, read once."""
    if locale == ENGLISH:
        return Catalogue(ENGLISH, {})
    source = resources.files("recorder.web") / "locale" / locale / "LC_MESSAGES" / "recorder.po"
    messages: dict[str, str] = {}
    with source.open("rb") as file:
        for message in read_po(file, locale=locale):
            name, text = _first(message.id), _first(message.string)
            if name and text and not message.fuzzy:
                messages[name] = text
    return Catalogue(locale, messages)


def _first(forms: str | Sequence[str] | None) -> str:
    """The only form, or the first of a message with plural forms."""
    if not forms:
        return ""
    return forms if isinstance(forms, str) else forms[0]


def choose(*, chosen: str | None, cookie: str | None, accept_language: str) -> str:
    """The locale of a page: what the person chose, else this browser, else what it prefers.

    Whoever prefers neither reads Chinese.
    """
    for wish in (chosen, cookie):
        if wish in LOCALES:
            return wish
    for entry in accept_language.split(","):
        primary = entry.partition(";")[0].strip().lower().partition("-")[0]
        if primary == "zh":
            return CHINESE
        if primary == "en":
            return ENGLISH
    return CHINESE
