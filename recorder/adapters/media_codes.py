"""The reading child: ``python -m recorder.adapters.media_codes``.

Reads one JSON request from standard input, confines itself, looks at pictures of the first half
minute of an original for QR codes and writes one JSON line: ``{"codes": [[text, ms], …]}``, or
``{"away": sentence}`` when the source failed. It decodes hostile input and reads hostile codes:
if it dies, only it dies. What a code's text means is not decided here.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import av
import av.error
import av.logging
import zxingcpp

from recorder.adapters import media_probe
from recorder.adapters.confinement import Confinement, apply
from recorder.adapters.media_measure import open_original
from recorder.adapters.media_reader import Reader, SourceAwayError
from recorder.adapters.media_sniff import HEAD_BYTES, sniff
from recorder.domain.media import MAX_PIXELS

#: Officers film the code before they begin (docs/design/attribution.md).
FIRST_S = 30
#: Keyframes further apart than this leave a code out that is shown for some seconds.
_SPARSE_S = 2.5
_MOST_PICTURES = 60
#: Nothing we accept is longer; whoever puts a book into a code is not read.
MOST_CHARACTERS = 200
_MOST_CODES = 8
#: A code that a camera films is found in a picture of this width, and larger ones only take time.
_WIDEST = 1920
_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def find(reader: Reader) -> list[tuple[str, int]]:
    """Texts of the codes with the media time, in milliseconds, at which each is first seen.

    Pictures that do not decode have none. Raises SourceAwayError when the source failed.
    """
    looked = sniff(reader.read_at(0, HEAD_BYTES))
    if looked.problem:
        return []
    logging.getLogger("libav").addHandler(logging.NullHandler())
    logging.getLogger("libav").propagate = False
    av.logging.set_level(av.logging.ERROR)
    found: dict[str, int] = {}
    try:
        last_s, seen = 0.0, 0
        for at_s, picture in _pictures(reader, looked.container, keyframes=True):
            last_s, seen = at_s, seen + 1
            _read(picture, at_s, found)
        if (not found and last_s > _SPARSE_S * seen) or seen == 1:
            for at_s, picture in _pictures(reader, looked.container, keyframes=False):
                _read(picture, at_s, found)
    except (av.error.FFmpegError, EOFError, ValueError, MemoryError) as error:
        if reader.failure:
            raise SourceAwayError(reader.failure) from error
    if reader.failure:
        raise SourceAwayError(reader.failure)
    return list(found.items())


def _pictures(
    reader: Reader, container: str, *, keyframes: bool
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Keyframes, or one picture a second, of the first FIRST_S seconds."""
    with open_original(reader, container) as opened:
        stream = next(iter(opened.streams.video), None)
        if stream is None or stream.codec_context is None:
            return
        if stream.width * stream.height > MAX_PIXELS:
            return
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        if keyframes:
            stream.codec_context.skip_frame = "NONKEY"
        began: float | None = None
        due, shown = 0.0, 0
        for frame in opened.decode(stream):
            at_s = frame.time or 0.0
            began = at_s if began is None else began
            at_s -= began
            if at_s > FIRST_S or shown >= _MOST_PICTURES:
                return
            if keyframes or at_s >= due:
                due, shown = at_s + 1, shown + 1
                yield at_s, frame


def _read(picture: av.VideoFrame, at_s: float, found: dict[str, int]) -> None:
    width = min(_WIDEST, picture.width)
    height = max(1, picture.height * width // picture.width)
    plane = picture.reformat(width=width, height=height, format="gray").planes[0]
    view = zxingcpp.ImageView(
        memoryview(plane), width, height, zxingcpp.ImageFormat.Lum, plane.line_size
    )
    for code in zxingcpp.read_barcodes(view, formats=_FORMATS):
        if code.valid and len(code.text) <= MOST_CHARACTERS and len(found) < _MOST_CODES:
            found.setdefault(code.text, int(at_s * 1000))


def answer(request: dict[str, Any], limits: Confinement | None) -> dict[str, object]:
    """Look where the request says; ``limits`` of None leaves this process as it is."""
    try:
        reader, ports = media_probe.reader_of(request)
        if limits is not None:
            apply(replace(limits, readable=media_probe.CODE, ports=ports))
        return {"codes": find(reader)}
    except SourceAwayError as error:
        return {"away": str(error)}


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    limits = Confinement.from_json(request["limits"])
    sys.stdout.write(json.dumps(answer(request, limits)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
