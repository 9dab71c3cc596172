"""What is fetched for sources: queries, folders, buckets; each looked at when it is due.

``backfill`` of a pull: its rows are of the past, and are evaluated behind what happens today.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from recorder.adapters import row_files, sealed_words, sql_source
from recorder.domain.events import FeedPullAdded, FeedPullStopped
from recorder.domain.feed.problems import storable
from recorder.domain.ids import new_uuid
from recorder.domain.people import SERVICE, Actor
from recorder.errors import Conflict, InvalidInput, RecorderError
from recorder.runtime import Deps
from recorder.services import names
from recorder.services.feeding import sources, taking
from recorder.services.feeding.taking import Hand, Look, PullLost
from recorder.store.feed import pulls
from recorder.store.feed import sources as source_rows
from recorder.store.feed.pulls import Pull

logger = logging.getLogger(__name__)

_LONGEST_TROUBLE = 500
LEAST_EVERY_S, MOST_EVERY_S = 10, 86_400


async def add_sql(
    deps: Deps,
    actor: Actor,
    name: str,
    *,
    dsn: str,
    query: str,
    every_s: int = 60,
    backfill: bool = False,
) -> Pull:
    """Ask another PostgreSQL from now on, as that source.

    ``query`` has the watermark as ``$1`` and a column ``watermark``. It is tried at once. Raises
    NotFound ``feed-not-found``, and what ``sql_source.fetch`` raises.
    """
    await sql_source.fetch(dsn, query, "", 1)
    place = {"dsn": dsn, "query": query, "backfill": backfill}
    return await _add(deps, actor, name, "sql", place, every_s)


async def add_folder(
    deps: Deps,
    actor: Actor,
    name: str,
    *,
    folder: Path,
    every_s: int = 60,
    backfill: bool = False,
) -> Pull:
    """Take each file in a folder once from now on, as that source.

    Raises NotFound ``feed-not-found``, Unavailable ``pull-unreachable``.
    """
    await asyncio.to_thread(row_files.listed, folder, taking.LONGEST_FOLDER)
    place = {"folder": str(folder.absolute()), "backfill": backfill}
    return await _add(deps, actor, name, "folder", place, every_s)


async def add_bucket(
    deps: Deps,
    actor: Actor,
    name: str,
    *,
    address: str,
    access_key: str,
    secret_key: str,
    region: str = "us-east-1",
    every_s: int = 60,
    backfill: bool = False,
) -> Pull:
    """Take each object of a bucket once from now on, as that source.

    ``address`` is ``https://host/bucket/prefix``. Its list is asked for at once. Raises NotFound
    ``feed-not-found``, InvalidInput ``pull-address-invalid``, Forbidden
    ``pull-address-forbidden``, Unavailable ``pull-unreachable``.
    """
    from recorder.services.feeding import buckets

    place = {
        "address": address, "region": region, "backfill": backfill,
        "access_key": access_key, "secret_key": secret_key,
    }  # fmt: skip
    await buckets.ask(deps, place)
    return await _add(deps, actor, name, "bucket", place, every_s)


async def _add(
    deps: Deps, actor: Actor, name: str, kind: str, place: dict[str, Any], every_s: int
) -> Pull:
    if not LEAST_EVERY_S <= every_s <= MOST_EVERY_S:
        raise InvalidInput("pull-pace-invalid", f"Every {LEAST_EVERY_S} to {MOST_EVERY_S} seconds.")
    source = await sources.find(deps, actor, name)
    async with deps.change(actor) as change:
        pull_id = new_uuid(change.now)
        pull = Pull(
            id=pull_id,
            source=source.id,
            kind=kind,
            place=sealed_words.seal(deps.signer, _label(pull_id), json.dumps(place)),
            every_s=every_s,
            due_at=change.now,
            watermark="",
            pulled_at=None,
            trouble=None,
            stopped_at=None,
        )
        await pulls.insert(change, pull)
        change.record(
            FeedPullAdded(
                subject=source.id,
                agency=source.agency,
                title=source.name,
                pull=pull_id,
                kind=kind,
                every_s=every_s,
            )
        )
    return pull


def _label(pull: uuid.UUID) -> str:
    return f"feed pull {pull}"


async def stop(deps: Deps, actor: Actor, name: str, *, reason: str) -> int:
    """Fetch nothing for the source any more; how many pulls that ends.

    Raises NotFound ``feed-not-found``, Conflict ``pull-none``.
    """
    why = names.needed_reason(reason)
    source = await sources.find(deps, actor, name)
    async with deps.change(actor) as change:
        count = await pulls.stop(change, source.id)
        if not count:
            raise Conflict("pull-none", f"Nothing is fetched for {name}.")
        change.record(
            FeedPullStopped(subject=source.id, agency=source.agency, title=source.name, reason=why)
        )
    return count


async def pulls_of(deps: Deps, actor: Actor, name: str) -> list[Pull]:
    """What is fetched for the source, and how it went. Raises NotFound ``feed-not-found``."""
    source = await sources.find(deps, actor, name)
    async with deps.database.acquire() as connection:
        return await pulls.of_source(connection, source.id)


# --- fetching ------------------------------------------------------------------------------------


async def pull_due(deps: Deps) -> bool:
    """Fetch for one source that is due; whether there may be more. For the clock.

    Trouble is noted with the pull and tried again at its pace. A process that dies leaves the pull
    to others after a few minutes; whatever was taken by then is repeated.
    """
    async with deps.database.acquire() as connection:
        pull = await pulls.claim(connection, deps.clock.now())
        sources_there = await source_rows.listed(connection, SERVICE.scope) if pull else []
    if pull is None:
        return False
    source = next(each for each in sources_there if each.id == pull.source)
    hand = Hand(deps, pull, source)
    try:
        look = await _look(hand)
    except PullLost:
        return True
    except RecorderError as error:
        look = Look(trouble=f"{error.code}: {error.detail}")
    except Exception as error:
        logger.exception("the pull %s failed by our own mistake", pull.id)
        look = Look(trouble=f"pull-failed: {type(error).__name__}")
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        await pulls.settle(
            connection,
            hand.pull,
            now,
            next_at=now if look.again else now + timedelta(seconds=pull.every_s),
            watermark=look.watermark,
            behind=look.behind,
            trouble=storable(look.trouble)[:_LONGEST_TROUBLE] if look.trouble else None,
        )
    return True


async def _look(hand: Hand) -> Look:
    pull = hand.pull
    words = sealed_words.unseal(hand.deps.signer, _label(pull.id), pull.place)
    if words is None:
        raise InvalidInput("pull-unreadable", "It was sealed with another key; add it anew.")
    if hand.source.suspended_at is not None:
        return Look()
    place = json.loads(words)
    hand.is_backfill = place.get("backfill", False)
    match pull.kind:
        case "sql":
            return await taking.from_query(hand, place["dsn"], place["query"])
        case "bucket":
            # Loaded with the first one: it needs the S3 library.
            from recorder.services.feeding import buckets

            return await buckets.from_bucket(hand, place)
        case _:
            return await taking.from_folder(hand, Path(place["folder"]))
