"""The standing part of the city: bodies, units, officers, cameras, matters, and their CSV rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from recorder.domain.case_event import ActType
from recorder.simulation import names
from recorder.simulation.dice import Dice
from recorder.simulation.model import Agency, Officer, Team

#: The city at scale 1 (docs/design/city.md).
AGENCIES, OFFICERS, MATTERS, SOURCES = 407, 16_246, 27_000, 10
#: Of every agency's officers: the stand-in, and the one whose certificate ran out.
_SPARE = 2
_TEAMS_IN_UNIT = 5
_LATITUDE, _LONGITUDE = 30.0, 100.0
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of each there are at a scale; small cities still have two of what matters."""

    agencies: int
    teams: int
    matters: int

    @classmethod
    def of(cls, scale: float) -> Shape:
        agencies = max(2, round(AGENCIES * scale))
        officers = max(6 * agencies, round(OFFICERS * scale))
        return cls(
            agencies=agencies,
            teams=(officers - _SPARE * agencies) // 2,
            matters=max(3 * agencies, round(MATTERS * scale)),
        )


def agencies(shape: Shape) -> Iterator[Agency]:
    """Streets of the districts first, then bureaus of districts and of the city, in turn."""
    for n in range(shape.agencies):
        district = n % len(names.DISTRICTS)
        turn = n // len(names.DISTRICTS)
        is_street = (n % 2 == 1) and turn < 2 * len(names.STREETS)
        if is_street:
            street = names.STREETS[turn % len(names.STREETS)]
            more = "东" if turn >= len(names.STREETS) else ""
            title = f"{names.DISTRICTS[district]}{street}{more}街道办事处"
            sign, kind = f"{names.DISTRICTS[district][0]}{street[0]}{more}街", "street"
        else:
            bureau, short = names.BUREAUS[turn % len(names.BUREAUS)]
            more = f"第{turn // len(names.BUREAUS)}" if turn >= len(names.BUREAUS) else ""
            title = f"{names.CITY}{bureau}{names.DISTRICTS[district]}{more}分局"
            sign, kind = f"{names.CITY[0]}{names.DISTRICTS[district][0]}{short}", "bureau"
        yield Agency(
            code=f"{names.CITY_CODE}{n + 1:04d}",
            name=title,
            sign=sign,
            kind=kind,
            parent=f"{names.CITY_CODE}-D{district + 1}",
            source=n % SOURCES,
            latitude=_LATITUDE + 0.15 * district + 0.001 * turn,
            longitude=_LONGITUDE + 0.15 * (n % 3),
        )


def teams(shape: Shape, agency: Agency, n: int, year: int, seed: int) -> list[Team]:
    """The teams of the n-th agency. Numbers of people and cameras are unique in the city."""
    dice = Dice(seed, f"teams/{n}")
    first, behind = (shape.teams * k // shape.agencies for k in (n, n + 1))
    base = 2 * first + _SPARE * n
    long_ago, far = f"{year - 3}-03-01", f"{year + 3}-02-28"
    stand_in = _officer(base, long_ago, far)
    expired = _officer(base + 1, f"{year - 5}-01-01", f"{year - 1}-12-31")
    own = tuple(row["code"] for row in matters(shape, agency, n))
    made = []
    count = behind - first
    for k in range(count):
        lead, second = (_officer(base + _SPARE + 2 * k + j, long_ago, far) for j in (0, 1))
        made.append(
            Team(
                number=first + k,
                agency=agency,
                unit=f"{agency.code}-U{k // _TEAMS_IN_UNIT + 1}",
                officers=(lead, second),
                devices=(_device(base + _SPARE + 2 * k), _device(base + _SPARE + 2 * k + 1)),
                stand_in=stand_in,
                expired=expired,
                spare_device=_device(base),
                matters=tuple(dice.pick(own) for _ in range(3)),
                place=k,
                siblings=count,
                reserve=_reserve(first + k),
                borrowed=_reserve(first + (k + 1) % count),
            )
        )
    return made


def _officer(number: int, valid_from: str, valid_to: str) -> Officer:
    return Officer(
        number=f"{number + 1:06d}",
        name=names.person(number),
        certificate=f"99{number + 1:09d}",
        certificate_from=valid_from,
        certificate_to=valid_to,
    )


def worn(team: Team) -> list[tuple[str, Officer]]:
    """The team's cameras with whom they are handed to."""
    return [*zip(team.devices, team.officers, strict=True), (team.reserve, team.officers[1])]


def _device(number: int) -> str:
    return f"S{number + 1:06d}"


def _reserve(team: int) -> str:
    return f"T{team + 1:06d}"


# --- rows of the imports (docs/design/whole-process.md, Columns of imports) --------------------


def organisation_rows(shape: Shape, year: int) -> Iterator[Row]:
    begun = date(year - 10, 1, 1).isoformat()
    yield _organisation(names.CITY_CODE, names.CITY, "city", "", 0, begun)
    for n, district in enumerate(names.DISTRICTS, 1):
        code = f"{names.CITY_CODE}-D{n}"
        yield _organisation(code, names.CITY + district, "district", names.CITY_CODE, n, begun)
    for n, agency in enumerate(agencies(shape)):
        yield _organisation(agency.code, agency.name, agency.kind, agency.parent, 100 + n, begun)


def unit_rows(agency: Agency, of_agency: list[Team], year: int) -> Iterator[Row]:
    begun = date(year - 10, 1, 1).isoformat()
    for n, unit in enumerate(dict.fromkeys(team.unit for team in of_agency), 1):
        yield _organisation(unit, f"{agency.name}执法{n}队", "branch", agency.code, None, begun)


def _organisation(
    code: str, name: str, kind: str, parent: str, number: int | None, begun: str
) -> Row:
    return {
        "code": code,
        "name": name,
        "short_name": "",
        "kind": kind,
        "parent": parent,
        "uscc": names.credit_code(number) if number is not None else "",
        "region": names.REGION,
        "valid_from": begun,
        "valid_to": "",
        "predecessor": "",
        "on_behalf_of": "",
    }


def officer_rows(of_agency: list[Team]) -> Iterator[Row]:
    agency = of_agency[0].agency.code
    spare = [(agency, of_agency[0].stand_in), (agency, of_agency[0].expired)]
    own = [(team.unit, officer) for team in of_agency for officer in team.officers]
    for organisation, officer in spare + own:
        yield {
            "number": officer.number,
            "name": officer.name,
            "organisation": organisation,
            "certificate": officer.certificate,
            "certificate_from": officer.certificate_from,
            "certificate_to": officer.certificate_to,
            "valid_from": officer.certificate_from,
            "valid_to": "",
        }


def device_rows(of_agency: list[Team]) -> Iterator[Row]:
    first = of_agency[0]
    spare = [(first.agency.code, first.spare_device, first.stand_in)]
    own = [(t.unit, d, o) for t in of_agency for d, o in worn(t)]
    for organisation, device, officer in spare + own:
        yield {
            "serial": device,
            "user_number": officer.number,
            "user_name": officer.name,
            "unit_number": organisation,
            "unit_name": first.agency.name,
            "organisation": organisation,
            "state": "active",
            "valid_from": officer.certificate_from,
            "valid_to": "",
        }


def matters(shape: Shape, agency: Agency, n: int) -> Iterator[Row]:
    first, behind = (shape.matters * k // shape.agencies for k in (n, n + 1))
    kinds = (ActType.PENALTY, ActType.INSPECTION, ActType.COERCION)
    for k in range(first, behind):
        yield {
            "code": f"99{k + 1:010d}",
            "name": f"示例职权事项第{k + 1}项",
            "act_type": kinds[(k - first) % len(kinds)].value,
            "organisation": agency.code,
            "legal_basis": f"《示例条例》第{(k - first) % 90 + 1}条",
            "valid_from": "2020-01-01",
            "valid_to": "",
        }
