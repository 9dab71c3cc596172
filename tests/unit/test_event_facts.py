"""What models are told of a case: every event and finding once, with lags, gaps and indicators."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.case_event import ActType, CaseEvent, EventKind, EventOfficer
from recorder.domain.coverage import (
    CaseFacts,
    Certificate,
    Footage,
    GapReason,
    evaluate,
    event_facts,
)
from tests.support.acts import HERE, at, clip, document, event, facts

PRESENCES = [(EventKind.ARRIVAL, 0), (EventKind.SEIZURE, 10), (EventKind.LEAVING, 60)]


def told(asked: CaseFacts) -> list[dict[str, Any]]:
    return [json.loads(fact.body) for fact in event_facts(asked, evaluate(asked))]


def test_a_seizure_with_a_gap_is_told_whole() -> None:
    reason = GapReason(began_at=at(30), ended_at=at(35), reason="battery")
    (fact,) = told(
        facts(
            clip(0, 30, reasons=(reason,)),
            clip(35, 50, n=2, marks=(), received=50 + 5 * 24 * 60),
            events=(event(place=HERE),),
            numbers=("沪市监案〔2026〕1号",),
            officers={"A1": (Certificate("19000000001", None, None),), "A2": ()},
        )
    )
    assert fact["numbers"] == ["沪市监案〔2026〕1号"]
    assert fact["events"] == [{"source": "s", "key": "e1", "kind": "seizure"}]
    assert (fact["act_type"], fact["stage"]) == ("coercion", "investigation")
    assert fact["officers"] == [
        {"number": "A1", "certificate": "19000000001", "valid": True},
        {"number": "A2", "certificate": "19000000002", "valid": False},
    ]
    assert fact["place"] == {"lat": 22.54, "lon": 114.05, "text": None}
    assert fact["coverage"] == {
        "state": "holes", "expected_s": 3600.0, "covered_s": 2700.0, "share": 0.75,
        "due_at": "2026-03-03T16:00:00.000000Z", "provisional": False, "confidence": "certain",
    }  # fmt: skip
    assert [(gap["place"], gap["seconds"], gap["explained"]) for gap in fact["gaps"]] == [
        ("middle", 300.0, True),
        ("end", 600.0, False),
    ]
    assert fact["marks"] == {"announcement": True, "voice_statement": True}
    assert [(r["lag_s"], r["late"]) for r in fact["recordings"]] == [
        (3600.0, False),
        (432_000.0, True),
    ]
    assert (fact["lag_s"], fact["late"]) == (432_000.0, True)
    assert fact["findings"] == {"certificate_invalid": 1, "ends_early": 1, "upload_late": 1}
    assert [name for name, said in fact["indicators"].items() if said] == [
        "certificate_invalid",
        "upload_late",
    ]


@pytest.mark.parametrize(
    ("asked", "indicator"),
    [
        (facts(), "coercion_unrecorded"),
        (facts(clip(0, 60), events=(event(officers=[EventOfficer("A1")]),)), "too_few_officers"),
        (facts(clip(0, 60), documents=(document(-30, 60),)), "document_time_differs"),
        (facts(clip(0, 60, received=60 * 24 * 9)), "upload_late"),
    ],
)
def test_what_models_ask_for_by_name_is_said(asked: CaseFacts, indicator: str) -> None:
    (fact,) = told(asked)
    assert [name for name, said in fact["indicators"].items() if said] == [indicator]


def test_an_act_without_force_that_nobody_recorded_is_no_coercion() -> None:
    inspected = event(EventKind.HEARING, act_type=ActType.PENALTY)
    (fact,) = told(facts(events=(inspected,)))
    assert fact["indicators"]["coercion_unrecorded"] is False


def test_a_visit_is_one_fact_and_a_decision_one_of_which_nothing_is_owed() -> None:
    visit = [event(kind, began, key=kind, visit="v") for kind, began in PRESENCES]
    decision = event(EventKind.DECISION, 200, None, key="d")
    one, other = told(facts(clip(0, 60), events=(*visit, decision)))
    assert [each["key"] for each in one["events"]] == ["arrival", "seizure", "leaving"]
    assert (other["kind"], other["duty"], other["coverage"]) == ("decision", None, None)


def test_what_is_found_beside_every_event_has_a_fact_of_its_own() -> None:
    beside = clip(500, 560, n=2, received=60 * 24 * 9)
    one, other = told(facts(clip(0, 60), beside))
    assert one["findings"] == {}
    assert (other["kind"], other["events"], other["late"]) == (None, [], True)
    assert other["findings"] == {"footage_outside_scenes": 1, "upload_late": 1}


@st.composite
def cases(draw: st.DrawFn) -> CaseFacts:
    minutes = st.integers(-60, 180)
    events: list[CaseEvent] = []
    for n in range(draw(st.integers(0, 5))):
        began = draw(minutes)
        events.append(
            event(
                draw(st.sampled_from(EventKind)),
                began,
                began + draw(st.integers(0, 90)),
                key=f"e{n}",
                visit=draw(st.sampled_from([None, "v", "w"])),
                act_type=draw(st.sampled_from([None, *ActType])),
                scan=draw(st.sampled_from([None, "scan"])),
            )
        )
    footage: list[Footage] = []
    for n in range(draw(st.integers(0, 4))):
        began = draw(minutes)
        received = draw(st.integers(200, 20_000))
        footage.append(clip(began, began + draw(st.integers(1, 60)), n=n, received=received))
    return facts(*footage, events=tuple(events))


@given(cases())
def test_every_event_and_every_finding_stands_in_exactly_one_fact(asked: CaseFacts) -> None:
    answer = evaluate(asked)
    found = event_facts(asked, answer)
    bodies = [json.loads(fact.body) for fact in found]
    assert len({fact.id for fact in found}) == len(found)
    keys = [event["key"] for body in bodies for event in body["events"]]
    assert sorted(keys) == sorted(event.key for event in asked.events)
    counted: Counter[str] = Counter()
    for body in bodies:
        counted.update(body["findings"])
    assert counted == Counter(finding.kind for finding in answer.findings)
