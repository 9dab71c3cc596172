"""A playlist whose sound is listed apart, and that grows: pictures and sound beside each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.support import hls_source
from tests.support.hls_source import HlsSource

_KINDS = (0, 1)


@dataclass(frozen=True, slots=True)
class _Entry:
    file: Path
    lasts_s: float


def _entries(place: Path, kind: int) -> list[_Entry]:
    lines = (place / f"{kind}.m3u8").read_text().splitlines()
    return [
        _Entry(place / name, float(said.removeprefix("#EXTINF:").rstrip(",")))
        for said, name in pairwise(lines)
        if said.startswith("#EXTINF")
    ]


@dataclass
class SoundApart:
    """Segments of a second; the clip begins anew behind its end, with a discontinuity."""

    source: HlsSource
    #: Seconds of pictures, and segments of sound, that are listed.
    listed: int = 0
    sound: int = 0
    _place: Path = field(default_factory=hls_source.apart)
    _lines: dict[int, list[str]] = field(default_factory=lambda: {kind: [] for kind in _KINDS})
    _listed_s: dict[int, float] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0.0))
    _at: dict[int, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))

    def __post_init__(self) -> None:
        self.source.files["main.m3u8"] = (self._place / "main.m3u8").read_bytes()
        self._publish()

    @property
    def repeats(self) -> int:
        """How often the clip is listed, the last time perhaps in part."""
        return -(-self.listed // len(_entries(self._place, 0)))

    def extend(self) -> None:
        """A second more, with the sound up to its end."""
        pictures, sound = (_entries(self._place, kind) for kind in _KINDS)
        if self._at[0] == len(pictures):
            for kind in _KINDS:
                self._at[kind], self._listed_s[kind] = 0, 0.0
                self._lines[kind].append("#EXT-X-DISCONTINUITY")
        self._add(0, pictures[self._at[0]])
        is_last = self._at[0] == len(pictures)
        while self._at[1] < len(sound) and (is_last or self._listed_s[1] < self._listed_s[0]):
            self._add(1, sound[self._at[1]])
        self.listed += 1
        self._publish()

    def end(self) -> None:
        """The clip is brought to its end, and both lists are over."""
        while self.listed % len(_entries(self._place, 0)):
            self.extend()
        for kind in _KINDS:
            self._lines[kind].append("#EXT-X-ENDLIST")
        self._publish()

    def frames(self, folder: Path) -> dict[str, int]:
        """How many frames of each kind are listed, once it is at its end."""
        once = hls_source.frames_apart(self._place, folder)
        return {kind: len(frames) * self.repeats for kind, frames in once.items()}

    def _add(self, kind: int, entry: _Entry) -> None:
        number = self.listed if kind == 0 else self.sound
        name = f"{kind}-{number}.ts"
        self.source.files[name] = entry.file.read_bytes()
        self._lines[kind] += [f"#EXTINF:{entry.lasts_s},", name]
        self._listed_s[kind] += entry.lasts_s
        self._at[kind] += 1
        self.sound += kind

    def _publish(self) -> None:
        head = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2"]
        head.append("#EXT-X-MEDIA-SEQUENCE:0")
        for kind in _KINDS:
            lines = "\n".join([*head, *self._lines[kind], ""])
            self.source.files[f"{kind}.m3u8"] = lines.encode()
