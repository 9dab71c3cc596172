"""What people ask for, drawn from what is there: whole numbers, beginnings, fragments, pages."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from recorder.domain.case_number import fragment_key
from recorder.domain.ids import AgencyId
from recorder.services.paging import encode_cursor
from recorder.store.connection import Connection

#: A fragment in this share of all numbers is common; in a tenth of it, rare.
COMMON = 0.001
_SAMPLE = 100_000


@dataclass(frozen=True, slots=True)
class Organ:
    """An agency with how many cases it has."""

    id: AgencyId
    code: str
    cases: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is shown, and its organ."""

    norm: str
    key: str
    agency: AgencyId


async def organs(connection: Connection) -> list[Organ]:
    """The largest agency, one in the middle, the smallest."""
    rows = await connection.fetch(
        "SELECT a.id, a.code, count(*) AS n FROM case_file c JOIN agency a ON a.id = c.agency_id"
        " GROUP BY a.id ORDER BY n DESC"
    )
    found = [Organ(row["id"], row["code"], row["n"]) for row in rows]
    return [found[0], found[len(found) // 2], found[-1]]


async def numbers(connection: Connection, agency: AgencyId | None) -> list[Number]:
    """Numbers drawn at random, of one agency or of all; the same in every run."""
    if agency is None:
        sql = "case_identifier TABLESAMPLE SYSTEM (2) REPEATABLE (7)"
    else:
        sql = "(SELECT * FROM case_identifier WHERE agency_id = $1) i"
    rows = await connection.fetch(
        f"SELECT norm, key, agency_id FROM {sql}",  # noqa: S608 - constant text
        *([] if agency is None else [agency]),
    )
    chance = random.Random(7)
    drawn = chance.sample(rows, min(_SAMPLE, len(rows)))
    return [Number(row["norm"], row["key"], row["agency_id"]) for row in drawn]


def fragments(numbers_there: list[Number], sample: list[Number], many: int) -> dict[str, list[str]]:
    """Pieces of two to eight characters of those numbers: rare, between and common ones.

    Fewer than so ``many`` where a small agency has none of a kind.
    ``sample`` tells how common a piece is among all numbers.
    """
    chance = random.Random(11)
    # One text: looking through it once is much faster than through each key.
    everything = "\n".join(number.key for number in sample)
    kinds: dict[str, list[str]] = {"rare": [], "between": [], "common": []}
    for _ in range(30 * many):
        if all(len(found) == many for found in kinds.values()):
            break
        norm = chance.choice(numbers_there).norm
        length = min(chance.randint(2, 8), len(norm))
        start = chance.randint(0, len(norm) - length)
        piece = norm[start : start + length]
        key = fragment_key(piece)
        if len(key) < 2:
            continue
        share = everything.count(key) / len(sample)
        kind = "common" if share >= COMMON else "rare" if share <= COMMON / 10 else "between"
        if len(kinds[kind]) < many:
            kinds[kind].append(piece)
    return kinds


def beginnings(numbers_there: list[Number], many: int) -> list[str]:
    """First characters of numbers, from two to all but one."""
    chance = random.Random(13)
    found: list[str] = []
    while len(found) < many:
        norm = chance.choice(numbers_there).norm
        found.append(norm[: chance.randint(2, len(norm) - 1)])
    return found


def cases(**query: str) -> str:
    return "/api/v1/cases?" + urlencode(query)


@dataclass(frozen=True, slots=True)
class Edges:
    """Cursors into a list by time of birth: none, the middle, near the end."""

    first: datetime
    last: datetime

    def cursors(self) -> dict[str, str]:
        late, middle = self.first + timedelta(hours=1), self.first + (self.last - self.first) / 2
        return {
            "first": "",
            "middle": encode_cursor(middle, _HIGHEST),
            "last": encode_cursor(late, _HIGHEST),
        }


_HIGHEST = uuid.UUID(int=(1 << 128) - 1)


async def edges(connection: Connection, table: str) -> Edges:
    row = await connection.fetchrow(
        f"SELECT min(created_at) AS first, max(created_at) AS last FROM {table}"  # noqa: S608 - constant names
    )
    assert row is not None
    return Edges(row["first"], row["last"])


@dataclass(frozen=True, slots=True)
class Footage:
    """Values to filter by that exist."""

    device: str
    officer: str
    name: str
    at: datetime


async def footage(connection: Connection, agency: AgencyId) -> list[Footage]:
    """Some recordings of an agency, spread over its time."""
    rows = await connection.fetch(
        "SELECT * FROM (SELECT device_number, officer, original_name, created_at,"
        " row_number() OVER (ORDER BY created_at) AS k, count(*) OVER () AS n FROM recording"
        " WHERE agency_id = $1) r WHERE k % (n / 8 + 1) = n / 16 ORDER BY k",
        agency,
    )
    return [
        Footage(r["device_number"], r["officer"], r["original_name"], r["created_at"]) for r in rows
    ]


def filters(some: Footage, code: str) -> dict[str, dict[str, str]]:
    """Filters of the list of footage, alone and together, with values of that recording."""
    day = f"{some.at:%Y-%m-%d}"
    month = {"from": f"{some.at - timedelta(days=15):%Y-%m-%d}",
             "to": f"{some.at + timedelta(days=15):%Y-%m-%d}"}  # fmt: skip
    return {
        "none": {"linked": ""},
        "device": {"device": some.device},
        "device unknown": {"device": "no such device"},
        "officer": {"officer": some.officer},
        "day": {"from": day, "to": day},
        "month": month,
        "from": {"from": day},
        "to": {"to": day},
        "state received": {"state": "received"},
        "state mismatched": {"state": "mismatched"},
        "state quarantined": {"state": "quarantined"},
        "state sealed": {"state": "sealed"},
        "flag truncated": {"flag": "truncated"},
        "flag incomplete_upload": {"flag": "incomplete_upload"},
        "flag unknown": {"flag": "long_gop"},
        "linked no": {"linked": "no"},
        "linked yes": {"linked": "yes"},
        "q whole name": {"q": some.name},
        "q serial of a device": {"q": some.device},
        "q a day": {"q": f"{some.at:%Y%m%d}"},
        "q nothing fits": {"q": "holiday in spain"},
        "q common": {"q": ".mp4"},
        "agency": {"agency": code},
        "agency, state mismatched": {"agency": code, "state": "mismatched"},
        "device, month": {"device": some.device, **month},
        "device, flag": {"device": some.device, "flag": "truncated"},
        "officer, day": {"officer": some.officer, "from": day, "to": day},
        "officer, linked no": {"officer": some.officer, "linked": "no"},
        "flag, linked no": {"flag": "truncated", "linked": "no"},
        "flag, month": {"flag": "truncated", **month},
        "month, linked no": {"linked": "no", **month},
        "month, state quarantined": {"state": "quarantined", **month},
        "linked no, q": {"linked": "no", "q": some.name},
        "month, q": {"q": some.device, **month},
        "device, q": {"device": some.device, "q": f"{some.at:%Y%m%d}"},
        "state quarantined, flag": {"state": "quarantined", "flag": "truncated"},
    }


def pages(more: dict[str, str]) -> str:
    return "/recordings?" + urlencode({"linked": ""} | more)
