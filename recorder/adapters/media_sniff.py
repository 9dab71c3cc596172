"""What the first bytes and the box structure of an original say, before any decoder sees it.

libav is never left to guess: the format found here is the only one it is allowed to open, so a
playlist dressed as a video is recognised as text and opened by nobody. Pure functions over a
callable that reads ranges; no files, no network, no libav.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from recorder.domain.media import Problem

#: Reads at most ``length`` bytes at ``offset``; shorter only at the end of the file.
ReadAt = Callable[[int, int], bytes]

#: How much of the beginning ``sniff`` wants to see.
HEAD_BYTES = 4096

#: Container name -> libav's demuxer. What is not here is not opened by name.
DEMUXERS = {
    "mov": "mov",
    "matroska": "matroska",
    "avi": "avi",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "flv": "flv",
    "asf": "asf",
    "mp3": "mp3",
    "aac": "aac",
    "wav": "wav",
    "ogg": "ogg",
    "h264": "h264",
    "hevc": "hevc",
    "jpeg": "jpeg_pipe",
    "png": "png_pipe",
    "gif": "gif",
    "webp": "webp_pipe",
    "bmp": "bmp_pipe",
}

#: The formats that libav may try on bytes that were not recognised (media.md 2).
GUESSABLE = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,mp3,aac,wav,ogg,h264,hevc"
)

_TOP_BOXES = frozenset(
    {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"moof"}
)
_PREFIXES = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"FLV\x01", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"ID3", "mp3"),
    (b"OggS", "ogg"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
)
_PLAYLIST = re.compile(
    rb"\s*(#EXTM3U|ffconcat\s|v=0[\r\n]|\[playlist\]|<asx|<smil|<SmoothStreamingMedia)"
    rb"|(?s:.{0,1024})<MPD[\s>]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A container to open, or the reason why nothing is opened; both empty means unknown."""

    container: str = ""
    problem: Problem = Problem.NONE


@dataclass(frozen=True, slots=True)
class IsoLayout:
    """The order of the top-level boxes of an ISO base media file (ISO/IEC 14496-12, 4.2)."""

    has_moov: bool = False
    moov_at_end: bool = False
    fragmented: bool = False
    #: A box promises bytes beyond the end of the file.
    cut: bool = False


def sniff(head: bytes) -> Sniffed:
    """Tell the container from the first ``HEAD_BYTES`` bytes of an original."""
    if not head:
        return Sniffed(problem=Problem.EMPTY)
    if head[4:8] in _TOP_BOXES:
        return Sniffed("mov")
    for prefix, container in _PREFIXES:
        # Words such as "BM" also begin a sentence.
        if head.startswith(prefix) and not (prefix.isascii() and _is_text(head)):
            return Sniffed(container)
    container = _sniff_structure(head)
    if container:
        return Sniffed(container)
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _PLAYLIST.match(text):
        return Sniffed(problem=Problem.PLAYLIST)
    if _is_text(text):
        return Sniffed(problem=Problem.NOT_MEDIA)
    return Sniffed()


def _sniff_structure(head: bytes) -> str:
    if head.startswith(b"RIFF"):
        return {b"AVI ": "avi", b"WAVE": "wav", b"WEBP": "webp"}.get(head[8:12], "")
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "mpegts"
    if len(head) > 388 and head[4] == head[196] == head[388] == 0x47:
        return "mpegts"
    if re.match(rb"\x00\x00(\x00)?\x01[\x27\x67]", head):
        return "h264"
    if re.match(rb"\x00\x00(\x00)?\x01\x40\x01", head):
        return "hevc"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "mp3"
    return ""


def _is_text(head: bytes) -> bool:
    """Whether there is not one control byte: no media container begins with such a stretch."""
    return all(byte >= 0x20 or byte in b"\t\n\r\f\x1b" for byte in head)


def iso_layout(read_at: ReadAt, size: int) -> IsoLayout:
    """Walk the top-level boxes; at most 100,000 of them, each costing one read of 16 bytes."""
    offset = 0
    moov = mdat = -1
    fragmented = cut = False
    for _ in range(100_000):
        if offset + 8 > size:
            cut = cut or offset < size
            break
        length, kind, header = _box(read_at(offset, 16), size - offset)
        if length < header or not _plausible(kind):
            # The bytes after the last sound box are no box: the tail is damaged or padded.
            break
        if kind == b"moov" and offset + length <= size:
            moov = offset
        elif kind == b"mdat" and mdat < 0:
            mdat = offset
        elif kind == b"moof":
            fragmented = True
        offset += length
        if offset > size:
            cut = True
            break
    return IsoLayout(
        has_moov=moov >= 0,
        moov_at_end=0 <= mdat < moov,
        fragmented=fragmented,
        cut=cut,
    )


def _box(header: bytes, remaining: int) -> tuple[int, bytes, int]:
    """Length, kind and length of the header of the box that begins with ``header``."""
    length, kind = int.from_bytes(header[:4], "big"), header[4:8]
    if length == 0:
        return remaining, kind, 8
    if length == 1 and len(header) == 16:
        return int.from_bytes(header[8:16], "big"), kind, 16
    return length, kind, 8


def _plausible(kind: bytes) -> bool:
    return len(kind) == 4 and all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind)


def riff_cut(head: bytes, size: int) -> bool:
    """Whether a RIFF file (AVI, WAV) promises more bytes than there are."""
    promised = int.from_bytes(head[4:8], "little")
    return 0 < promised < 0xFFFFFFFF and promised + 8 > size + 1
