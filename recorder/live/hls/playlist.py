"""What a playlist says (RFC 8216): variants, or segments in order. Pure, and small on purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from recorder.live.rtmp.violation import ViolationError

#: A day in segments of a second, with room.
_MOST_LINES = 1_000_000
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is to be got."""

    url: str
    #: Which bytes of it: their begin and their number; None for all of them.
    part: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ListedSegment:
    sequence: int
    place: Place
    #: Whether the server says that it does not join the one before.
    breaks_off: bool
    #: Whether the server says that it has none.
    is_missing: bool
    #: When its first frame was recorded, as the server's clock says; None where it does not.
    begins_at: datetime | None = None
    #: What describes it; None for transport streams, which describe themselves.
    init: Place | None = None
    lasts_s: float = 0.0
    #: How many discontinuities lie before it, counted alike in all playlists of a source.
    stretch: int = 0


@dataclass(frozen=True, slots=True)
class Playlist:
    """The best variant's address, or segments."""

    variant: str | None
    segments: tuple[ListedSegment, ...]
    target_s: float
    is_over: bool
    #: Whether its segments are locked with keys.
    is_encrypted: bool
    #: Of a variant: where its sound is listed, if not in its own segments; and what that is called.
    sound: str | None = None
    sound_name: str = ""
    #: What else belongs to the variant: other languages of sound, other angles, subtitles.
    left_out: tuple[str, ...] = ()


def read(text: str, base: str, since: int = 0) -> Playlist:
    """Segments before number ``since`` are left out, if any is left then: a list of a day is long,
    and is asked for every second or two. Raises ViolationError for what is no playlist."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    if not lines or lines[0] != "#EXTM3U":
        raise ViolationError("it is no playlist")
    if len(lines) > _MOST_LINES:
        raise ViolationError("it lists too much")
    best = _best_variant(lines)
    if best is None:
        return _segments(lines, base, since)
    variant, facts = best
    sounds = _renditions(lines, "AUDIO", facts)
    taken = sounds[0] if sounds else {}
    apart = urljoin(base, _said(taken, "URI")) if _said(taken, "URI") else None
    others = [*sounds[1:], *_renditions(lines, "VIDEO", facts)]
    others += _renditions(lines, "SUBTITLES", facts)
    left_out = tuple(_called(each) for each in others if _said(each, "URI"))
    return Playlist(urljoin(base, variant), (), 0.0, False, False, apart, _called(taken), left_out)


def _renditions(lines: list[str], kind: str, variant: dict[str, str]) -> list[dict[str, str]]:
    """What belongs to a variant of that kind; first what players take unless told otherwise."""
    tag = "#EXT-X-MEDIA:"
    said = [dict(_ATTRIBUTE.findall(line)) for line in lines if line.startswith(tag)]
    group = (kind, variant[kind]) if kind in variant else None
    mine = [each for each in said if (each.get("TYPE"), each.get("GROUP-ID")) == group]
    return sorted(
        mine, key=lambda each: (each.get("DEFAULT") != "YES", each.get("AUTOSELECT") != "YES")
    )


def _said(rendition: dict[str, str], name: str) -> str:
    return rendition.get(name, "").strip('"')


def _called(rendition: dict[str, str]) -> str:
    """Its kind, language and name, as far as they are said."""
    words = (
        _said(rendition, "TYPE").lower(),
        _said(rendition, "LANGUAGE"),
        _said(rendition, "NAME"),
    )
    return " ".join(each for each in words if each)


def _best_variant(lines: list[str]) -> tuple[str, dict[str, str]] | None:
    """The one with most bits: what is evidence is not chosen by the width of a line.

    With what is said of it.
    """
    best: tuple[int, str, dict[str, str]] | None = None
    for n, line in enumerate(lines):
        if not line.startswith("#EXT-X-STREAM-INF:"):
            continue
        facts = dict(_ATTRIBUTE.findall(line))
        said = facts.get("BANDWIDTH", "0")
        bits = int(said) if said.isascii() and said.isdigit() else 0
        place = next((each for each in lines[n + 1 :] if each and not each.startswith("#")), "")
        if place and (best is None or bits > best[0]):
            best = bits, place, facts
    return best[1:] if best else None


@dataclass(slots=True)
class _Reading:
    """What has been said so far of the segment that comes next, and of all behind it."""

    base: str
    sequence: int = 0
    stretch: int = 0
    breaks_off: bool = False
    is_missing: bool = False
    begins_at: datetime | None = None
    lasts: timedelta = timedelta()
    init: Place | None = None
    #: The part that the next segment is; it begins behind the last one where that is not said.
    part: tuple[int | None, int] | None = None
    #: Where the last part ended.
    end: tuple[str, int] = ("", 0)

    def tag(self, name: str, value: str) -> None:
        if name == "#EXT-X-MEDIA-SEQUENCE":
            self.sequence = int(_number(value))
        elif name == "#EXT-X-DISCONTINUITY-SEQUENCE":
            self.stretch = int(_number(value))
        elif name == "#EXT-X-DISCONTINUITY":
            self.breaks_off, self.begins_at = True, None
            self.stretch += 1
        elif name == "#EXT-X-GAP":
            self.is_missing = True
        elif name == "#EXTINF":
            self.lasts = _seconds(value)
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            self.begins_at = _moment(value)
        elif name == "#EXT-X-BYTERANGE":
            self.part = _part(value)
        elif name == "#EXT-X-MAP":
            self.init = self._map(dict(_ATTRIBUTE.findall(value)))

    def segment(self, line: str) -> ListedSegment:
        """The segment whose address this is."""
        place = self._place(urljoin(self.base, line))
        found = ListedSegment(
            self.sequence, place, self.breaks_off, self.is_missing, self.begins_at, self.init,
            self.lasts.total_seconds(), self.stretch,
        )  # fmt: skip
        self._pass()
        return found

    def skip(self, line: str) -> None:
        """The same for one that nobody asks about."""
        if self.part is not None:
            self._place(urljoin(self.base, line))
        self._pass()

    def _pass(self) -> None:
        self.sequence, self.breaks_off, self.is_missing = self.sequence + 1, False, False
        # A date goes on over the segments behind it that join.
        self.begins_at, self.lasts = _behind(self.begins_at, self.lasts), timedelta()

    def _place(self, url: str) -> Place:
        part, self.part = self.part, None
        if part is None:
            return Place(url)
        begins, length = part
        if begins is None:
            before, begins = self.end
            if before != url:
                raise ViolationError("it lists a part that begins nowhere")
        self.end = url, begins + length
        return Place(url, (begins, length))

    def _map(self, said: dict[str, str]) -> Place:
        url = urljoin(self.base, said.get("URI", "").strip('"'))
        if "BYTERANGE" not in said:
            return Place(url)
        begins, length = _part(said["BYTERANGE"].strip('"'))
        return Place(url, (begins or 0, length))


def _segments(lines: list[str], base: str, since: int) -> Playlist:
    found: list[ListedSegment] = []
    target_s, is_over, is_encrypted = 6.0, False, False
    reading = _Reading(base)
    for line in lines:
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-TARGETDURATION":
            target_s = min(60.0, max(0.5, _number(value)))
        elif tag == "#EXT-X-ENDLIST":
            is_over = True
        elif tag == "#EXT-X-KEY" and dict(_ATTRIBUTE.findall(value)).get("METHOD") != "NONE":
            is_encrypted = True
        elif line.startswith("#"):
            reading.tag(tag, value)
        elif line and reading.sequence < since:
            reading.skip(line)
        elif line:
            found.append(reading.segment(line))
    if since and not found:
        return _segments(lines, base, 0)  # It has begun anew, with small numbers.
    return Playlist(None, tuple(found), target_s, is_over, is_encrypted)


def _part(text: str) -> tuple[int | None, int]:
    """Begin, where it is said, and length: ``N[@O]`` (RFC 8216, 4.3.2.2)."""
    match = re.fullmatch(r"(\d{1,15})(?:@(\d{1,15}))?", text.strip())
    if match is None or not int(match[1]):
        raise ViolationError("it lists a part that is none")
    return int(match[2]) if match[2] is not None else None, int(match[1])


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
