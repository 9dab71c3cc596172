"""What a playlist says (RFC 8216): variants, or segments in order. Pure, and small on purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
    #: When its first frame was recorded, as the server's clock says; None where it does not.
    begins_at: datetime | None = None


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
    begins_at, lasts = None, timedelta()
    for line in lines:
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-TARGETDURATION":
            target_s = min(60.0, max(0.5, _number(value)))
        elif tag == "#EXT-X-MEDIA-SEQUENCE":
            sequence = int(_number(value))
        elif tag == "#EXT-X-DISCONTINUITY":
            breaks_off, begins_at = True, None
        elif tag == "#EXT-X-GAP":
            is_missing = True
        elif tag == "#EXTINF":
            lasts = _seconds(value)
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            begins_at = _moment(value)
        elif tag == "#EXT-X-ENDLIST":
            is_over = True
        elif tag == "#EXT-X-MAP":
            obstacle = "its segments are no transport stream"
        elif tag == "#EXT-X-BYTERANGE":
            obstacle = "its segments are parts of files"
        elif tag == "#EXT-X-KEY" and dict(_ATTRIBUTE.findall(value)).get("METHOD") != "NONE":
            obstacle = "its segments are encrypted"
        elif line and not line.startswith("#"):
            place = urljoin(base, line)
            found.append(ListedSegment(sequence, place, breaks_off, is_missing, begins_at))
            sequence, breaks_off, is_missing = sequence + 1, False, False
            # A date goes on over the segments behind it that join.
            begins_at, lasts = _behind(begins_at, lasts), timedelta()
    return Playlist(None, tuple(found), target_s, is_over, obstacle)


def _moment(text: str) -> datetime | None:
    """A date with its zone (ISO 8601); None for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _seconds(text: str) -> timedelta:
    match = re.match(r"\d{1,6}(\.\d{1,9})?", text.strip())
    return timedelta(seconds=float(match[0])) if match else timedelta()


def _behind(begins_at: datetime | None, lasts: timedelta) -> datetime | None:
    try:
        return begins_at + lasts if begins_at is not None and lasts else None
    except OverflowError:
        return None


def _number(text: str) -> float:
    match = re.match(r"\d{1,15}(\.\d{1,6})?", text.strip())
    if match is None:
        raise ViolationError("it writes no number where one belongs")
    return float(match[0])
