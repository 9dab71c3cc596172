"""What an FLV tag's body says about itself, and tags for the media tool's input.

Only the few bytes in front of a frame are looked at; frames themselves are never opened here.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

_AVC, _LEGACY_HEVC = 7, 12
_AAC = 10
_MP3 = (2, 14)
#: G.711, which MP4 has no place for and QuickTime has.
_G711 = {7: "alaw", 8: "ulaw"}
_ENHANCED_AUDIO = 9
_COMMAND_FRAME = 5
#: Codecs of enhanced RTMP whose coded frames carry a composition time.
_TIMED = (b"avc1", b"hvc1")
_SCRIPT_PREFIX = b"\x02\x00\x0d@setDataFrame"


class Track(enum.StrEnum):
    """A period has at most one of each."""

    VIDEO = "video"
    AUDIO = "audio"


#: Beginnings of frames: codec, whether it is a keyframe, how many bytes are FLV's own.
_USUAL = {
    (Track.VIDEO, b"\x17\x01"): ("avc1", True, 5),
    (Track.VIDEO, b"\x27\x01"): ("avc1", False, 5),
    (Track.VIDEO, b"\x91hvc1"): ("hvc1", True, 8),
    (Track.VIDEO, b"\xa1hvc1"): ("hvc1", False, 8),
    (Track.VIDEO, b"\x93hvc1"): ("hvc1", True, 5),
    (Track.VIDEO, b"\xa3hvc1"): ("hvc1", False, 5),
    **{(Track.AUDIO, bytes([0xA0 | form, 1])): ("mp4a", True, 2) for form in range(16)},
}


class Part(enum.Enum):
    """What a tag holds of its track."""

    HEADER = 1
    FRAME = 2
    #: Nothing to record: ends of sequences, player commands, empty frames.
    NOTHING = 3
    #: A codec or form that no period can hold.
    UNKNOWN = 4


class Look(NamedTuple):
    """One tag's body, understood. ``size`` is the frame's length without FLV's own bytes."""

    track: Track
    part: Part
    codec: str
    is_key: bool
    size: int
    #: The body as the media tool understands it.
    body: bytes


def look(track: Track, body: bytes) -> Look:
    """Say what the body of an audio or video tag is; anything at all may be in it."""
    if not body:
        return Look(track, Part.NOTHING, "", False, 0, body)
    return _video(body) if track is Track.VIDEO else _audio(body)


def usual(track: Track, body: bytes) -> tuple[str, bool, int] | None:
    """Codec, whether it is a keyframe, and size of a frame, for the forms that nearly all have.

    What ``look`` says of it, without the rest; None where ``look`` must be asked.
    """
    known = _USUAL.get((track, body[:2])) or _USUAL.get((track, body[:5]))
    if known is None or len(body) <= known[2]:
        return None
    codec, is_key, front = known
    return codec, is_key, len(body) - front


def needs_header(codec: str) -> bool:
    """Whether frames of the codec mean nothing without a header before them."""
    return codec not in ("mp3", "alaw", "ulaw", "Opus", "ac-3", "ec-3")


def script(body: bytes) -> bytes:
    """An encoder's own description, as it stands in a file: without the command before it."""
    return body.removeprefix(_SCRIPT_PREFIX)


def file_header(*, video: bool, audio: bool) -> bytes:
    """The beginning of an FLV file that promises exactly these tracks."""
    return b"FLV\x01" + bytes([4 * audio + video]) + b"\0\0\0\x09\0\0\0\0"


def tag(track: Track, at_ms: int, body: bytes) -> bytes:
    """One tag, its length behind it."""
    length = len(body)
    kind = 9 if track is Track.VIDEO else 8
    head = struct.pack(">IHBBBH", kind << 24 | length, at_ms >> 8 & 0xFFFF, at_ms & 0xFF,
                       at_ms >> 24 & 0xFF, 0, 0)  # fmt: skip
    return b"".join((head, body, struct.pack(">I", 11 + length)))


def _video(body: bytes) -> Look:
    first = body[0]
    if first & 0x80:
        return _enhanced_video(body)
    frame, codec = first >> 4, first & 15
    if codec not in (_AVC, _LEGACY_HEVC):
        return _named(Track.VIDEO, Part.UNKNOWN, f"video-{codec}", body, 1)
    name = "avc1" if codec == _AVC else "hvc1"
    kind = body[1] if len(body) >= 5 else 2
    if kind == 0:
        part, kept = Part.HEADER, 5
    elif kind == 1 and frame != _COMMAND_FRAME and len(body) > 5:
        part, kept = Part.FRAME, 5
    else:
        return Look(Track.VIDEO, Part.NOTHING, name, False, 0, body)
    size = len(body) - kept
    if codec == _LEGACY_HEVC:
        # How domestic encoders sent HEVC before there was a standard for it.
        head = bytes([0x80 | frame << 4 | kind]) + b"hvc1"
        body = head + body[5 if kind == 0 else 2 :]
    return Look(Track.VIDEO, part, name, frame == 1, size, body)


def _enhanced_video(body: bytes) -> Look:
    frame, kind, code = body[0] >> 4 & 7, body[0] & 15, body[1:5]
    if len(body) < 5 or not code.isascii() or kind > 5:
        return _named(Track.VIDEO, Part.UNKNOWN, f"enhanced-{kind}", body, 5)
    name = code.decode("ascii").strip("\0 ")
    if kind == 0:
        return Look(Track.VIDEO, Part.HEADER, name, False, len(body) - 5, body)
    size = len(body) - 5 - (3 if kind == 1 and code in _TIMED else 0)
    if kind in (1, 3) and frame != _COMMAND_FRAME and size > 0:
        return Look(Track.VIDEO, Part.FRAME, name, frame == 1, size, body)
    return Look(Track.VIDEO, Part.NOTHING, name, False, 0, body)


def _audio(body: bytes) -> Look:
    codec = body[0] >> 4
    if codec == _AAC:
        if len(body) < 2 or (body[1] and len(body) == 2):
            return Look(Track.AUDIO, Part.NOTHING, "mp4a", False, 0, body)
        return _named(Track.AUDIO, Part.FRAME if body[1] else Part.HEADER, "mp4a", body, 2)
    if codec in _MP3 or codec in _G711:
        part = Part.FRAME if len(body) > 1 else Part.NOTHING
        return _named(Track.AUDIO, part, _G711.get(codec, "mp3"), body, 1)
    if codec != _ENHANCED_AUDIO or len(body) < 5 or not body[1:5].isascii():
        return _named(Track.AUDIO, Part.UNKNOWN, f"audio-{codec}", body, 1)
    kind, name = body[0] & 15, body[1:5].decode("ascii").strip("\0 ")
    if kind > 1:
        part = Part.UNKNOWN if kind in (4, 5, 7) else Part.NOTHING
        return _named(Track.AUDIO, part, name, body, 5)
    part = Part.HEADER if kind == 0 else Part.FRAME if len(body) > 5 else Part.NOTHING
    return _named(Track.AUDIO, part, name, body, 5)


def _named(track: Track, part: Part, codec: str, body: bytes, front: int) -> Look:
    return Look(track, part, codec, part is Part.FRAME, max(0, len(body) - front), body)
