"""What each problem code means, who sees it, what to do and what not to do.

Read from the Markdown files beside this module, one for each area; shown at ``/docs/problems``,
where the ``type`` of every problem leads, and printed as docs/runbook/problems.md. Knows no HTTP.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from html import escape
from importlib import resources

#: The lines of every section, in this order.
LABELS = ("Means", "Seen by", "Do", "Do not")

_SECTION = re.compile(r"^## ([a-z0-9-]+)\n", re.MULTILINE)
_LINE = re.compile(rf"({'|'.join(LABELS)}): (.+)")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\(#([a-z0-9-]+)\)")


@dataclass(frozen=True, slots=True)
class Section:
    """One code: label → sentences, in the small markup of the files."""

    code: str
    said: dict[str, str]


@dataclass(frozen=True, slots=True)
class Area:
    """Codes that meet the same people."""

    title: str
    about: str
    sections: tuple[Section, ...]

    @property
    def anchor(self) -> str:
        return "area-" + re.sub(r"[^a-z]+", "-", self.title.lower())


@functools.cache
def areas() -> tuple[Area, ...]:
    """Every area, in the order of the files."""
    folder = resources.files("recorder.web").joinpath("runbook")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".md")), key=lambda f: f.name)
    return tuple(parse_area(file.read_text("utf-8")) for file in files)


def parse_area(text: str) -> Area:
    """The area in a file; raises ValueError when a section has other lines than it should."""
    head, *rest = _SECTION.split(text)
    title, _, about = head.strip().partition("\n")
    sections = (_section(code, body) for code, body in zip(rest[::2], rest[1::2], strict=True))
    return Area(title.removeprefix("# "), about.strip(), tuple(sections))


def _section(code: str, body: str) -> Section:
    lines = [_LINE.fullmatch(line) for line in body.strip().splitlines()]
    said = {line[1]: line[2] for line in lines if line}
    if tuple(said) != LABELS or len(lines) != len(LABELS):
        raise ValueError(f"the section {code} has other lines than {', '.join(LABELS)}")
    return Section(code, said)


def as_html(text: str) -> str:
    """Sentences of a section as HTML: `code` and [links](#code), everything else as it is."""
    linked = _LINK.sub(r"<a href='#\2'>\1</a>", escape(text, quote=False))
    return _CODE.sub(r"<code>\1</code>", linked)
