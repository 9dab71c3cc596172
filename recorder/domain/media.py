"""What is known about the media inside an original, and what follows from it for a viewer.

Pure rules over measured facts. Nothing here decides whether an original is kept: every original
is sealed as it is, whatever its verdict. The verdict says only what a reviewer can be shown.
The reason words are those of the footage set (tests/footage/README.md).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePosixPath
from typing import Any

#: The largest picture that is decoded. 8192 x 8192 costs 0.8 GB for one process (media.md 2).
MAX_PIXELS = 40_000_000

#: Keyframes wider apart than this make seeking coarse and splitting by copy impossible.
_LONG_GOP_MS = 4_000
_SINGLE_KEYFRAME_MS = 2_000

#: H.264 level 5.2 in the codec's own notation (ten times the level).
_MAX_H264_LEVEL = 52

#: Containers that hold one picture (an animated one is shown by its first).
PICTURES = frozenset({"jpeg", "png", "gif", "webp", "bmp"})
_AUDIO_FILES = frozenset({"mp3", "wav", "aac", "ogg"})
_BROWSER_AUDIO = frozenset({"aac", "mp3"})
_CONTAINER_FLAGS = {
    "avi": "container_avi",
    "mpegts": "container_mpegts",
    "mpeg": "container_mpegps",
}
_CODEC_FLAGS = {"hevc": "codec_hevc", "av1": "codec_av1"}
_VIDEO_NAMES = frozenset(
    {"mp4", "m4v", "mov", "3gp", "avi", "ts", "m2ts", "mts", "mpg", "mpeg", "ps", "mkv", "webm",
     "flv", "wmv", "asf", "h264", "264", "h265", "265", "dav"}
)  # fmt: skip
_PICTURE_NAMES = frozenset({"jpg", "jpeg", "png", "gif", "webp", "bmp"})
_PART_NAME = re.compile(r"part[_-]?\d{1,5}$", re.IGNORECASE)


class Problem(enum.StrEnum):
    """Why nothing of an original can be shown; NONE when something can."""

    NONE = ""
    EMPTY = "empty"
    NOT_MEDIA = "not_media"
    NO_INDEX = "no_index"
    PLAYLIST = "playlist"
    TOO_LARGE = "too_large"
    #: The prober itself died, ran out of its limits, or gave no answer.
    DAMAGED = "damaged"


class Showable(enum.StrEnum):
    """What a reviewer can be shown, and from what."""

    AS_IS = "as_is"
    REMUX = "remux"
    TRANSCODE = "transcode"
    PICTURE = "picture"
    AUDIO = "audio"
    NONE = "none"


class Treatment(enum.StrEnum):
    """What the proxy does with one kind of stream."""

    DROP = "drop"
    COPY = "copy"
    ENCODE = "encode"


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """One stream. Numbers are 0 and words are empty where the file does not say."""

    kind: str
    codec: str
    tag: str = ""
    profile: str = ""
    #: In the codec's own notation: H.264 level 4.1 is 41.
    level: int = 0
    pix_fmt: str = ""
    width: int = 0
    height: int = 0
    #: Frames per thousand seconds, measured from the packets: 29970 is 29.97 fps.
    fps_milli: int = 0
    #: Degrees anticlockwise by which a viewer turns the picture: 0, 90, 180 or 270.
    rotation: int = 0
    sample_rate_hz: int = 0
    channels: int = 0
    packets: int = 0
    length_ms: int = 0


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What one reading of the whole original found."""

    #: Short name of the container (mov, avi, mpegts, jpeg ...); empty when it was not opened.
    container: str = ""
    problem: Problem = Problem.NONE
    #: One sentence of evidence for ``problem``, ``damaged`` or ``truncated``, bounded.
    note: str = ""
    #: What the container promises, and what its packets really span.
    promised_ms: int = 0
    length_ms: int = 0
    streams: tuple[StreamFacts, ...] = ()
    keyframes: int = 0
    #: The widest distance between keyframes, the way to the end included.
    keyframe_distance_ms: int = 0
    moov_at_end: bool = False
    fragmented: bool = False
    variable_rate: bool = False
    has_gps: bool = False
    truncated: bool = False
    damaged: bool = False
    #: Packets that did not decode, and the share of picture packets that were decoded at all.
    decode_errors: int = 0
    checked_percent: int = 0
    #: Only a sample was decoded, so that it can be watched early; a thorough look follows.
    first_look: bool = False
    #: Played from the segments of the livestream it was, whatever the joined file would need.
    streamed: bool = False
    original_name: str = ""
    #: As the file says them, never corrected.
    creation_time: str = ""
    timecode: str = ""
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def video(self) -> StreamFacts | None:
        """The first moving picture, if there is one."""
        return next((s for s in self.streams if s.kind == "video"), None)

    @property
    def audio(self) -> StreamFacts | None:
        """The first sound, if there is one."""
        return next((s for s in self.streams if s.kind == "audio"), None)

    @property
    def is_picture(self) -> bool:
        return self.container in PICTURES

    @property
    def showable(self) -> Showable:
        """What a reviewer can be shown."""
        return plan(self).showable

    @property
    def flags(self) -> tuple[str, ...]:
        """The reason words that apply, in a fixed order."""
        return _flags(self)

    def to_json(self) -> dict[str, object]:
        """Plain values for a JSON column, verdict and reason words included for readers of it."""
        row: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        row["problem"] = self.problem.value
        row["streams"] = [
            {f.name: getattr(stream, f.name) for f in fields(stream)} for stream in self.streams
        ]
        row["tags"] = dict(self.tags)
        return row | {"showable": self.showable.value, "flags": list(self.flags)}

    @classmethod
    def from_json(cls, row: Mapping[str, object]) -> MediaFacts:
        """The facts that ``to_json`` wrote; unknown members are ignored, wrong ones raise.

        Raises ValueError or TypeError when a member has another type than it should.
        """
        known = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        streams = known.pop("streams", ())
        tags = known.pop("tags", {})
        if not isinstance(streams, list | tuple) or not isinstance(tags, Mapping):
            raise TypeError("streams must be a list and tags a mapping")
        problem = Problem(str(known.pop("problem", "")))
        return cls(
            problem=problem,
            streams=tuple(StreamFacts(**_typed(StreamFacts, stream)) for stream in streams),
            tags={str(name): str(value) for name, value in tags.items()},
            **_typed(cls, known),
        )


@dataclass(frozen=True, slots=True)
class RenditionPlan:
    """What the proxy step has to do."""

    showable: Showable
    video: Treatment = Treatment.DROP
    audio: Treatment = Treatment.DROP

    @property
    def needs_proxy(self) -> bool:
        """False when the original itself is what the player gets, or nothing is."""
        return (self.video, self.audio) != (Treatment.DROP, Treatment.DROP)

    @property
    def profile(self) -> str:
        """The name of the profile: ``none``, ``remux``, ``transcode`` or ``audio``."""
        if not self.needs_proxy:
            return "none"
        return "audio" if self.video is Treatment.DROP else self.showable.value


def plan(facts: MediaFacts) -> RenditionPlan:
    """What can be shown, and what has to be made for it.

    *Playable as it is*: ISO base media file; H.264 with 8 bits in 4:2:0 up to level 5.2; AAC-LC,
    MP3 or no sound; moov anywhere; whole. Right picture in another container, or with another
    sound, or with its end missing, is copied into an MP4; everything else is encoded anew.
    """
    if facts.problem or not facts.streams:
        return RenditionPlan(Showable.NONE)
    if facts.streamed:
        return RenditionPlan(Showable.AS_IS)
    if facts.is_picture:
        return RenditionPlan(Showable.PICTURE)
    video, audio = facts.video, facts.audio
    if video is None:
        return _plan_sound(facts, audio)
    sound = _sound_treatment(audio)
    iso = facts.container == "mov"
    if not _browser_video(video) or facts.damaged or (facts.truncated and not iso):
        kept = Treatment.DROP if audio is None else Treatment.ENCODE
        return RenditionPlan(Showable.TRANSCODE, Treatment.ENCODE, kept)
    if iso and sound is not Treatment.ENCODE and not facts.truncated:
        return RenditionPlan(Showable.AS_IS)
    return RenditionPlan(Showable.REMUX, Treatment.COPY, sound)


def joined(periods: Sequence[MediaFacts], length_ms: int) -> MediaFacts:
    """One verdict about files that are played one behind the other, so long together.

    Streams that are alike in several of them are told once. At least one is given.
    """
    readable = [facts for facts in periods if not facts.problem]
    first = readable[0] if readable else periods[0]
    return replace(
        first,
        note=next((facts.note for facts in periods if facts.note), ""),
        promised_ms=length_ms,
        length_ms=length_ms,
        streams=_streams_of(readable) if readable else first.streams,
        keyframes=sum(facts.keyframes for facts in periods),
        keyframe_distance_ms=max(facts.keyframe_distance_ms for facts in periods),
        variable_rate=any(facts.variable_rate for facts in periods),
        has_gps=any(facts.has_gps for facts in periods),
        truncated=any(facts.truncated for facts in periods),
        damaged=any(facts.damaged or facts.problem for facts in periods) and bool(readable),
        decode_errors=sum(facts.decode_errors for facts in periods),
        checked_percent=min(facts.checked_percent for facts in periods),
        first_look=any(facts.first_look for facts in periods),
    )


def _streams_of(periods: Sequence[MediaFacts]) -> tuple[StreamFacts, ...]:
    """Each kind of stream once, with the packets and the length of all of its kind."""
    found: dict[StreamFacts, StreamFacts] = {}
    for stream in (stream for facts in periods for stream in facts.streams):
        # Measured from packets: short periods differ by a frame, and are the same camera.
        rate = round(stream.fps_milli, -3)
        alike = replace(stream, packets=0, length_ms=0, fps_milli=rate)
        before = found.get(alike)
        found[alike] = (
            stream
            if before is None
            else replace(
                before,
                packets=before.packets + stream.packets,
                length_ms=before.length_ms + stream.length_ms,
            )
        )
    return tuple(found.values())


def _plan_sound(facts: MediaFacts, audio: StreamFacts | None) -> RenditionPlan:
    if audio is None:
        return RenditionPlan(Showable.NONE)
    whole = not (facts.damaged or facts.truncated)
    if whole and facts.container in {"mov", "mp3"} and _browser_audio(audio):
        return RenditionPlan(Showable.AUDIO)
    return RenditionPlan(Showable.AUDIO, Treatment.DROP, Treatment.ENCODE)


def _sound_treatment(audio: StreamFacts | None) -> Treatment:
    if audio is None:
        return Treatment.DROP
    return Treatment.COPY if _browser_audio(audio) else Treatment.ENCODE


def _browser_audio(audio: StreamFacts) -> bool:
    return audio.codec in _BROWSER_AUDIO and (audio.codec != "aac" or audio.profile == "LC")


def _browser_video(video: StreamFacts) -> bool:
    return (
        video.codec == "h264"
        and video.pix_fmt in {"yuv420p", "yuvj420p"}
        and 0 < video.level <= _MAX_H264_LEVEL
    )


def _flags(facts: MediaFacts) -> tuple[str, ...]:
    if facts.problem:
        return (facts.problem.value,)
    video, audio = facts.video, facts.audio
    moving = video is not None and not facts.is_picture
    named = [
        (facts.truncated, "truncated"),
        (facts.damaged, "damaged"),
        (facts.is_picture, "still"),
        (_wrong_name(facts), "wrong_name"),
        (facts.moov_at_end, "moov_at_end"),
        (facts.container in _CONTAINER_FLAGS, _CONTAINER_FLAGS.get(facts.container, "")),
        (moving and video is not None and video.codec in _CODEC_FLAGS,
         _CODEC_FLAGS.get(video.codec, "") if video else ""),
        (facts.variable_rate, "vfr"),
        (video is not None and video.rotation != 0, "rotated"),
        # Damage that swallows a keyframe says nothing about the camera.
        (moving and not facts.damaged and _long_gop(facts), "long_gop"),
        (moving and audio is None, "no_audio"),
        (video is None and audio is not None, "no_video"),
        (audio is not None and audio.codec == "pcm_alaw", "audio_alaw"),
        (facts.has_gps, "has_gps"),
        (_PART_NAME.search(PurePosixPath(facts.original_name).stem) is not None, "part"),
    ]  # fmt: skip
    return tuple(word for applies, word in named if applies)


def _long_gop(facts: MediaFacts) -> bool:
    if facts.keyframe_distance_ms > _LONG_GOP_MS:
        return True
    return facts.keyframes == 1 and facts.length_ms >= _SINGLE_KEYFRAME_MS


def _wrong_name(facts: MediaFacts) -> bool:
    ending = PurePosixPath(facts.original_name).suffix.lstrip(".").lower()
    if facts.is_picture:
        return ending in _VIDEO_NAMES
    return ending in _PICTURE_NAMES or (
        facts.container in _AUDIO_FILES and ending in _VIDEO_NAMES and facts.video is None
    )


def _typed(cls: type[MediaFacts] | type[StreamFacts], row: object) -> dict[str, Any]:
    """The members of ``cls`` in ``row``, each of the type of the field's default."""
    if not isinstance(row, Mapping):
        raise TypeError(f"{cls.__name__} must be a mapping")
    sample = _SAMPLES[cls]
    members: dict[str, Any] = {}
    for f in fields(cls):
        if f.name not in row:
            continue
        value = row[f.name]
        if type(value) is not type(getattr(sample, f.name)):
            raise TypeError(f"{cls.__name__}.{f.name} cannot be {type(value).__name__}")
        members[f.name] = value
    return members


_SAMPLES: dict[type, MediaFacts | StreamFacts] = {
    MediaFacts: MediaFacts(),
    StreamFacts: StreamFacts(kind="", codec=""),
}
