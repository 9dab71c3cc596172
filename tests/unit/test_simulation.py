"""The city in a box: repeatable, labelled by who planted, and ignorant of how it is judged."""

from __future__ import annotations

import ast
import csv
import functools
import itertools
import json
import tempfile
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from recorder.simulation import names
from recorder.simulation.calendar import Calendar
from recorder.simulation.city import simulate
from recorder.simulation.violations import Planted

PACKAGE = Path(names.__file__).parent
#: Everything of ours that it may know: words, and how times are written.
KNOWN = {"recorder.domain.case", "recorder.domain.case_event", "recorder.domain.instant"}
Row = dict[str, Any]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@functools.cache
def city() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        simulate(0.0002, 8, 2025, Path(folder))
        return files_of(Path(folder))


def lines(name: str) -> list[Row]:
    return [json.loads(line) for line in city()[name].splitlines()]


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(city()[name].decode().splitlines()))


def messages() -> list[Row]:
    return [row for name in city() if name.startswith("feed/") for row in lines(name)]


def scenes() -> dict[str, Row]:
    """The newest revision of each scene that was not withdrawn, with its end."""
    void = {row["of"] for row in messages() if row["kind"] == "withdrawal"}
    found: dict[str, Row] = {}
    for row in messages():
        is_scene = row["kind"] == "event" and "place" in row and row["key"] not in void
        if is_scene and row["revision"] >= found.get(row["key"], row)["revision"]:
            found[row["key"]] = row
    return found


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_city(tmp_path: Path) -> None:
    simulate(0.0002, 8, 2025, tmp_path / "again")
    simulate(0.0001, 9, 2025, tmp_path / "other")
    assert files_of(tmp_path / "again") == city()
    assert files_of(tmp_path / "other")["recordings.ndjson"] != city()["recordings.ndjson"]


def test_the_simulator_knows_words_only() -> None:
    known: set[str] = set()
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recorder."):
                known.add(node.module or "")
            elif isinstance(node, ast.Import):
                known.update(a.name for a in node.names if a.name.startswith("recorder"))
    assert {name for name in known if not name.startswith("recorder.simulation")} == KNOWN


def test_every_kind_of_violation_is_planted_and_its_label_names_what_there_is() -> None:
    labels = lines("labels.ndjson")
    assert {label["kind"] for label in labels} == set(Planted)
    recordings = {row["recording"] for row in lines("recordings.ndjson")}
    cases = {row["key"] for row in messages() if row["kind"] == "case"}
    events = {row["key"] for row in messages() if row["kind"] == "event"}
    for label in labels:
        assert label["case"] in cases
        assert label["scene"] in events
        assert label["recording"] is None or label["recording"] in recordings
        assert when(label["interval"][0]) <= when(label["interval"][1])


def test_nobody_is_in_two_places_unless_it_is_planted() -> None:
    planted = {row["scene"] for row in lines("labels.ndjson") if row["kind"] == Planted.TWO_PLACES}
    ends = {
        row["visit"]: row["occurred_at"]
        for row in messages()
        if row.get("visit") and row["key"] != row["visit"]
    }
    untold = {
        row["scene"]: row["interval"][1]
        for row in lines("labels.ndjson")
        if row["kind"] == Planted.LEAVING_UNTOLD
    }
    by_officer: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for key, scene in scenes().items():
        end = scene.get("ended_at") or ends.get(key) or untold[key]
        for officer in scene["officers"]:
            by_officer[officer["number"]].append((when(scene["occurred_at"]), when(end), key))
    overlapping = set()
    for times in by_officer.values():
        times.sort()
        for (_, ended, one), (began, _, other) in itertools.pairwise(times):
            overlapping |= {one, other} if began < ended else set()
    assert overlapping == planted


def test_those_whom_the_teams_of_an_agency_share_are_with_one_of_them_a_day(tmp_path: Path) -> None:
    simulate(0.001, 7, 2025, tmp_path)
    shared = (Planted.TWO_PLACES, Planted.EXPIRED_CERTIFICATE)
    teams: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in (tmp_path / "labels.ndjson").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] in shared:
            agency, team, _ = row["case"].split("-")
            teams[agency, row["interval"][0][:10]].add(team)
    assert len(teams) > 50
    assert [day for day, there in teams.items() if len(there) > 1] == []


def test_a_message_comes_late_twice_and_corrected() -> None:
    rows = lines("feed/source-0.ndjson")
    times = [when(row["occurred_at"]) for row in rows]
    assert times != sorted(times)
    keys = [(row["key"], row["revision"]) for row in rows]
    assert len(set(keys)) < len(keys)
    by_key = [row["revision"] for row in rows if row["kind"] == "event"]
    assert set(by_key) == {1, 2}


def test_everything_named_is_in_the_registries() -> None:
    officers = {row["number"] for row in table("officers.csv")}
    devices = {row["serial"] for row in table("devices.csv")}
    matters = {row["code"] for row in table("matters.csv")}
    organisations = {row["code"] for row in table("organisations.csv")}
    assert all(row["parent"] in organisations | {""} for row in table("organisations.csv"))
    assert {row["organisation"] for row in table("officers.csv")} <= organisations
    assert {row["device"] for row in table("handovers.csv")} <= devices
    assert {row["officer"] for row in table("rosters.csv")} <= officers
    assert {row["organisation"] for row in table("rosters.csv")} <= organisations
    assert {row["device"] for row in lines("recordings.ndjson")} <= devices
    assert {row["organ"] for row in messages()} <= organisations
    assert {row["matter"] for row in messages() if row.get("matter")} <= matters
    assert {o["number"] for row in scenes().values() for o in row["officers"]} <= officers


def test_working_days_are_those_of_the_notices() -> None:
    calendar = Calendar(2025)
    assert not calendar.is_working(date(2025, 10, 6))
    assert calendar.is_working(date(2025, 10, 11))
    assert calendar.working_day_after(date(2025, 9, 30)) == date(2025, 10, 9)
    assert calendar.working_day_after(date(2025, 9, 26)) == date(2025, 9, 28)
    assert len([d for d in calendar.days() if calendar.is_working(d)]) == 248
    assert Calendar(2026).days()[0] + timedelta(days=364) == date(2026, 12, 31)


def test_late_footage_is_late_by_any_way_of_counting() -> None:
    late = {r["recording"] for r in lines("labels.ndjson") if r["kind"] == Planted.LATE_UPLOAD}
    calendar, china = Calendar(2025), timedelta(hours=8)
    for row in lines("recordings.ndjson"):
        ended, received = when(row["ended_at"]), when(row["received_at"])
        if ended.year > 2025 or received.year > 2025:
            continue
        day, came = (ended + china).date(), (received + china).date()
        if row["recording"] in late:
            assert came > calendar.working_day_after(day, 2)
        else:
            assert came <= calendar.working_day_after(day)


def test_everybody_records_on_duty_unless_it_is_planted() -> None:
    planted = {r["recording"] for r in lines("labels.ndjson") if r["kind"] == Planted.OFF_DUTY}
    shifts: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in table("rosters.csv"):
        shifts[row["officer"]].append((when(row["from"]), when(row["to"])))
    of_scenes = {row["recording"] for row in lines("truth.ndjson") if row["scene"]}
    overtime, off_duty = timedelta(minutes=25), set()
    for row in lines("recordings.ndjson"):
        officer = row["file_name"].split("_")[1]
        is_clear = row["recording"] in of_scenes and row["device_clock_at"] is not None
        # The stand-in stands on no roster.
        if not is_clear or officer not in shifts:
            continue
        ahead = when(row["device_clock_at"]) - when(row["received_at"])
        began, ended = when(row["started_at"]) - ahead, when(row["ended_at"]) - ahead
        own = shifts[officer]
        if not any(first - overtime < ended and began < last for first, last in own):
            off_duty.add(row["recording"])
    assert off_duty == planted


def test_invented_credit_codes_fit_their_check_digit() -> None:
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    for number in range(50):
        code = names.credit_code(number)
        weighted = sum(signs.index(c) * pow(3, n, 31) for n, c in enumerate(code[:17]))
        assert len(code) == 18
        assert (weighted + signs.index(code[17])) % 31 == 0
    assert len({names.person(n) for n in range(20_000)}) == 20_000
