"""What a playlist says (RFC 8216): variants, or segments in order. Pure, and small on purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from recorder.live.rtmp.violation import ViolationError

_MOST_LINES = 200_000
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')


@dataclass(frozen=True, slots=True)
class ListedSegment:
    sequence: int
    url: str
    #: Whether the server says that it does not join the one before.
    breaks_off: bool
    #: Whether the server says that it has none.
    is_missing: bool


@dataclass(frozen=True, slots=True)
class Playlist:
    """The best variant's address, or segments."""

    variant: str | None
    segments: tuple[ListedSegment, ...]
    target_s: float
    is_over: bool
    #: Why its segments cannot be recorded; empty when they can.
    obstacle: str


def read(text: str, base: str) -> Playlist:
    """Raises ViolationError for what is no playlist."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()[:_MOST_LINES]]
    if not lines or lines[0] != "#EXTM3U":
        raise ViolationError("it is no playlist")
    variant = _best_variant(lines)
    if variant is not None:
        return Playlist(urljoin(base, variant), (), 0.0, False, "")
    return _segments(lines, base)


def _best_variant(lines: list[str]) -> str | None:
    """The one with most bits: what is evidence is not chosen by the width of a line."""
    best: tuple[int, str] | None = None
    for n, line in enumerate(lines):
        if not line.startswith("#EXT-X-STREAM-INF:"):
            continue
        said = dict(_ATTRIBUTE.findall(line)).get("BANDWIDTH", "0")
        bits = int(said) if said.isascii() and said.isdigit() else 0
        place = next((each for each in lines[n + 1 :] if each and not each.startswith("#")), "")
        if place and (best is None or bits > best[0]):
            best = bits, place
    return best[1] if best else None


def _segments(lines: list[str], base: str) -> Playlist:
    found: list[ListedSegment] = []
    target_s, is_over, obstacle = 6.0, False, ""
    sequence, breaks_off, is_missing = 0, False, False
    for line in lines:
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-TARGETDURATION":
            target_s = min(60.0, max(0.5, _number(value)))
        elif tag == "#EXT-X-MEDIA-SEQUENCE":
            sequence = int(_number(value))
        elif tag == "#EXT-X-DISCONTINUITY":
            breaks_off = True
        elif tag == "#EXT-X-GAP":
            is_missing = True
        elif tag == "#EXT-X-ENDLIST":
            is_over = True
        elif tag == "#EXT-X-MAP":
            obstacle = "its segments are no transport stream"
        elif tag == "#EXT-X-BYTERANGE":
            obstacle = "its segments are parts of files"
        elif tag == "#EXT-X-KEY" and dict(_ATTRIBUTE.findall(value)).get("METHOD") != "NONE":
            obstacle = "its segments are encrypted"
        elif line and not line.startswith("#"):
            found.append(ListedSegment(sequence, urljoin(base, line), breaks_off, is_missing))
            sequence, breaks_off, is_missing = sequence + 1, False, False
    return Playlist(None, tuple(found), target_s, is_over, obstacle)


def _number(text: str) -> float:
    match = re.match(r"\d{1,15}(\.\d{1,6})?", text.strip())
    if match is None:
        raise ViolationError("it writes no number where one belongs")
    return float(match[0])
