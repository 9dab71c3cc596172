"""Who was there, whose device it was, when it was handed in, and how sure that is."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

import pytest

from recorder.domain.case_event import EventKind, EventOfficer, Place
from recorder.domain.coverage import (
    CaseFacts,
    Certificate,
    Footage,
    Handover,
    Presence,
    Shift,
    evaluate,
)
from recorder.domain.coverage.facts import PowerTerm
from recorder.domain.coverage.rules_of_people import distance_m
from recorder.domain.duty import DutyLevel
from recorder.domain.finding import Confidence, Finding, FindingKind
from recorder.domain.ids import AgencyId
from recorder.domain.organisation import InNameOf
from tests.support.acts import AGENCY, FAR, HERE, at, clip, duty_list, event, facts, rule

K = FindingKind
GOOD = Certificate("19000000001", date(2024, 1, 1), date(2026, 3, 2))
ENDED = Certificate("19000000000", date(2020, 1, 1), date(2026, 3, 1))
COMING = Certificate("19000000003", date(2026, 3, 3), None)


def kinds(asked: CaseFacts) -> list[FindingKind]:
    return sorted(finding.kind for finding in evaluate(asked).findings)


def only(asked: CaseFacts) -> Finding:
    (finding,) = evaluate(asked).findings
    return finding


@pytest.mark.parametrize(
    ("certificates", "found"),
    [
        ((GOOD,), []),
        ((ENDED, GOOD), []),
        ((Certificate("x", None, None),), []),
        ((ENDED,), [K.CERTIFICATE_INVALID]),
        ((COMING,), [K.CERTIFICATE_INVALID]),
        ((ENDED, COMING), [K.CERTIFICATE_INVALID]),
        ((), [K.CERTIFICATE_INVALID]),
    ],
)
def test_a_certificate_counts_on_the_days_on_which_it_is_valid(
    certificates: tuple[Certificate, ...], found: list[FindingKind]
) -> None:
    asked = facts(clip(0, 60), officers={"A1": certificates, "A2": (GOOD,)})
    assert kinds(asked) == found
    if found:
        assert (only(asked).facts["officer"], only(asked).officers) == ("A1", ("A1",))
        ended = [each for each in certificates if each is ENDED]
        assert only(asked).facts["valid_to"] == ("2026-03-01" if ended else None)


def test_who_is_not_on_file_is_unknown_where_officers_are_kept() -> None:
    assert kinds(facts(clip(0, 60), officers={"A1": (GOOD,)})) == []
    kept = frozenset({AGENCY})
    asked = facts(clip(0, 60), officers={"A1": (GOOD,)}, officers_on_file=kept)
    assert (only(asked).kind, only(asked).about) == (K.OFFICER_UNKNOWN, "A2")
    left = facts(
        clip(0, 60), officers={"A1": (GOOD,), "A2": (GOOD,)},
        last_days={"A1": date(2026, 3, 2), "A2": date(2026, 3, 1)},
    )  # fmt: skip
    assert (only(left).kind, only(left).officers) == (K.OFFICER_UNKNOWN, ("A2",))
    assert only(left).facts["last_day"] == "2026-03-01"
    # In a joint act each organ answers for its own people.
    other = event(agency=AgencyId(uuid.UUID(int=9)))
    joint = facts(clip(0, 60), events=(other,), officers_on_file=kept)
    assert kinds(joint) == []


def test_footage_by_an_officer_without_a_valid_certificate_is_found_by_itself() -> None:
    other = clip(0, 60, officer="B9")
    assert kinds(facts(other, officers={"B9": (ENDED,)})) == [K.CERTIFICATE_INVALID]
    assert kinds(facts(other, officers={"B9": (GOOD,)})) == []
    assert only(facts(other, officers={"B9": ()})).facts["certificate"] is None
    # The scene says it of those it names.
    own = evaluate(facts(clip(0, 60), officers={"A1": (ENDED,)})).findings
    assert [finding.scene is None for finding in own] == [False]
    assert kinds(facts(clip(0, 60, officer=None), officers={"A1": (GOOD,)})) == []


def test_who_took_part_is_asked_where_recording_is_optional_too() -> None:
    lists = (duty_list(rule(DutyLevel.OPTIONAL)),)
    assert kinds(facts(events=(event(officers=()),), lists=lists)) == [K.TOO_FEW_OFFICERS]


def presence(who: str, began: float, ended: float, place: Place, about: str = "x") -> Presence:
    assert place.latitude is not None
    assert place.longitude is not None
    return Presence(
        who=who,
        about=about,
        scene=None,
        began_at=at(began),
        ended_at=at(ended),
        latitude=place.latitude,
        longitude=place.longitude,
    )


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (presence("A1", 30, 90, FAR), [K.OFFICER_IN_TWO_PLACES]),
        (presence("A1", 59, 90, FAR), []),
        (presence("A1", 30, 90, HERE), []),
        (presence("B1", 30, 90, FAR), []),
        (presence("A1", 0, 60, FAR, about="s/e1"), []),
    ],
)
def test_an_officer_is_at_one_place_at_a_time(other: Presence, found: list[FindingKind]) -> None:
    asked = facts(clip(0, 60), events=(event(place=HERE),), officers_elsewhere=(other,))
    assert kinds(asked) == found
    if found:
        finding = only(asked)
        assert finding.facts["overlap_ms"] == 30 * 60_000
        assert finding.facts["distance_m"] == 11_119
        assert (finding.began_at, finding.ended_at) == (at(30), at(60))


def test_two_scenes_of_one_case_are_two_places_too() -> None:
    there = event(key="e2", place=FAR)
    asked = facts(clip(0, 60), events=(event(place=HERE), there))
    assert kinds(asked) == [K.OFFICER_IN_TWO_PLACES] * 2
    assert kinds(facts(clip(0, 60), events=(event(), there))) == []
    nowhere = event(place=Place(text="福田区"))
    assert kinds(facts(clip(0, 60), events=(nowhere, there))) == []
    half = event(place=Place(latitude=1.0))
    assert kinds(facts(clip(0, 60), events=(half, there))) == []
    unended = event(place=HERE, ended=None)
    assert K.OFFICER_IN_TWO_PLACES not in kinds(facts(clip(0, 60), events=(unended, there)))


def camera(n: int, place: Place) -> Footage:
    return clip(0, 60, n=n, device="D", latitude=place.latitude, longitude=place.longitude)


def test_a_device_is_at_one_place_at_a_time() -> None:
    here, there = camera(1, HERE), camera(2, FAR)
    finding = only(facts(here, there))
    assert (finding.kind, finding.facts["device"]) == (K.DEVICE_IN_TWO_PLACES, "D")
    assert kinds(facts(here, camera(2, HERE))) == []
    assert kinds(facts(here, camera(2, Place()))) == []
    elsewhere = (presence("D", 30, 90, FAR),)
    assert kinds(facts(here, devices_elsewhere=elsewhere)) == [K.DEVICE_IN_TWO_PLACES]
    assert kinds(facts(clip(0, 60), devices_elsewhere=elsewhere)) == []


def test_distance_is_that_on_the_globe() -> None:
    assert round(distance_m(22.54, 114.05, 22.54, 114.05)) == 0
    # A degree of longitude at the equator; antipodes are half the way around.
    assert round(distance_m(0, 0, 0, 1)) == 111_195
    assert round(distance_m(0, 0, 0, 180) / 1000) == 20_015


TUESDAY_NIGHT = datetime(2026, 3, 3, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("deadline", "received", "late"),
    [
        # G1 art. 23: within one working day.
        ("1wd", TUESDAY_NIGHT, False),
        ("1wd", TUESDAY_NIGHT.replace(second=1), True),
        ("24h", at(60 + 24 * 60), False),
        ("24h", at(60 + 24 * 60 + 1), True),
    ],
)
def test_footage_is_handed_in_in_time(deadline: str, received: datetime, late: bool) -> None:
    asked = facts(clip(0, 60, received_at=received), lists=(duty_list(rule(deadline=deadline)),))
    assert kinds(asked) == ([K.UPLOAD_LATE] if late else [])


def test_footage_of_no_rule_is_late_after_the_usual_time() -> None:
    finding = only(facts(clip(0, 60, received=5_000), events=(), lists=()))
    assert (finding.kind, finding.facts["term"], finding.scene) == (K.UPLOAD_LATE, "1wd", None)


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ([Handover(at(-60), "A1")], []),
        ([Handover(at(-60), "A1"), Handover(at(61), None)], []),
        ([Handover(at(-60), "A1"), Handover(at(-1), None)], [K.DEVICE_UNASSIGNED]),
        # Written down to the minute.
        ([Handover(at(1), "A1")], []),
        ([Handover(at(2), "A1")], [K.DEVICE_UNASSIGNED]),
        ([], [K.DEVICE_UNASSIGNED]),
        ([Handover(at(-60), "B1")], [K.OFFICER_DISAGREES]),
        # Handed on while it filmed: it was the one's and the other's.
        ([Handover(at(-60), "B1"), Handover(at(20), "A1")], []),
        ([Handover(at(-60), "A1"), Handover(at(20), "B1")], []),
        ([Handover(at(-60), "B1"), Handover(at(60), "A1")], [K.OFFICER_DISAGREES]),
    ],
)
def test_a_device_is_worn_by_somebody(log: list[Handover], found: list[FindingKind]) -> None:
    asked = facts(clip(0, 60, device="D"), handovers={"D": tuple(log)})
    assert kinds(asked) == found
    assert kinds(facts(clip(0, 60, device="E"), handovers={"D": tuple(log)})) == []
    nameless = facts(clip(0, 60, device="D", officer=None), handovers={"D": tuple(log)})
    assert kinds(nameless) == [kind for kind in found if kind is K.DEVICE_UNASSIGNED]


def test_footage_beside_every_scene_is_noticed_once_the_scenes_are_told() -> None:
    asked = facts(clip(0, 60), clip(200, 210, n=2))
    assert only(asked).kind is K.FOOTAGE_OUTSIDE_SCENES
    open_end = facts(clip(0, 60), clip(-20, -10, n=2), events=(event(ended=None),))
    assert kinds(open_end) == [K.END_UNKNOWN]
    assert kinds(facts(clip(0, 60), events=())) == []


@pytest.mark.parametrize(
    ("shifts", "found"),
    [
        ((), []),
        ((Shift(at(-60), at(420)),), []),
        ((Shift(at(-480), at(0)), Shift(at(50), at(480))), []),
        # Half an hour before and after belongs to it.
        ((Shift(at(-480), at(-29)),), []),
        ((Shift(at(-480), at(-31)),), [K.RECORDED_OFF_DUTY]),
        ((Shift(at(89), at(480)),), []),
        ((Shift(at(91), at(480)),), [K.RECORDED_OFF_DUTY]),
        ((Shift(at(30 * 1440), at(30 * 1440 + 480)),), [K.RECORDED_OFF_DUTY]),
        # Who has had no shift for a month is on no roster.
        ((Shift(at(32 * 1440), at(32 * 1440 + 480)),), []),
    ],
)
def test_who_is_on_a_roster_records_on_duty(
    shifts: tuple[Shift, ...], found: list[FindingKind]
) -> None:
    asked = facts(clip(0, 60, officer="A1"), shifts={"A1": shifts, "A2": ()} if shifts else {})
    assert kinds(asked) == found
    assert kinds(facts(clip(0, 60, officer=None), shifts={"A1": shifts})) == []


def test_a_clock_that_was_wrong_is_corrected_and_said_to_be() -> None:
    """The device said three minutes more than it was."""
    fast = clip(3, 63, clock_offset_ms=180_000, clock_doubtful=True, gaps=[(33, 38)])
    finding = only(facts(fast))
    assert (finding.began_at, finding.ended_at) == (at(30), at(35))
    assert finding.confidence is Confidence.PROBABLE
    unknown = clip(3, 63, clock_offset_ms=None, clock_doubtful=True, marks=())
    late = [f for f in evaluate(facts(unknown)).findings if f.kind is K.BEGINS_LATE]
    assert [finding.confidence for finding in late] == [Confidence.PROBABLE]


@pytest.mark.parametrize(
    ("other", "confidence"),
    [
        (clip(0, 60, n=2, began_at=None), Confidence.DOUBTFUL),
        (clip(0, 60, n=2, admitted=False), Confidence.DOUBTFUL),
        (clip(90, 95, n=2, admitted=False), Confidence.CERTAIN),
    ],
)
def test_footage_that_cannot_answer_makes_a_finding_doubtful(
    other: object, confidence: Confidence
) -> None:
    found = evaluate(facts(clip(10, 60), other)).findings  # type: ignore[arg-type]
    assert [f.confidence for f in found if f.kind is K.BEGINS_LATE] == [confidence]


def test_officers_of_a_visit_are_those_of_all_its_events() -> None:
    visit = (
        event(EventKind.ARRIVAL, 0, key="a", visit="v", officers=(EventOfficer("A1"),)),
        event(visit="v", officers=(EventOfficer("A1", "19"), EventOfficer("A2", "19"))),
        event(EventKind.LEAVING, 60, key="l", visit="v", officers=(EventOfficer("A2"),)),
    )
    assert kinds(facts(clip(0, 60), events=visit)) == []


def power(first: int, last: int, matter: str = "") -> PowerTerm:
    """From a day of March 2026 to another; acts are on the second."""
    return PowerTerm(date(2026, 3, first), date(2026, 3, last), matter)


ORGAN = AgencyId(uuid.UUID(int=77))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"published": {AGENCY: (power(1, 2),)}}, []),
        ({"published": {AGENCY: (power(1, 1), power(2, 3))}}, []),
        ({"published": {AGENCY: (power(3, 9),)}}, [K.SUBJECT_UNPUBLISHED]),
        ({"published": {AGENCY: (power(1, 1),), ORGAN: (power(1, 9),)}}, []),
        ({"published": {ORGAN: (power(1, 1),)}}, [K.SUBJECT_UNPUBLISHED]),
        ({"entrusted": {AGENCY: (power(2, 2),)}}, []),
        ({"entrusted": {AGENCY: (power(1, 1), power(3, 9))}}, [K.ENTRUSTMENT_INVALID]),
        ({"entrusted": {AGENCY: (power(1, 9, "M1"),)}, "matter": "M1"}, []),
        ({"entrusted": {AGENCY: (power(1, 9, "M1"),)}, "matter": "M2"}, [K.ENTRUSTMENT_INVALID]),
        # Nobody named a matter: it may be this one.
        ({"entrusted": {AGENCY: (power(1, 9, "M1"),)}}, []),
    ],
)
def test_who_acts_is_published_and_entrusted_on_the_day(
    changes: dict[str, object], found: list[FindingKind]
) -> None:
    by_name = InNameOf(
        agency=AGENCY, organ=ORGAN, begins=date(2020, 1, 1), ends=date(2030, 1, 1), entrusted=True
    )
    asked = facts(clip(0, 60), names={AGENCY: (by_name,)}, **changes)
    assert kinds(asked) == found
    # Whoever has powers of its own is no entrusted body, though others entrust it with some.
    own = facts(clip(0, 60), **changes)
    assert K.ENTRUSTMENT_INVALID not in kinds(own)
