"""Cases: find, open, amend, merge; their timeline; links to recordings."""

from __future__ import annotations

from aiohttp import hdrs, web

from recorder.domain.ids import CaseId, RecordingId
from recorder.services import casework
from recorder.web import link_shapes, schemas, shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.CasesQuery)
    page = await casework.find_cases(
        request.app[DEPS], request[ACTOR], number=asked.number, prefix=asked.prefix, q=asked.q,
        cursor=asked.cursor, limit=asked.limit,
    )  # fmt: skip
    return json_answer(shapes.page_shape(page, shapes.CaseLineShape.of))


async def open_case(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.CaseBody)
    case = await casework.open_case(
        request.app[DEPS], request[ACTOR],
        number=body.number, scheme=body.scheme, title=body.title, agency=body.agency,
    )  # fmt: skip
    location = {"Location": f"/api/v1/cases/{case.id}"}
    return json_answer(shapes.CaseLineShape.of(case), status=201, headers=location)


async def show(request: web.Request) -> web.StreamResponse:
    view = await casework.view_case(request.app[DEPS], request[ACTOR], _case_id(request))
    if view.case.merged_into is not None:
        # 308 keeps the method, so that programs with the old id go on working.
        location = f"/api/v1/cases/{view.case.merged_into}"
        return web.Response(status=308, headers={hdrs.LOCATION: location})
    return json_answer(
        shapes.CaseShape(
            **dict(shapes.CaseLineShape.of(view.case)),
            links=tuple(shapes.LinkShape.of(link) for link in view.links),
            ended_links=tuple(shapes.LinkShape.of(link) for link in view.ended),
            history=tuple(shapes.EventShape.of(event) for event in view.history),
        )
    )


async def amend(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.CaseChangeBody)
    case = await casework.amend_case(
        request.app[DEPS], request[ACTOR], _case_id(request),
        title=body.title, state=body.state, reason=body.reason,
        add_identifiers=[(i.scheme, i.number) for i in body.add_identifiers],
        classes=body.classes,
    )  # fmt: skip
    return json_answer(shapes.CaseLineShape.of(case))


async def merge(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.MergeBody)
    case = await casework.merge_cases(
        request.app[DEPS], request[ACTOR], _case_id(request),
        into=CaseId(body.into), reason=body.reason,
    )  # fmt: skip
    return json_answer(shapes.CaseLineShape.of(case))


async def recordings(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.PageQuery)
    page = await casework.case_recordings(
        request.app[DEPS], request[ACTOR], _case_id(request), asked.cursor, asked.limit
    )
    return json_answer(shapes.page_shape(page, shapes.CaseRecordingShape.of))


async def link(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.LinkBody)
    made = await casework.link(
        request.app[DEPS], request[ACTOR], recording=_recording_id(request),
        case_id=_case_id(request), stage=body.stage, reason=body.reason,
    )  # fmt: skip
    return json_answer(shapes.LinkShape.of(made))


async def unlink(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    ended = await casework.unlink(
        request.app[DEPS], request[ACTOR],
        recording=_recording_id(request), case_id=_case_id(request), reason=body.reason,
    )  # fmt: skip
    return json_answer(shapes.LinkShape.of(ended))


async def link_many(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.LinksBody)
    outcomes = await casework.link_many(
        request.app[DEPS],
        request[ACTOR],
        [
            casework.LinkWanted(
                recording=RecordingId(line.recording),
                case_id=CaseId(line.case) if line.case else None,
                number=line.number,
                stage=line.stage,
                reason=line.reason,
            )
            for line in body.links
        ],
    )
    return json_answer(
        link_shapes.LinkOutcomesShape(items=tuple(map(link_shapes.LinkOutcomeShape.of, outcomes)))
    )


def _case_id(request: web.Request) -> CaseId:
    return CaseId(id_in_path(request))


def _recording_id(request: web.Request) -> RecordingId:
    return RecordingId(id_in_path(request, "recording"))
