"""The lists that come with the product, each rule with its article; read from package files."""

from __future__ import annotations

import functools
import tomllib
import uuid
from datetime import date
from importlib import resources
from typing import Any

from recorder.domain.case_event import EventKind
from recorder.domain.deadline import parse_term
from recorder.domain.duty import DutyLevel, DutyList, DutyRule
from recorder.errors import InvalidInput

PROFILES = ("cn-gd", "cn-gd-sz", "police", "market-supervision", "urban-management")
_NOTHING: dict[str, Any] = {
    "usual": {}, "bases": {}, "rule": {}, "wording": "", "marking_days": None,
}  # fmt: skip
_NAMES = uuid.UUID("0f7d5a30-94a5-5e3c-8a0e-3d8c1c0d4f11")
#: In force on every day that anybody asks about.
_EVER = date(2016, 1, 1)


@functools.cache
def profile(name: str) -> DutyList:
    """A shipped list, as it holds for agencies that have none of their own.

    Raises InvalidInput ``duty-profile-unknown``.
    """
    if name not in PROFILES:
        raise InvalidInput(
            "duty-profile-unknown", "There is no such profile.", profiles=list(PROFILES)
        )
    told = _read(name)
    rows = [_rule({**told["usual"], **row}) for row in told["rule"].values()]
    return DutyList(
        id=uuid.uuid5(_NAMES, name),
        agency=None,
        profile=name,
        version=1,
        title=told["title"],
        valid_from=_EVER,
        valid_to=None,
        rules=tuple(rows),
        bases=told["bases"],
        wording=told["wording"],
        marking_days=told["marking_days"],
    )


def note(name: str) -> str:
    """Which texts a profile was made from, and which were not read."""
    return str(_read(profile(name).profile or name)["note"])


def _read(name: str) -> dict[str, Any]:
    """A profile's file laid over the one that it extends."""
    file = resources.files("recorder.services.duties").joinpath("profiles", f"{name}.toml")
    told = tomllib.loads(file.read_text("utf-8"))
    rules = {row["code"]: row for row in told.get("rule", ())}
    base = _read(told["extends"]) if "extends" in told else _NOTHING
    merged = dict(base["rule"])
    for code, row in rules.items():
        merged[code] = {**merged.get(code, {}), **row}
    return {
        "title": told["title"],
        "note": told["note"],
        "wording": told.get("wording", base["wording"]),
        "marking_days": told.get("marking_days", base["marking_days"]),
        "usual": {**base["usual"], **told.get("usual", {})},
        "bases": {**base["bases"], **told.get("bases", {})},
        "rule": merged,
    }


def _rule(row: dict[str, Any]) -> DutyRule:
    parse_term(row["deadline"])
    return DutyRule(**{**row, "level": DutyLevel(row["level"]), "scene": EventKind(row["scene"])})
