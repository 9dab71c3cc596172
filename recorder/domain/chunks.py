"""What chunks say of themselves: slices of one file, cut anywhere, judged one by one.

Browsers cut fragmented MP4 between its boxes; such a chunk is shown as it is. Whatever does not
end where a box ends is kept and not shown.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

#: More boxes than this are no few seconds of a recorder.
_MOST_BOXES = 10_000
_HEADER = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class ChunkShape:
    """How a chunk of MP4 is built."""

    #: Whether it begins and ends where boxes do.
    whole: bool
    #: Bytes of the init segment at its beginning, 0 where there is none.
    init_length: int


def read_shape(content: bytes) -> ChunkShape:
    """Walk the outermost boxes of a chunk; hostile bytes are a chunk that is not whole."""
    position = init_length = 0
    begins_file = content[4:8] == b"ftyp"
    for _ in range(_MOST_BOXES):
        if position == len(content):
            return ChunkShape(True, init_length)
        if position + _HEADER.size > len(content):
            break
        size, kind = _HEADER.unpack_from(content, position)
        header = _HEADER.size
        if size == 1 and position + header + _LARGE.size <= len(content):
            (size,) = _LARGE.unpack_from(content, position + header)
            header += _LARGE.size
        if size < header or position + size > len(content):
            break
        position += size
        if kind == b"moov" and begins_file and not init_length:
            init_length = position
    return ChunkShape(False, init_length)
