"""Versions of duty lists. Approved ones are evidence of what was asked for: they never change."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.duty import DutyLevel, DutyList, DutyRule
from recorder.domain.ids import AgencyId, ApprovalId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "l.id, l.agency_id, a.code AS agency_code, l.version, l.profile, l.title, l.note,"
    " l.valid_from, l.valid_to, l.state, l.bases, l.wording, l.marking_days, l.drafted_at,"
    " l.drafted_by, l.approval_id, l.approved_at, l.approved_by"
)
_RULE_COLUMNS = (
    "code, level, act_type, stage, scene, matter, starts, ends, place, means, recorder,"
    " content, announcement, voice_statement, officers, scan, retention, deadline, legal_basis"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHeader:
    """A version of a list without its rules."""

    id: uuid.UUID
    agency: AgencyId
    agency_code: str
    version: int
    profile: str | None
    title: str
    note: str
    valid_from: date
    valid_to: date | None
    #: draft, proposed or approved.
    state: str
    bases: dict[str, str]
    #: What officers say at the beginning.
    wording: str
    #: Within how many days after it arrived footage is to be marked; None: nothing is due.
    marking_days: int | None
    drafted_at: datetime
    drafted_by: str
    approval: ApprovalId | None
    approved_at: datetime | None
    approved_by: str | None

    def with_rules(self, rules: Sequence[DutyRule]) -> DutyList:
        """The list as the engine reads it."""
        return DutyList(
            id=self.id,
            agency=self.agency,
            profile=self.profile,
            version=self.version,
            title=self.title,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            rules=tuple(rules),
            bases=self.bases,
            wording=self.wording,
            marking_days=self.marking_days,
        )


def _from_row(row: Row) -> ListHeader:
    return ListHeader(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        version=row["version"],
        profile=row["profile"],
        title=row["title"],
        note=row["note"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        state=row["state"],
        bases=row["bases"],
        wording=row["wording"],
        marking_days=row["marking_days"],
        drafted_at=row["drafted_at"],
        drafted_by=row["drafted_by"],
        approval=row["approval_id"],
        approved_at=row["approved_at"],
        approved_by=row["approved_by"],
    )


def _rule_from_row(row: Row) -> DutyRule:
    return DutyRule(
        code=row["code"],
        level=DutyLevel(row["level"]),
        act_type=ActType(row["act_type"]) if row["act_type"] else None,
        stage=Stage(row["stage"]) if row["stage"] else None,
        scene=EventKind(row["scene"]) if row["scene"] else None,
        matter=row["matter"],
        starts=row["starts"],
        ends=row["ends"],
        place=row["place"],
        means=row["means"],
        recorder=row["recorder"],
        content=row["content"],
        announcement=row["announcement"],
        voice_statement=row["voice_statement"],
        officers=row["officers"],
        scan=row["scan"],
        retention=row["retention"],
        deadline=row["deadline"],
        legal_basis=row["legal_basis"],
    )


# --- reading ---------------------------------------------------------------------------------


async def find(connection: Connection, list_id: uuid.UUID, scope: Scope) -> ListHeader | None:
    """The list, if it is in scope."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM duty_list l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE l.id = $1 AND in_scope(l.agency_id, $2)",
        list_id,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def lock(change: Change, list_id: uuid.UUID, scope: Scope) -> ListHeader | None:
    """The list, kept as it is until the transaction ends."""
    row = await change.connection.fetchrow(
        f"SELECT {_COLUMNS} FROM duty_list l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE l.id = $1 AND in_scope(l.agency_id, $2) FOR UPDATE OF l",
        list_id,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def listed(
    connection: Connection,
    scope: Scope,
    agency: str | None,
    state: str | None,
    before: tuple[date, uuid.UUID] | None,
    limit: int,
) -> list[ListHeader]:
    """Versions in scope, the newest first day first, by key ``(valid_from, id)``.

    ``agency``: that of this code alone; ids of an agency's versions are in their order.
    """
    day, last = before or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM duty_list l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE in_scope(l.agency_id, $1) AND ($2::text IS NULL OR a.code = $2)"
        " AND ($3::text IS NULL OR l.state = $3)"
        " AND ($4::date IS NULL OR (l.valid_from, l.id) < ($4, $5::uuid))"
        " ORDER BY l.valid_from DESC, l.id DESC LIMIT $6",
        scope.agencies,
        agency,
        state,
        day,
        last,
        limit,
    )
    return [_from_row(row) for row in rows]


async def approved(connection: Connection, agencies: Collection[AgencyId]) -> list[ListHeader]:
    """Every approved version of these agencies."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM duty_list l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE l.state = 'approved' AND l.agency_id = ANY($1)",
        list(agencies),
    )
    return [_from_row(row) for row in rows]


async def rules_of(
    connection: Connection, lists: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[DutyRule]]:
    """The rules of these lists, each in its own order."""
    rows = await connection.fetch(
        f"SELECT list_id, {_RULE_COLUMNS} FROM duty_rule WHERE list_id = ANY($1)"  # noqa: S608 - constant text
        " ORDER BY list_id, n",
        list(lists),
    )
    found: dict[uuid.UUID, list[DutyRule]] = {each: [] for each in lists}
    for row in rows:
        found[row["list_id"]].append(_rule_from_row(row))
    return found


# --- writing ---------------------------------------------------------------------------------


async def insert(change: Change, made: ListHeader) -> int:
    """Write a draft with the next version number of its agency; gives that number."""
    version: int = await change.connection.fetchval(
        "INSERT INTO duty_list (id, agency_id, version, profile, title, note, valid_from,"
        " valid_to, bases, drafted_at, drafted_by, wording, marking_days)"
        " SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12"
        " FROM duty_list WHERE agency_id = $2 RETURNING version",
        made.id,
        made.agency,
        made.profile,
        made.title,
        made.note,
        made.valid_from,
        made.valid_to,
        made.bases,
        made.drafted_at,
        made.drafted_by,
        made.wording,
        made.marking_days,
    )
    return version


async def amend(
    change: Change,
    list_id: uuid.UUID,
    *,
    title: str,
    note: str,
    valid_from: date,
    valid_to: date | None,
    wording: str,
    marking_days: int | None,
) -> None:
    """Other words and days of a draft."""
    await change.connection.execute(
        "UPDATE duty_list SET title = $2, note = $3, valid_from = $4, valid_to = $5,"
        " wording = $6, marking_days = $7"
        " WHERE id = $1 AND state = 'draft'",
        list_id,
        title,
        note,
        valid_from,
        valid_to,
        wording,
        marking_days,
    )


async def set_proposed(change: Change, list_id: uuid.UUID, approval: ApprovalId | None) -> None:
    """A proposal stands; or None does any more, and the list is a draft again."""
    await change.connection.execute(
        "UPDATE duty_list SET state = CASE WHEN $2::uuid IS NULL THEN 'draft' ELSE 'proposed' END,"
        " approval_id = $2 WHERE id = $1",
        list_id,
        approval,
    )


async def set_approved(change: Change, list_id: uuid.UUID) -> None:
    """In force from its first day on, by the actor of the change."""
    await change.connection.execute(
        "UPDATE duty_list SET state = 'approved', approved_at = $2, approved_by = $3 WHERE id = $1",
        list_id,
        change.now,
        change.actor.name,
    )


async def remove_rules(change: Change, list_id: uuid.UUID) -> None:
    """Make room for other rules of a draft."""
    await change.connection.execute("DELETE FROM duty_rule WHERE list_id = $1", list_id)


async def insert_rules(change: Change, list_id: uuid.UUID, rules: Sequence[DutyRule]) -> None:
    """Write the rules of a draft in their order."""
    await change.connection.executemany(
        f"INSERT INTO duty_rule (list_id, n, {_RULE_COLUMNS})"  # noqa: S608 - constant text
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
        " $18, $19, $20, $21)",
        [
            (
                list_id,
                n,
                rule.code,
                rule.level.value,
                rule.act_type.value if rule.act_type else None,
                rule.stage.value if rule.stage else None,
                rule.scene.value if rule.scene else None,
                rule.matter,
                rule.starts,
                rule.ends,
                rule.place,
                rule.means,
                rule.recorder,
                rule.content,
                rule.announcement,
                rule.voice_statement,
                rule.officers,
                rule.scan,
                rule.retention,
                rule.deadline,
                rule.legal_basis,
            )
            for n, rule in enumerate(rules)
        ],
    )
