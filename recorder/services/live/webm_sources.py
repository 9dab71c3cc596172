"""The bytes that the pictures of a chunk of WebM are decoded from.

Such chunks are slices of one file, cut anywhere: a decoder needs the description of the tracks out
of the first one, and everything from the last cluster on that begins with a keyframe. All of it is
read again for each chunk that somebody watches; nothing is kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from recorder.adapters.live_proxy import Section
from recorder.adapters.objects import Bucket
from recorder.domain import webm
from recorder.domain.livestream import Livestream, Segment
from recorder.domain.webm import Header
from recorder.runtime import Deps
from recorder.services.live import volumes
from recorder.store import livestream_chunks, livestream_segments

#: So many chunks before one are read to find a keyframe.
_RUN_UP = 8
#: What a recorder writes in that time, many times over.
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class WebmSource:
    """What a decoder is given, and what is to be shown of it."""

    chunk: Segment
    header: Header
    content: bytes
    section: Section


async def webm_source(deps: Deps, livestream: Livestream, number: int) -> WebmSource | None:
    """Everything that the pictures of a chunk need; None where none can be shown."""
    async with deps.database.acquire() as connection:
        led = await livestream_segments.run_up(connection, livestream.id, number, _RUN_UP)
        begins = await livestream_chunks.beginning(connection, livestream.id, 1)
        first = begins.number if begins else None
        opening = await livestream_segments.stored(connection, livestream.id, first or 0)
    if not led or led[-1].number != number or opening is None or begins is None:
        return None
    chunk = led[-1]
    if chunk.media_time_us is None or chunk.duration_us is None:
        return None
    described = await _read(deps, opening, begins.length)
    header = webm.read_header(described)
    if header is None:
        return None
    at_ms = chunk.media_time_us // 1000
    content = b""
    for place, each in enumerate(reversed(led)):
        if each.number != number - place or len(content) + each.length > _MOST_BYTES:
            return None
        content = await _read(deps, each, None) + content
        begin = await asyncio.to_thread(webm.cluster_before, header, content, at_ms)
        if begin is not None:
            return WebmSource(chunk, header, described + content[begin:], _section(header, chunk))
    return None


def _section(header: Header, chunk: Segment) -> Section:
    begins_us = chunk.media_time_us or 0
    ends_us = begins_us + (chunk.duration_us or 0)
    return Section(begins_us / 1_000_000, ends_us / 1_000_000, header.has_sound)


async def _read(deps: Deps, chunk: Segment, length: int | None) -> bytes:
    """The first bytes of a chunk, or all; empty where it is gone."""
    async with deps.database.acquire() as connection:
        where = await volumes.located(connection, chunk)
    if where is None:
        return b""
    key, version, begins = where
    blocks = deps.objects.read(
        Bucket.ORIGINALS, key, version, offset=begins, length=length or chunk.length
    )
    return b"".join([block async for block in blocks])
