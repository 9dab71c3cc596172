"""Task runs: pending, claimed, finished work of any subject. Below change.py.

Claims, leases and progress are no evidence and take a plain Connection; so does ``start``, which
only Change calls. What a run *achieved* is written by the Change that finishes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.events import CustodyEvent
from recorder.domain.ids import AgencyId, TaskRunId, new_uuid
from recorder.domain.people import Scope
from recorder.domain.pipeline import TASKS, Task, WorkQueue
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "id, task, queue, subject_kind, subject_id, agency_id, state, attempt, failures, due_at,"
    " lease_until, worker, progress, error_code, error_detail, created_at, started_at, finished_at,"
    " error_facts"
)
#: No run is ever put off this long (beyond a lease): see ``claim``.
_LONGEST_WAIT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """One task for one subject, with its attempts."""

    id: TaskRunId
    task: str
    queue: WorkQueue
    subject_kind: str
    subject_id: uuid.UUID
    agency: AgencyId | None
    state: str
    attempt: int
    failures: int
    due_at: datetime
    lease_until: datetime | None
    worker: str | None
    progress: dict[str, int] | None
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error_facts: Mapping[str, object] | None


def _from_row(row: Row) -> TaskRun:
    return TaskRun(
        id=row["id"],
        task=row["task"],
        queue=WorkQueue(row["queue"]),
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        agency=row["agency_id"],
        state=row["state"],
        attempt=row["attempt"],
        failures=row["failures"],
        due_at=row["due_at"],
        lease_until=row["lease_until"],
        worker=row["worker"],
        progress=row["progress"],
        error_code=row["error_code"],
        error_detail=row["error_detail"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error_facts=row["error_facts"],
    )


async def start(
    connection: Connection, wanted: Sequence[tuple[Task, CustodyEvent]], now: datetime
) -> list[tuple[WorkQueue, TaskRunId]]:
    """Make the run of each task for its event's subject due; gives those that were not there."""
    if not wanted:
        return []
    rows = await connection.fetch(
        "INSERT INTO task_run (id, task, queue, priority, subject_kind, subject_id, agency_id,"
        " due_at, created_at) SELECT w.*, $8::timestamptz, $8 FROM unnest($1::uuid[], $2::text[],"
        " $3::text[], $4::int[], $5::text[], $6::uuid[], $7::uuid[]) AS w"
        " ON CONFLICT (task, subject_kind, subject_id) DO NOTHING RETURNING queue, id",
        [new_uuid(now) for _ in wanted],
        [task.name for task, _ in wanted],
        [task.queue.value for task, _ in wanted],
        [task.priority for task, _ in wanted],
        [event.SUBJECT.value for _, event in wanted],
        [event.subject for _, event in wanted],
        [event.agency for _, event in wanted],
        now,
    )
    return [(WorkQueue(row["queue"]), row["id"]) for row in rows]


async def some_due(
    connection: Connection, queue: WorkQueue, now: datetime, least_priority: int = 0
) -> bool:
    """Whether work of this queue, of at least that priority, is due that nobody has taken."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM task_run"
        " WHERE queue = $1 AND state = 'pending' AND due_at <= $2 AND priority >= $3)",
        queue.value,
        now,
        least_priority,
    )
    return found


async def claim(
    connection: Connection,
    queue: WorkQueue,
    worker: str,
    now: datetime,
    lease: timedelta,
    *,
    least_priority: int = 0,
) -> TaskRun | None:
    """Take the most urgent due run of the queue for this worker, or none of that priority.

    Runs of tasks that only a newer version knows are left to its workers.
    Also takes runs whose lease has ended, counting that as a failure: their worker is gone.
    What is due further ahead than anything can be was written before the clock went back.
    Two workers never get the same attempt.
    """
    row = await connection.fetchrow(
        f"UPDATE task_run SET state = 'claimed', attempt = attempt + 1, worker = $2,"  # noqa: S608 - constant text
        " failures = failures + (state = 'claimed')::int,"
        " lease_until = $4, started_at = $3, progress = NULL"
        " WHERE id = (SELECT id FROM task_run WHERE queue = $1 AND task = ANY($5)"
        " AND priority >= $6"
        " AND ((state = 'pending' AND (due_at <= $3 OR due_at > $7))"
        " OR (state = 'claimed' AND (lease_until < $3 OR lease_until > $7)))"
        " ORDER BY priority DESC, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
        f" RETURNING {_COLUMNS}",
        queue.value,
        worker,
        now,
        now + lease,
        list(TASKS),
        least_priority,
        now + lease + _LONGEST_WAIT,
    )
    return _from_row(row) if row else None


async def heartbeat(
    connection: Connection,
    run: TaskRunId,
    attempt: int,
    lease_until: datetime,
    progress: dict[str, int] | None,
) -> bool:
    """Extend the lease and show the progress; False when the attempt is no longer ours."""
    touched = await connection.execute(
        "UPDATE task_run SET lease_until = $3, progress = coalesce($4, progress)"
        " WHERE id = $1 AND attempt = $2 AND state = 'claimed'",
        run,
        attempt,
        lease_until,
        progress,
    )
    return touched == 1


async def is_ours(connection: Connection, run: TaskRunId, attempt: int) -> bool:
    """Whether this attempt is the present one; until the commit it stays so."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM task_run"
        " WHERE id = $1 AND attempt = $2 AND state = 'claimed' FOR SHARE)",
        run,
        attempt,
    )
    return found


async def give_back(
    connection: Connection,
    run: TaskRunId,
    attempt: int,
    due_at: datetime,
    *,
    counted: bool,
    code: str | None = None,
    detail: str | None = None,
    facts: Mapping[str, object] | None = None,
) -> bool:
    """Return a claimed run to the queue; ``counted`` adds a failure."""
    touched = await connection.execute(
        "UPDATE task_run SET state = 'pending', due_at = $3, lease_until = NULL, worker = NULL,"
        " progress = NULL, failures = failures + $4::int, error_code = $5, error_detail = $6,"
        " error_facts = $7"
        " WHERE id = $1 AND attempt = $2 AND state = 'claimed'",
        run,
        attempt,
        due_at,
        int(counted),
        code,
        detail,
        dict(facts) if facts is not None else None,
    )
    return touched == 1


async def finish(connection: Connection, run: TaskRunId, attempt: int, now: datetime) -> bool:
    """Mark the attempt done; False when it is no longer ours, and then nothing may be committed."""
    touched = await connection.execute(
        "UPDATE task_run SET state = 'done', finished_at = $3, lease_until = NULL,"
        " progress = NULL, error_code = NULL, error_detail = NULL, error_facts = NULL"
        " WHERE id = $1 AND attempt = $2 AND state = 'claimed'",
        run,
        attempt,
        now,
    )
    return touched == 1


async def fail(
    connection: Connection,
    run: TaskRunId,
    attempt: int,
    now: datetime,
    code: str,
    detail: str,
    facts: Mapping[str, object],
) -> bool:
    """Mark the run failed for good, with its reason; a person may retry it."""
    touched = await connection.execute(
        "UPDATE task_run SET state = 'failed', finished_at = $3, lease_until = NULL,"
        " progress = NULL, failures = failures + 1, error_code = $4, error_detail = $5,"
        " error_facts = $6"
        " WHERE id = $1 AND attempt = $2 AND state = 'claimed'",
        run,
        attempt,
        now,
        code,
        detail,
        dict(facts),
    )
    return touched == 1


async def retry(connection: Connection, run: TaskRunId, now: datetime) -> bool:
    """Make a failed run due again with all its tries; False when it is not failed."""
    touched = await connection.execute(
        "UPDATE task_run SET state = 'pending', due_at = $2, failures = 0, finished_at = NULL"
        " WHERE id = $1 AND state = 'failed'",
        run,
        now,
    )
    return touched == 1


async def find(connection: Connection, run: TaskRunId, scope: Scope) -> TaskRun | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM task_run"  # noqa: S608 - constant text
        " WHERE id = $1 AND in_scope(agency_id, $2)",
        run,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def of_subject(connection: Connection, kind: str, subject: uuid.UUID) -> list[TaskRun]:
    """Every run about one subject, in the order in which they began to exist."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM task_run"  # noqa: S608 - constant text
        " WHERE subject_kind = $1 AND subject_id = $2 ORDER BY created_at, priority DESC",
        kind,
        subject,
    )
    return [_from_row(row) for row in rows]


async def unfinished(connection: Connection, scope: Scope, limit: int) -> list[TaskRun]:
    """Claimed runs first, then pending ones, for the page of work in progress."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM task_run"  # noqa: S608 - constant text
        " WHERE state IN ('pending', 'claimed') AND in_scope(agency_id, $1)"
        " ORDER BY state, priority DESC, due_at LIMIT $2",
        scope.agencies,
        limit,
    )
    return [_from_row(row) for row in rows]


async def failed(
    connection: Connection,
    scope: Scope,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[TaskRun]:
    """Failed runs, newest first, by key ``(finished_at, id)``."""
    at, run = before or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM task_run"  # noqa: S608 - constant text
        " WHERE state = 'failed' AND in_scope(agency_id, $1)"
        " AND ($2::timestamptz IS NULL OR (finished_at, id) < ($2, $3))"
        " ORDER BY finished_at DESC, id DESC LIMIT $4",
        scope.agencies,
        at,
        run,
        limit,
    )
    return [_from_row(row) for row in rows]
