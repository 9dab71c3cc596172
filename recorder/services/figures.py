"""The text that a monitoring system reads from a web service or a worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from recorder import metrics
from recorder.domain.alarm import AlarmCode
from recorder.domain.livestream import LivestreamState
from recorder.domain.pipeline import TASKS, WorkQueue
from recorder.errors import RecorderError
from recorder.metrics import Sample
from recorder.runtime import Deps
from recorder.services import delete_markers, ingest
from recorder.store import figures, fixity, store_looks
from recorder.store.connection import Connection

logger = logging.getLogger(__name__)

#: Below the ten seconds after which Prometheus gives up.
_PATIENCE_S = 5.0
#: Locks are extended each hour to a week more than is promised: one that has come this far
#: below the promise was not extended for days.
_LOCK_SHARE = 0.9
#: Superseded objects go within an hour of the end of their lock.
_A_DAY = timedelta(days=1)
_FAR_AHEAD = timedelta(days=36_500)
#: The address is open to everybody inside: however many ask, one connection is used.
_turns: WeakKeyDictionary[Deps, asyncio.Lock] = WeakKeyDictionary()


async def own_text(deps: Deps) -> str:
    """Figures of this process alone, for a sibling that was asked for all of them."""
    _show_usage(deps)
    return await asyncio.to_thread(metrics.own_exposition)


async def text(deps: Deps, processes: metrics.Processes | None = None) -> str:
    """Figures of this process and of the installation, in the format of Prometheus.

    With ``processes``, those of its siblings beside its own, each labelled with its number.
    Without a database those of the process are still told, and ``recorder_database_up`` is 0.
    """
    _show_usage(deps)
    try:
        async with (
            asyncio.timeout(_PATIENCE_S),
            _turns.setdefault(deps, asyncio.Lock()),
            deps.database.acquire() as connection,
        ):
            samples = await _read(connection, deps.clock.now(), deps.config.lock_ahead_s)
    except (RecorderError, TimeoutError) as error:
        logger.warning("figures of the installation cannot be read: %s", error)
        samples = [Sample("recorder_database_up", 0)]
    if (room := deps.objects.room_bytes()) is not None:
        samples.append(Sample("recorder_store_room_bytes", room))
    # Thousands of lines take some ten milliseconds, which senders need not wait for.
    return await asyncio.to_thread(metrics.exposition, samples, processes)


def _show_usage(deps: Deps) -> None:
    used = ingest.intake_usage(deps)
    metrics.OPEN_APPENDS.set(used.appends)
    metrics.BUFFER_USED_BYTES.set(used.buffer_used_bytes)
    metrics.BUFFER_LIMIT_BYTES.set(used.buffer_limit_bytes)


async def _read(connection: Connection, now: datetime, lock_ahead_s: int) -> list[Sample]:
    def age(since: datetime | None) -> float:
        return max(0.0, (now - since).total_seconds()) if since else 0.0

    locks_before = now + timedelta(seconds=lock_ahead_s * _LOCK_SHARE)
    samples = [
        Sample("recorder_database_up", 1),
        Sample("recorder_uploads_open", await figures.uploads_open(connection)),
        Sample(
            "recorder_oldest_unsealed_age_seconds", age(await figures.oldest_unsealed(connection))
        ),
        Sample(
            "recorder_originals_lock_expiring", await figures.locks_ending(connection, locks_before)
        ),
        Sample("recorder_recordings_quarantined", await figures.quarantined(connection)),
        Sample("recorder_recordings_unlinked", await figures.unlinked(connection)),
        Sample("recorder_fixity_oldest_age_seconds", age(await fixity.oldest_look(connection))),
        Sample(
            "recorder_compactions_waiting",
            await figures.compactions_waiting(connection, TASKS["compact"].priority),
        ),
        Sample(
            "recorder_superseded_objects", await figures.superseded(connection, now + _FAR_AHEAD)
        ),
        Sample("recorder_superseded_overdue", await figures.superseded(connection, now - _A_DAY)),
        Sample("recorder_fixity_failing", await fixity.count_failing(connection, figures.MOST)),
        *_by_task(await figures.failed_runs(connection)),
        *_by_code(await figures.alarms_open(connection)),
        *_by_state(await figures.livestreams(connection)),
    ]
    for queue in WorkQueue:
        found = await figures.queue(connection, queue.value, now)
        samples += [
            Sample("recorder_task_runs", found.pending, (queue.value, "pending")),
            Sample("recorder_task_runs", found.claimed, (queue.value, "claimed")),
            Sample("recorder_queue_age_seconds", age(found.oldest_due_at), (queue.value,)),
        ]
    if (look := await store_looks.last(connection, delete_markers.LOOK)) is not None:
        samples += [
            Sample("recorder_delete_markers", look.found),
            Sample("recorder_delete_markers_looked_age_seconds", age(look.finished_at)),
        ]
    if (ends := await figures.soonest_lock_end(connection)) is not None:
        samples.append(Sample("recorder_soonest_lock_end_seconds", (ends - now).total_seconds()))
    return samples


def _by_state(counts: dict[str, int]) -> Iterator[Sample]:
    """Livestreams that are not closed, zeros too."""
    for state in LivestreamState:
        if state is not LivestreamState.CLOSED:
            yield Sample("recorder_livestreams", counts.get(state.value, 0), (state.value,))


def _by_task(counts: dict[str, int]) -> Iterator[Sample]:
    """Zeros too: a series that is not there raises no alert."""
    for task in sorted({*TASKS, *counts}):
        yield Sample("recorder_task_runs_failed", counts.get(task, 0), (task,))


def _by_code(counts: dict[str, int]) -> Iterator[Sample]:
    for code in AlarmCode:
        labels = (code.value, code.severity.value)
        yield Sample("recorder_alarms_open", counts.get(code.value, 0), labels)
