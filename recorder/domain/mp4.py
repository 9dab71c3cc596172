"""Fragmented MP4 of H.264, HEVC and AAC frames as they came (ISO/IEC 14496-12, -14, -15).

It describes and arranges: bytes of frames are never opened, changed or left out. Times are the
publisher's own, in milliseconds, with no edit list: what is shown first is shown when it came.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from recorder.domain import parameter_sets

#: Ticks of a picture's clock: whole milliseconds, and room to set equal times apart.
PICTURE_SCALE = 16_000
_KEY, _OTHER = 0x02000000, 0x01010000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
#: Sampling rates by their index in an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.3.4).
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_LC = 2
_SBR = (5, 29)
Content: TypeAlias = bytes | memoryview


@dataclass(frozen=True, slots=True)
class TrackForm:
    """What an init segment says of one track; ids are given by its place."""

    is_picture: bool
    scale: int
    entry: bytes
    width: int = 0
    height: int = 0


class Sample(NamedTuple):
    """One frame; times in the ticks of its track."""

    time: int
    duration: int
    shown_later: int
    is_key: bool
    content: Content


def picture_form(codec: str, record: bytes) -> TrackForm | None:
    """The form of an H.264 (``avc1``) or HEVC (``hvc1``) track; None when its header is odd."""
    reading = {"avc1": parameter_sets.avc_size, "hvc1": parameter_sets.hevc_size}.get(codec)
    size = reading(record) if reading else None
    if size is None:
        return None
    entry = _box(
        codec.encode(),
        bytes(6), b"\0\1", bytes(16), struct.pack(">HH", *size),
        struct.pack(">IIIH", 0x480000, 0x480000, 0, 1), bytes(32), struct.pack(">Hh", 24, -1),
        _box(b"avcC" if codec == "avc1" else b"hvcC", record),
    )  # fmt: skip
    return TrackForm(True, PICTURE_SCALE, entry, *size)


def sound_form(config: bytes) -> TrackForm | None:
    """The form of an AAC track from its AudioSpecificConfig; None for what we do not know."""
    if len(config) < 2 or len(config) > 64:
        return None
    kind, rate = config[0] >> 3, (config[0] & 7) << 1 | config[1] >> 7
    channels = config[1] >> 3 & 15
    if kind not in (_AAC_LC, *_SBR) or rate >= len(_RATES) or not 1 <= channels <= 7:
        return None
    described = bytes([0x40, 0x15]) + bytes(11) + bytes([5, len(config)]) + config
    stream = b"\0\0\0" + bytes([4, len(described)]) + described + b"\x06\x01\x02"
    entry = _box(
        b"mp4a",
        bytes(6), b"\0\1", bytes(8), struct.pack(">HHI", channels, 16, 0),
        struct.pack(">I", _RATES[rate] << 16 if _RATES[rate] < 65536 else 0),
        _box(b"esds", bytes(4), bytes([3, len(stream)]), stream),
    )  # fmt: skip
    return TrackForm(False, _RATES[rate], entry)


def init_segment(forms: Sequence[TrackForm]) -> bytes:
    """``ftyp`` and ``moov``; tracks are numbered from 1 in this order."""
    header = struct.pack(">IIIIIIH", 0, 0, 0, 1000, 0, 0x10000, 0x100)
    movie = _box(b"mvhd", header, bytes(10), _MATRIX, bytes(24), struct.pack(">I", len(forms) + 1))
    defaults = [_box(b"trex", struct.pack(">6I", 0, n, 1, 0, 0, 0)) for n, _ in _numbered(forms)]
    tracks = [_track(n, form) for n, form in _numbered(forms)]
    kind = _box(b"ftyp", b"iso5\0\0\2\0iso5iso6mp41")
    return kind + _box(b"moov", movie, *tracks, _box(b"mvex", *defaults))


def media_segment(number: int, runs: Iterable[tuple[int, bool, Sequence[Sample]]]) -> bytes:
    """One ``moof`` and one ``mdat``: of each track its id, whether it is a picture, its frames."""
    runs = [run for run in runs if run[2]]
    length = sum(map(_run_length, runs)) + 24
    offset, parts = length + 8, []
    content: list[Content] = []
    for track, is_picture, samples in runs:
        parts.append(_run(track, is_picture, samples, offset))
        content += [sample.content for sample in samples]
        offset += sum(len(sample.content) for sample in samples)
    moof = _box(b"moof", _box(b"mfhd", struct.pack(">II", 0, number)), *parts)
    return b"".join((moof, struct.pack(">I", offset - length), b"mdat", *content))


def _run_length(run: tuple[int, bool, Sequence[Sample]]) -> int:
    _, is_picture, samples = run
    return 8 + (16 if is_picture else 20) + 20 + 20 + len(samples) * (16 if is_picture else 8)


def _run(track: int, is_picture: bool, samples: Sequence[Sample], offset: int) -> bytes:
    if is_picture:
        head = _box(b"tfhd", struct.pack(">II", 0x020000, track))
        kind = 0x01000F01
        numbers: list[int] = []
        for _, duration, shown_later, is_key, content in samples:
            flags = _KEY if is_key else _OTHER
            numbers += (duration, len(content), flags, shown_later & 0xFFFFFFFF)
    else:
        head = _box(b"tfhd", struct.pack(">III", 0x020020, track, _KEY))
        kind = 0x01000301
        numbers = [field for each in samples for field in (each.duration, len(each.content))]
    time = _box(b"tfdt", struct.pack(">IQ", 0x01000000, samples[0].time))
    table = struct.pack(f">{len(numbers)}I", *numbers)
    return _box(
        b"traf", head, time,
        _box(b"trun", struct.pack(">III", kind, len(samples), offset), table),
    )  # fmt: skip


def _numbered(forms: Sequence[TrackForm]) -> Iterable[tuple[int, TrackForm]]:
    return enumerate(forms, 1)


def _track(number: int, form: TrackForm) -> bytes:
    header = _box(
        b"tkhd", struct.pack(">6I", 3, 0, 0, number, 0, 0), bytes(8),
        struct.pack(">HHHH", 0, 0, 0 if form.is_picture else 0x100, 0), _MATRIX,
        struct.pack(">II", form.width << 16, form.height << 16),
    )  # fmt: skip
    media = _box(b"mdhd", struct.pack(">5IHH", 0, 0, 0, form.scale, 0, 0x55C4, 0))
    handler = _box(b"hdlr", bytes(8), b"vide" if form.is_picture else b"soun", bytes(13))
    about = _box(b"vmhd", b"\0\0\0\1", bytes(8)) if form.is_picture else _box(b"smhd", bytes(8))
    places = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1), _box(b"url ", b"\0\0\0\1")))
    table = _box(
        b"stbl", _box(b"stsd", struct.pack(">II", 0, 1), form.entry), _box(b"stts", bytes(8)),
        _box(b"stsc", bytes(8)), _box(b"stsz", bytes(12)), _box(b"stco", bytes(8)),
    )  # fmt: skip
    return _box(b"trak", header, _box(b"mdia", media, handler, _box(b"minf", about, places, table)))


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content
