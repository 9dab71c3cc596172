"""Reading a whole original with libav (PyAV) and stating what is in it.

One pass: every packet is demuxed, pictures are decoded within a budget, sound is decoded whole.
Beyond the budget every k-th group of pictures is decoded and the others are checked by the
lengths of their NAL units. Exit codes and promised lengths prove nothing (media.md 1), so the
verdict comes from what decoded. A quick look has a small budget, for sound as well, and says so.

Hostile input: runs only in the child of ``media_probe``, under its limits, and opens nothing but
the bytes it was given.
"""

from __future__ import annotations

import logging
from typing import Any, Never

import av
import av.error
import av.logging

from recorder.adapters.media_reader import FileView, Reader, SourceAwayError
from recorder.adapters.media_sniff import (
    DEMUXERS,
    GUESSABLE,
    HEAD_BYTES,
    iso_layout,
    riff_cut,
    sniff,
)
from recorder.adapters.media_tally import Tally, clean, nal_length_bytes, nal_lengths_fit
from recorder.domain.media import MAX_PIXELS, PICTURES, MediaFacts, Problem, StreamFacts

#: Pictures decoded in full: three minutes of 1080p at 30 frames a second. One minute took 12 s of
#: one processor at 10 Mbit/s (noise, the worst there is).
DECODE_BUDGET_PIXELS = 5_400 * 1920 * 1080
#: A quick look: four seconds of it, and about two minutes of sound. 100 MB of H.264 took 0.4 s of
#: one processor, decoded whole 6.5 s.
QUICK_BUDGET_PIXELS = 120 * 1920 * 1080
_QUICK_SOUND_PACKETS = 6_000

#: An error this close to the end of its stream is the cut itself, not damage.
_TAIL_MS = 250
_MAX_STREAMS = 32
_NOTE_CHARS = 300
_BUFFER_BYTES = 1 << 20
_PICTURE_OR_SOUND = ("video", "audio")
#: These mark frames that they had to conceal; other decoders only complain in the log.
_MARKING_DECODERS = frozenset({"h264", "hevc"})


def measure(
    reader: Reader,
    original_name: str,
    *,
    quick: bool = False,
    budget_pixels: int = DECODE_BUDGET_PIXELS,
) -> MediaFacts:
    """State what is in an original; whatever it holds, the answer is facts.

    A quick look that left something out is marked as ``first_look``.
    Raises SourceAwayError when the source, not the footage, is at fault.
    """
    head = reader.read_at(0, HEAD_BYTES)
    seen = sniff(head)
    if seen.problem:
        return MediaFacts(problem=seen.problem, original_name=original_name)
    layout = iso_layout(reader.read_at, reader.size) if seen.container == "mov" else None
    if layout is not None and not layout.has_moov:
        return MediaFacts(
            container="mov",
            problem=Problem.NO_INDEX,
            note="The file has no moov box: the camera never wrote the index.",
            original_name=original_name,
        )
    logging.getLogger("libav").addHandler(logging.NullHandler())
    logging.getLogger("libav").propagate = False
    av.logging.set_level(av.logging.ERROR)
    try:
        reading = _Reading(reader, seen.container, budget_pixels, quick=quick)
        reading.run()
    except (av.error.FFmpegError, EOFError, ValueError, MemoryError) as error:
        if reader.failure:
            raise SourceAwayError(reader.failure) from error
        return MediaFacts(
            container=seen.container,
            problem=Problem.DAMAGED if seen.container else Problem.NOT_MEDIA,
            note=clean(str(error) or type(error).__name__, _NOTE_CHARS),
            original_name=original_name,
        )
    if reader.failure:
        raise SourceAwayError(reader.failure)
    cut = reading.container == "mpegts" and head[0] == 0x47 and reader.size % 188 != 0
    if layout is not None:
        cut = layout.cut
    elif head.startswith(b"RIFF"):
        cut = riff_cut(head, reader.size)
    return reading.facts(
        original_name,
        cut=cut,
        moov_at_end=layout is not None and layout.moov_at_end,
        fragmented=layout is not None and layout.fragmented,
    )


def _refuse(url: str, flags: int, options: dict[str, str]) -> Never:
    """libav asks for a second file: an original is one file, so the answer is no."""
    raise PermissionError(f"Nothing but the original may be opened, not {url[:100]!r}.")


def open_original(reader: Reader, container: str) -> Any:
    """The original for libav by the one demuxer that our own look named, and nothing beside it."""
    return av.open(
        FileView(reader),
        mode="r",
        format=DEMUXERS.get(container),
        options={
            "format_whitelist": DEMUXERS.get(container, GUESSABLE),
            "protocol_whitelist": "none",
            "max_pixels": str(MAX_PIXELS),
        },
        metadata_errors="replace",
        buffer_size=_BUFFER_BYTES,
        io_open=_refuse,
    )


class _Reading:
    """One pass over one original."""

    def __init__(self, reader: Reader, container: str, budget_pixels: int, *, quick: bool) -> None:
        self._input: Any = open_original(reader, container)
        self.container = container or self._input.format.name.split(",")[0]
        self._streams: list[Any] = list(self._input.streams)[:_MAX_STREAMS]
        self._tallies = {stream.index: Tally() for stream in self._streams}
        self._too_large = any(
            width * height > MAX_PIXELS for width, height in map(_size, self._streams)
        )
        self._main = next((s.index for s in self._streams if _is_moving(s)), -1)
        self._budget_pixels = min(budget_pixels, QUICK_BUDGET_PIXELS) if quick else budget_pixels
        self._quick = quick
        self._left_out = False
        self._rotation = 0
        self._has_gps = any(_names_gps(stream) for stream in self._streams)
        self._note = ""

    def run(self) -> None:
        """Read to the end. Raises what libav raises for things that cannot be opened at all."""
        if self._too_large:
            return
        steps = {
            stream.index: _Sampling(self._every(stream), nal_length_bytes(stream))
            for stream in self._streams
            if stream.type in _PICTURE_OR_SOUND
        }
        for stream in self._streams:
            if stream.type in _PICTURE_OR_SOUND and stream.codec_context is not None:
                # One thread, so that an error belongs to the packet that was just sent.
                stream.codec_context.thread_count = 1
                stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        for packet in self._packets():
            tally = self._tallies.get(packet.stream_index)
            if tally is None:
                continue
            tally.add(packet)
            if packet.stream.type in _PICTURE_OR_SOUND:
                self._check(packet, tally, steps[packet.stream_index])
            elif packet.size and tally.packets <= 5:
                self._has_gps = self._has_gps or b"$G" in bytes(packet)[:64]

    def _packets(self) -> Any:
        """Packets to the end; a container that breaks off in the middle counts as one error."""
        try:
            yield from self._input.demux()
        except av.error.FFmpegError as error:
            self._note = self._note or clean(str(error), _NOTE_CHARS)
            if self._main >= 0:
                self._tallies[self._main].fail()

    def _every(self, stream: Any) -> int:
        """Decode every n-th group of pictures: 1 within the budget."""
        if stream.type != "video":
            return 1
        frames = stream.frames
        if not frames and self._input.duration and stream.average_rate:
            frames = int(self._input.duration * stream.average_rate / av.time_base)
        width, height = _size(stream)
        return max(1, -(-int(frames) * width * height // self._budget_pixels))

    def _check(self, packet: Any, tally: Tally, sampling: _Sampling) -> None:
        if packet.is_corrupt:
            tally.fail()
            self._note = self._note or "The container marks a packet as incomplete."
        if packet.stream.codec_context is None:
            return
        if self._quick and packet.stream.type == "audio" and tally.packets > _QUICK_SOUND_PACKETS:
            self._left_out = True
            return
        if not sampling.takes(packet):
            self._left_out = self._left_out or bool(packet.size)
            if packet.size and not sampling.fits(packet):
                tally.fail()
                self._note = self._note or "The lengths of the NAL units do not fit."
            return
        before = av.logging.get_last_error()[0]
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError) as error:
            tally.fail()
            self._note = self._note or clean(str(error), _NOTE_CHARS)
            return
        tally.decoded += bool(packet.size)
        bad = any(getattr(frame, "is_corrupt", False) for frame in frames)
        if packet.stream.type == "video" and packet.size:
            loud = av.logging.get_last_error()[0] > before
            bad = bad or (loud and packet.stream.codec_context.name not in _MARKING_DECODERS)
            if frames and packet.stream_index == self._main:
                self._rotation = round(frames[0].rotation) % 360
        if bad:
            tally.fail()
            last = av.logging.get_last_error()[1]
            self._note = self._note or clean(last[2] if last else "", _NOTE_CHARS)

    def facts(
        self, original_name: str, *, cut: bool, moov_at_end: bool, fragmented: bool
    ) -> MediaFacts:
        """What the pass found, together with what the boxes said."""
        metadata = self._input.metadata
        main = self._tallies.get(self._main, Tally())
        shown = [t for s, t in self._shown()]
        length_ms = max((t.length_ms for t in shown), default=0)
        if self.container in PICTURES:
            length_ms = 0
        promised_ms = int((self._input.duration or 0) * 1000 / av.time_base)
        inner = any(t.fails_before(_TAIL_MS) for t in shown)
        errors = sum(t.errors for t in shown)
        only_tail = not inner and errors > 0 and self.container != "mov"
        short = promised_ms - length_ms > max(1000, promised_ms // 50)
        truncated = cut or only_tail or (short and length_ms > 0)
        problem = Problem.TOO_LARGE if self._too_large else Problem.NONE
        if not problem and not any(t.packets for t in shown):
            problem = Problem.DAMAGED
        return MediaFacts(
            container=self.container,
            problem=problem,
            note=self._note,
            promised_ms=promised_ms,
            length_ms=length_ms,
            streams=tuple(
                _stream_facts(s, t, self._rotation, was_read=not self._too_large)
                for s, t in self._known()
            ),
            keyframes=main.keyframes,
            keyframe_distance_ms=main.keyframe_distance_ms,
            moov_at_end=moov_at_end,
            fragmented=fragmented,
            variable_rate=main.variable_rate,
            has_gps=self._has_gps,
            truncated=truncated,
            damaged=inner or (errors > 0 and not truncated),
            decode_errors=errors,
            checked_percent=100 * main.decoded // main.packets if main.packets else 0,
            first_look=self._quick and self._left_out,
            original_name=original_name,
            creation_time=clean(metadata.get("creation_time", ""), 64),
            timecode=self._tag("timecode"),
            location=clean(
                metadata.get("location", "")
                or metadata.get("com.apple.quicktime.location.ISO6709", ""),
                64,
            ),
            tags={
                clean(name, 64): clean(value, 256) for name, value in list(metadata.items())[:32]
            },
        )

    def _known(self) -> list[tuple[Any, Tally]]:
        return [(stream, self._tallies[stream.index]) for stream in self._streams]

    def _shown(self) -> list[tuple[Any, Tally]]:
        return [(s, t) for s, t in self._known() if s.type in _PICTURE_OR_SOUND]

    def _tag(self, name: str) -> str:
        places = [self._input.metadata, *(stream.metadata for stream in self._streams)]
        return clean(next((place[name] for place in places if name in place), ""), 64)


class _Sampling:
    """Which packets of a stream are decoded, and how the others are checked."""

    def __init__(self, every: int, nal_bytes: int) -> None:
        self._every = every
        self._nal_bytes = nal_bytes
        self._group = -1
        self._taking = False
        self._entered_pts: int | None = None

    def takes(self, packet: Any) -> bool:
        """Whether to decode this one; sets the decoder back where a new stretch begins."""
        if packet.stream.type != "video" or packet.size == 0:
            return packet.stream.type != "video" or self._taking
        if packet.is_keyframe:
            self._group += 1
            wanted = self._group % self._every == 0
            if wanted and not self._taking:
                if self._group:
                    packet.stream.codec_context.flush_buffers()
                self._entered_pts = packet.pts
            self._taking = wanted
        if not self._taking:
            return False
        # Leading pictures of an open group refer to a group that was not decoded.
        leads = (
            self._entered_pts is not None
            and packet.pts is not None
            and packet.pts < self._entered_pts
        )
        return not leads

    def fits(self, packet: Any) -> bool:
        """Whether a packet that is not decoded is at least built as its codec demands."""
        if self._nal_bytes == 0:
            return True
        return nal_lengths_fit(memoryview(bytes(packet)), self._nal_bytes)


def _is_moving(stream: Any) -> bool:
    """Whether it is a picture of the footage, not a cover image beside it."""
    return stream.type == "video" and not stream.disposition & 0x400


def _size(stream: Any) -> tuple[int, int]:
    """Width and height in pixels; zeros for sound and for codecs that libav does not know."""
    context = stream.codec_context
    if stream.type != "video" or context is None:
        return 0, 0
    return int(context.width), int(context.height)


def _names_gps(stream: Any) -> bool:
    if stream.type in _PICTURE_OR_SOUND:
        return False
    words = f"{stream.metadata.get('handler_name', '')} {stream.name or ''}".lower()
    return "gps" in words or "gpmd" in words


def _stream_facts(stream: Any, tally: Tally, rotation: int, *, was_read: bool) -> StreamFacts:
    context = stream.codec_context
    is_video, is_audio = _is_moving(stream), stream.type == "audio"
    width, height = _size(stream) if is_video else (0, 0)
    kind = "cover" if stream.type == "video" and not is_video else stream.type
    if kind in _PICTURE_OR_SOUND and (context is None or (was_read and not tally.packets)):
        # Promised by the header and not there: for a viewer it does not exist.
        kind = "missing"
    return StreamFacts(
        kind=kind,
        codec=context.codec.canonical_name if context is not None else "",
        tag=clean(context.codec_tag, 8) if context is not None else "",
        profile=clean((context.profile or "") if context is not None else "", 64),
        packets=tally.packets,
        length_ms=tally.length_ms,
        level=max(0, getattr(context, "level", 0) or 0) if is_video else 0,
        pix_fmt=(getattr(context, "pix_fmt", "") or "") if is_video else "",
        width=width,
        height=height,
        fps_milli=tally.fps_milli if is_video else 0,
        rotation=rotation if is_video else 0,
        sample_rate_hz=getattr(context, "sample_rate", 0) if is_audio else 0,
        channels=getattr(context, "channels", 0) if is_audio else 0,
    )
