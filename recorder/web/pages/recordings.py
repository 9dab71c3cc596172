"""Footage: the pool of unlinked recordings and other lists, and the page of one recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from recorder.domain.case import CaseClass, Stage
from recorder.domain.duty import spoken
from recorder.domain.events import RecordingViewed
from recorder.domain.gap_reason import InterruptionCause
from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.instant import Instant
from recorder.domain.mark import KEYS
from recorder.domain.people import Permission
from recorder.domain.provenance import UNSAID, Camera, ContentReview, ProvenanceKind
from recorder.domain.recording import Flag
from recorder.domain.restriction import RestrictionGround
from recorder.errors import Forbidden, InvalidInput, NotFound
from recorder.services import card_copies, casework, directory, duties, review, stating
from recorder.services.casework import LinkWanted
from recorder.services.paging import LONGEST_PAGE
from recorder.services.review import RecordingQuery
from recorder.store.custody_events import RecordedEvent
from recorder.web.api import footage
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages import clips, explanations, marking, words
from recorder.web.pages.assets import stand_in
from recorder.web.pages.choosing import code_of
from recorder.web.pages.forms import Form, go, identifier, local, posted, read_form
from recorder.web.pages.rendering import page

_FILTERS = (
    "device", "officer", "agency", "from", "to", "state", "flag", "linked", "q", "provenance",
    "camera", "restricted", "class", "review", "marks",
)  # fmt: skip
_PROVENANCES = (*ProvenanceKind, UNSAID)
_STATES = ("received", "sealed", "mismatched", "quarantined")
#: Events on the page of a recording; the rest is had as JSON.
MOST_EVENTS = 1000
_A_DAY = timedelta(days=1)


async def pool(request: web.Request) -> web.StreamResponse:
    """Lists of footage; with no filter at all, what is linked to no case."""
    asked = {name: request.query.get(name, "").strip() for name in _FILTERS}
    if not any(name in request.query for name in _FILTERS):
        asked["linked"] = "no"
    return await _list(request, "pool.html", asked)


async def quarantine(request: web.Request) -> web.StreamResponse:
    """Footage that was taken and not admitted."""
    asked = {name: request.query.get(name, "").strip() for name in _FILTERS}
    return await _list(request, "quarantine.html", asked | {"state": "quarantined", "linked": ""})


async def _list(request: web.Request, template: str, asked: dict[str, str]) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    agencies = await directory.list_agencies(deps, actor)
    asked = asked | {"agency": code_of(agencies, asked["agency"])}
    found = await review.find_recordings(
        deps, actor, _query(asked), request.query.get("cursor"), agency=asked["agency"] or None,
        unmarked_overdue=asked["marks"] == "overdue",
    )  # fmt: skip
    kept = {name: value for name, value in asked.items() if value}
    return await page(
        request,
        template,
        recordings=found.items,
        more=urlencode(kept | {"cursor": found.next}) if found.next else None,
        asked=asked,
        agencies=agencies,
        filtered=bool(set(kept) - {"linked"}),
        states=_STATES,
        stages=list(Stage),
        flags=sorted({*explanations.FLAGS, *Flag}),
        provenances=_PROVENANCES,
        cameras=list(Camera),
        classes=list(CaseClass),
        reviews=list(ContentReview),
    )


def _query(asked: dict[str, str]) -> RecordingQuery:
    linked = {"yes": True, "no": False}.get(asked["linked"])
    until = _midnight(asked["to"])
    return RecordingQuery(
        device=asked["device"] or None,
        officer=asked["officer"] or None,
        from_=_midnight(asked["from"]),
        # The day that is named belongs to the span.
        to=until + _A_DAY if until else None,
        state=asked["state"] if asked["state"] in _STATES else None,
        flag=asked["flag"] or None,
        linked=linked,
        restricted=True if asked["restricted"] == "yes" else None,
        provenance=asked["provenance"] or None,
        camera=asked["camera"] or None,
        class_=asked["class"] or None,
        review=asked["review"] or None,
        q=asked["q"] or None,
    )


def _midnight(date: str) -> datetime | None:
    return Instant.parse(f"{date}T00:00:00").at if date else None


async def show(request: web.Request) -> web.StreamResponse:
    deps, actor, recording = request.app[DEPS], request[ACTOR], _recording_id(request)
    view = await review.view_recording(deps, actor, recording)
    events = await _events(request, recording)
    (clip,) = await clips.with_preferred(deps, actor, [clips.of_view(actor, view)])
    agencies = []
    if clip.state == "quarantined" and actor.may(Permission.ADMIT):
        agencies = await directory.list_agencies(deps, actor)
    return await page(
        request,
        "recording.html",
        view=view,
        recording=view.recording,
        media=view.recording.media or {},
        clip=clip,
        marks=await review.recording_marks(deps, actor, recording),
        mark_groups=marking.MARK_GROUPS,
        mark_keys=KEYS,
        spoken=spoken(await duties.wording_of(deps, view.recording.agency)),
        gap_reasons=await review.gap_reasons_of(deps, actor, recording),
        interruption_causes=list(InterruptionCause),
        stages=list(Stage),
        agencies=agencies,
        events=_told(events),
        events_number=len(events),
        all_shown=len(events) < MOST_EVENTS,
        proposals=await casework.proposals_of(deps, actor, recording),
        continuation=await review.continuation(deps, actor, recording),
        copies=await card_copies.copies_of(deps, actor, recording),
        can_watch=actor.may(Permission.WATCH) and clip.playable != "restricted",
        may_take=review.may_take_original(actor, view.recording),
        restrictions=await review.recording_restrictions(deps, actor, recording),
        grounds=list(RestrictionGround),
        provenance=await stating.provenance_of(deps, actor, recording),
        provenance_kinds=list(ProvenanceKind),
        classes=list(CaseClass),
        working=any(run.state in ("pending", "claimed") for run in view.tasks),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """An event as its page tells it; looks that follow each other are one line."""

    event: RecordedEvent
    pairs: Sequence[tuple[str, object]]
    times: int
    first_at: datetime


def _told(events: Sequence[RecordedEvent]) -> list[_Told]:
    """Newest first; somebody who looks again and again fills no page with it."""
    told: list[_Told] = []
    for event in events:
        last = told[-1].event if told else None
        again = (
            last is not None
            and event.name == last.name == RecordingViewed.__name__
            and event.actor_id == last.actor_id
        )
        before = told.pop() if again else None
        times, first_at = (before.times + 1, before.first_at) if before else (1, event.at)
        told.append(_Told(event, words.facts_of(event.facts), times, first_at))
    return told[::-1]


async def _events(request: web.Request, recording: RecordingId) -> list[RecordedEvent]:
    """The custody events from the first on, up to a number that a page can hold."""
    found: list[RecordedEvent] = []
    while len(found) < MOST_EVENTS:
        more = await review.recording_events(
            request.app[DEPS], request[ACTOR], recording,
            after=found[-1].position if found else 0, limit=LONGEST_PAGE,
        )  # fmt: skip
        found += more
        if len(more) < LONGEST_PAGE:
            break
    return found


async def poster(request: web.Request) -> web.StreamResponse:
    """The still of a recording in a list, or a sign for it while there is none."""
    try:
        return await footage.poster(request)
    except (NotFound, Forbidden):
        return stand_in("no-poster.svg")


@posted("/recordings")
async def link(request: web.Request) -> web.StreamResponse:
    recording = _recording_id(request)
    wish = _wish(await read_form(request), recording)
    await casework.link(
        request.app[DEPS], request[ACTOR], recording=recording,
        case_id=wish.case_id, number=wish.number, stage=wish.stage, reason=wish.reason,
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="linked")


@posted("/recordings")
async def link_many(request: web.Request) -> web.StreamResponse:
    """Link every ticked recording; the word back says how many could be."""
    form = await read_form(request)
    back = local(form.text("back"), "/recordings")
    ticked = [RecordingId(identifier(text)) for text in form.every("recording")]
    if not ticked:
        raise InvalidInput("form-invalid", "Nothing was ticked.")
    wanted = [_wish(form, recording) for recording in ticked]
    outcomes = await casework.link_many(request.app[DEPS], request[ACTOR], wanted)
    refused = [outcome.error for outcome in outcomes if outcome.error]
    if refused:
        return go(back, error=refused[0].code, count=len(outcomes) - len(refused))
    return go(back, done="linked", count=len(outcomes))


def _wish(form: Form, recording: RecordingId) -> LinkWanted:
    """The case by the id a page named, else by the number that was typed."""
    case = form.text("case")
    return LinkWanted(
        recording=recording,
        case_id=CaseId(identifier(case)) if case else None,
        number=None if case else form.text("number"),
        stage=form.optional("stage"),
        reason=form.optional("reason"),
    )


@posted("/quarantine")
async def admit(request: web.Request) -> web.StreamResponse:
    recording, form = _recording_id(request), await read_form(request)
    await review.admit(
        request.app[DEPS], request[ACTOR], recording,
        reason=form.text("reason"), agency=form.optional("agency"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="admitted")


def _recording_id(request: web.Request) -> RecordingId:
    return RecordingId(id_in_path(request))
