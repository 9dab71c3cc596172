"""The body of a feed: JSON lines or an array, read and taken batch by batch, never held whole."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from aiohttp import web

from recorder.domain.feed.problems import Problem
from recorder.domain.feed.rows import FeedRow
from recorder.domain.feed.splitting import ArraySplitter, LineSplitter
from recorder.domain.people import Actor
from recorder.errors import RecorderError, TooLarge, Unsupported
from recorder.runtime import Deps
from recorder.services.feeding import receiving
from recorder.services.feeding.batch import RowAnswer
from recorder.services.feeding.receiving import BATCH_ROWS
from recorder.store.feed.sources import FeedSource
from recorder.web.body import refuse_encoding, send_continue

MAX_FEED_BYTES = 32 * 1024 * 1024
#: One answer holds so many lines.
MAX_FEED_ROWS = 20_000
Splitter: TypeAlias = LineSplitter | ArraySplitter
_Take: TypeAlias = Callable[[Sequence[FeedRow | Problem]], Awaitable[list[RowAnswer]]]
_SPLITTERS: dict[str, type[Splitter]] = {
    "application/json": ArraySplitter,
    "application/x-ndjson": LineSplitter,
    "application/ndjson": LineSplitter,
    "application/jsonl": LineSplitter,
}


async def take_rows(
    request: web.Request, deps: Deps, actor: Actor, source: FeedSource, *, backfill: bool
) -> list[RowAnswer]:
    """What became of each row of the body; whole batches count although what follows fails.

    Raises Unsupported ``feed-media-type``, TooLarge ``feed-too-large``, and what ``receive``
    raises; ``rows`` says how many had been taken by then.
    """
    splitter = _SPLITTERS.get(request.content_type)
    if splitter is None:
        raise Unsupported(
            "feed-media-type", "Send an array as application/json, or application/x-ndjson."
        )
    refuse_encoding(request, "feed-media-type")
    if (request.content_length or 0) > MAX_FEED_BYTES:
        raise _too_large()
    await send_continue(request)
    answers: list[RowAnswer] = []
    take = functools.partial(receiving.receive, deps, actor, source, backfill=backfill)
    try:
        await _read(request, take, splitter(), answers)
    except RecorderError as error:
        error.facts["rows"] = len(answers)
        raise
    return answers


async def _read(
    request: web.Request, take: _Take, splitter: Splitter, answers: list[RowAnswer]
) -> None:
    waiting: list[FeedRow | Problem] = []
    length = 0
    while piece := await request.content.readany():
        length += len(piece)
        if length > MAX_FEED_BYTES:
            raise _too_large()
        waiting += splitter.feed(piece)
        while len(waiting) >= BATCH_ROWS:
            batch, waiting = waiting[:BATCH_ROWS], waiting[BATCH_ROWS:]
            await _take(take, batch, answers)
    waiting += splitter.end()
    if waiting:
        await _take(take, waiting, answers)


async def _take(take: _Take, batch: list[FeedRow | Problem], answers: list[RowAnswer]) -> None:
    if len(answers) + len(batch) > MAX_FEED_ROWS:
        raise _too_large()
    answers += await take(batch)


def _too_large() -> TooLarge:
    return TooLarge(
        "feed-too-large",
        f"A body has at most {MAX_FEED_ROWS} rows and {MAX_FEED_BYTES} bytes; send several.",
        limit=MAX_FEED_BYTES,
    )
