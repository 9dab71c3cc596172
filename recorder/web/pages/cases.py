"""Finding a case by its number, and the page of a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

from recorder.domain.case import CaseClass, CaseFile, Scheme, Stage
from recorder.domain.case_event import ActType
from recorder.domain.case_mention import MentionKind
from recorder.domain.coverage import placing
from recorder.domain.finding import FindingState
from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.instant import Instant
from recorder.domain.people import Permission
from recorder.errors import InvalidInput
from recorder.services import approvals, casework, coverage, directory
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages import case_axis, clips, marking, words
from recorder.web.pages.forms import go, posted, read_form
from recorder.web.pages.rendering import draw, page

_MOST_HITS = 30
_MOST_CLIPS = 200
#: So many proposals are counted for the link of the home page.
_MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A case that was found, and whether the whole number fits."""

    case: CaseFile
    exact: bool


async def find(request: web.Request) -> web.StreamResponse:
    """Home: the field, and below it what fits, or the newest cases while it is empty."""
    asked = request.query.get("q", "").strip()
    more, cut = None, False
    if asked:
        hits, cut = await _hits(request, asked)
    else:
        found = await casework.find_cases(
            request.app[DEPS], request[ACTOR], cursor=request.query.get("cursor"), limit=_MOST_HITS
        )
        hits, more = [Hit(case, False) for case in found.items], found.next
    if request.query.get("part") == "hits":
        return draw(request, "case_hits.html", asked=asked, hits=hits, more=more, cut=cut)
    agencies = await directory.list_agencies(request.app[DEPS], request[ACTOR])
    return await page(
        request, "home.html", asked=asked, hits=hits, more=more, cut=cut, agencies=agencies,
        schemes=list(Scheme), most_waiting=_MOST_WAITING,
        waiting=await approvals.waiting_for(request.app[DEPS], request[ACTOR], _MOST_WAITING),
    )  # fmt: skip


async def _hits(request: web.Request, asked: str) -> tuple[list[Hit], bool]:
    """The whole number first, then numbers that begin like it, then those that contain it.

    And whether more fit than are shown.
    """
    deps, actor, found = request.app[DEPS], request[ACTOR], dict[CaseId, Hit]()
    try:
        exact = await casework.find_cases(deps, actor, number=asked, limit=_MOST_HITS)
        begins = await casework.find_cases(deps, actor, prefix=asked, limit=_MOST_HITS)
        holds = await casework.find_cases(deps, actor, q=asked, limit=_MOST_HITS)
    except InvalidInput:
        # A text that is no number finds nothing; that is no reason to stop somebody who types.
        return [], False
    for case in exact.items:
        found[case.id] = Hit(case, True)
    for case in (*begins.items, *holds.items):
        found.setdefault(case.id, Hit(case, False))
    hits = list(found.values())
    return hits[:_MOST_HITS], len(hits) > _MOST_HITS or bool(begins.next or holds.next)


async def show(request: web.Request) -> web.StreamResponse:
    deps, actor, case_id = request.app[DEPS], request[ACTOR], _case_id(request)
    view = await casework.view_case(deps, actor, case_id)
    if view.case.merged_into is not None:
        return web.Response(status=308, headers={hdrs.LOCATION: f"/cases/{view.case.merged_into}"})
    covered = await coverage.case_coverage(deps, actor, case_id)
    stages = case_axis.by_stage(covered.evaluation.scenes, covered.findings)
    taken = case_axis.shots(
        await casework.case_footage(deps, actor, case_id), placing.pieces_of(covered.facts)
    )
    wanted = _wanted(request, taken)
    cursor = request.query.get("cursor")
    if wanted is not None and len(taken) > _MOST_CLIPS:
        cursor = casework.just_before(wanted[0].clip)
    found = await casework.case_recordings(deps, actor, case_id, cursor, _MOST_CLIPS)
    return await page(
        request,
        "case.html",
        case=view.case,
        clips=await clips.with_preferred(
            deps, actor, [clips.of_case(actor, recording) for recording in found.items]
        ),
        more=found.next,
        axis=case_axis.lay_out([row for _, rows in stages for row in rows], taken),
        spoken=case_axis.spoken,
        wanted=wanted,
        stages=list(Stage),
        stage_counts=Counter(recording.stage for recording in found.items),
        schemes=list(Scheme),
        classes=list(CaseClass),
        mentions=await casework.mentions_of(deps, actor, case_id),
        mention_kinds=list(MentionKind),
        ended=view.ended,
        named=await directory.name_recordings(deps, actor, {link.recording for link in view.ended}),
        history=[(event, words.facts_of(event.facts)) for event in reversed(view.history)],
        can_watch=actor.may(Permission.WATCH),
        coverage_stages=stages,
        shown=marking.shown_groups(
            await casework.case_marks(deps, actor, case_id),
            any(scene.act_type is ActType.COERCION for scene in covered.evaluation.scenes),
        ),
        finding_counts={stage: sum(len(row.findings) for row in rows) for stage, rows in stages},
        other_findings=[
            told
            for told in covered.findings
            if told.finding.scene is None and told.state is not FindingState.WITHDRAWN
        ],
    )


def _wanted(
    request: web.Request, taken: Sequence[case_axis.Shot]
) -> tuple[case_axis.Shot, int] | None:
    """The recording and the place in it that ``?at=`` asks for; a text that is no time for none."""
    try:
        at = Instant.parse(request.query.get("at", "")).at
    except InvalidInput:
        return None
    return case_axis.nearest(taken, at)


@posted("/")
async def open_case(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    case = await casework.open_case(
        request.app[DEPS],
        request[ACTOR],
        number=form.text("number"),
        scheme=form.text("scheme") or Scheme.CASE,
        title=form.optional("title"),
        agency=form.optional("agency"),
    )
    return go(f"/cases/{case.id}", done="opened")


@posted("/")
async def confirm(request: web.Request) -> web.StreamResponse:
    case_id, form = _case_id(request), await read_form(request)
    await casework.amend_case(
        request.app[DEPS], request[ACTOR], case_id, state="confirmed",
        reason=form.optional("reason"),
    )  # fmt: skip
    return go(f"/cases/{case_id}", done="confirmed")


@posted("/")
async def amend(request: web.Request) -> web.StreamResponse:
    case_id, form = _case_id(request), await read_form(request)
    number, classes = form.text("number"), form.every("class")
    if not set(classes) <= set(CaseClass):
        raise InvalidInput("form-invalid", "The form holds something unknown.")
    added = [(form.text("scheme") or Scheme.CASE, number)] if number else []
    await casework.amend_case(
        request.app[DEPS], request[ACTOR], case_id, title=form.text("title"),
        add_identifiers=added, classes=map(CaseClass, classes), reason=form.optional("reason"),
    )  # fmt: skip
    return go(f"/cases/{case_id}", done="amended")


@posted("/")
async def merge(request: web.Request) -> web.StreamResponse:
    """Merge this case into the one whose whole number was typed."""
    deps, actor, case_id = request.app[DEPS], request[ACTOR], _case_id(request)
    form = await read_form(request)
    found = await casework.find_cases(deps, actor, number=form.text("number"), limit=2)
    if len(found.items) != 1:
        code = "case-number-ambiguous" if found.items else "case-not-found"
        return go(f"/cases/{case_id}", error=code)
    into = found.items[0].id
    await casework.merge_cases(deps, actor, case_id, into=into, reason=form.text("reason"))
    return go(f"/cases/{into}", done="merged")


@posted("/")
async def unlink(request: web.Request) -> web.StreamResponse:
    case_id, form = _case_id(request), await read_form(request)
    await casework.unlink(
        request.app[DEPS],
        request[ACTOR],
        recording=RecordingId(id_in_path(request, "recording")),
        case_id=case_id,
        reason=form.text("reason"),
    )
    return go(form.text("back") or f"/cases/{case_id}", done="unlinked")


def _case_id(request: web.Request) -> CaseId:
    return CaseId(id_in_path(request))
