"""Rows of recordings and cases."""

from __future__ import annotations

from dataclasses import replace

from recorder.domain.limit import Limit
from recorder.domain.people import Permission
from recorder.web import link_shapes, schemas, shapes, work_shapes
from recorder.web.api import cases, footage, recordings
from recorder.web.object_shapes import ObjectsShape
from recorder.web.route import Answer, Route

_RECORDING = "/api/v1/recordings/{id}"
_CASE = "/api/v1/cases/{id}"
_LINK = "/api/v1/cases/{id}/recordings/{recording}"
_PAGE_PROBLEMS = ("cursor-invalid",)
_NO_RECORDING = ("recording-not-found",)
_RESTRICTED = ("footage-restricted",)
_NO_CASE = ("case-not-found",)
_BYTES = ("range-not-satisfiable", "store-unavailable")
_PARTS = (
    (206, "The range that was asked for."),
    (304, "If-None-Match named this content."),
)
_RANGE = (
    ("Range", "one range of bytes; several are answered with the whole"),
    ("If-Range", "a strong entity tag"),
)


def _with_head(row: Route) -> tuple[Route, Route]:
    """A row for GET, and the same for HEAD."""
    return row, replace(row, method="HEAD", summary=f"{row.summary} Without the bytes.")


RECORDING_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/recordings",
        handler=recordings.find,
        permission=Permission.READ_RECORDINGS,
        summary="Find recordings, newest first.",
        query=schemas.RecordingsQuery,
        answer=Answer(schema=shapes.ListShape[shapes.RecordingLineShape]),
        problems=_PAGE_PROBLEMS,
        tags=("recordings",),
        limit=Limit.SEARCH,
    ),
    Route(
        method="GET",
        path=_RECORDING,
        handler=recordings.show,
        permission=Permission.READ_RECORDINGS,
        summary="One recording with its digests, tasks and cases.",
        answer=Answer(
            schema=shapes.RecordingShape,
            less=(
                work_shapes.SentRecordingShape,
                "To whoever sent it and may not see it otherwise",
            ),
        ),
        problems=_NO_RECORDING,
        tags=("recordings",),
    ),
    *_with_head(
        Route(
            method="GET",
            path=f"{_RECORDING}/original",
            handler=footage.original,
            permission=Permission.WATCH,
            summary="The original, byte for byte.",
            request_headers=_RANGE,
            answer=Answer(
                media_type="*/*",
                headers=(("ETag", "the SHA-256, once verified"), ("Content-Disposition", "name")),
                others=_PARTS,
            ),
            problems=(
                *_NO_RECORDING,
                *_RESTRICTED,
                "recording-simulated",
                "review-awaited",
                *_BYTES,
            ),
            tags=("recordings",),
        )
    ),
    Route(
        method="GET",
        path=f"{_RECORDING}/playback",
        handler=footage.grant_playback,
        permission=Permission.WATCH,
        summary="An address from which the asker can play the recording for ten minutes.",
        answer=Answer(schema=shapes.PlaybackShape),
        problems=(
            *_NO_RECORDING,
            *_RESTRICTED,
            "playback-not-ready",
            "playback-impossible",
            "recording-simulated",
        ),
        tags=("recordings",),
    ),
    *_with_head(
        Route(
            method="GET",
            path=f"{_RECORDING}/playback/{{secret}}",
            handler=footage.playback,
            permission=Permission.WATCH,
            summary="The pictures behind a playback address.",
            request_headers=_RANGE,
            answer=Answer(media_type="*/*", others=_PARTS),
            problems=(*_NO_RECORDING, *_RESTRICTED, "playback-grant-ended", *_BYTES),
            tags=("recordings",),
        )
    ),
    *_with_head(
        Route(
            method="GET",
            path=f"{_RECORDING}/poster",
            handler=footage.poster,
            permission=Permission.WATCH,
            summary="A still that stands for the recording.",
            answer=Answer(media_type="image/jpeg", others=_PARTS),
            problems=(*_NO_RECORDING, *_RESTRICTED, "poster-not-found", *_BYTES),
            tags=("recordings",),
        )
    ),
    Route(
        method="GET",
        path=f"{_RECORDING}/receipt",
        handler=recordings.receipt,
        permission=Permission.READ_RECORDINGS,
        summary="The signed receipt, a C2SP signed note.",
        answer=Answer(media_type="text/plain"),
        problems=(*_NO_RECORDING, "receipt-not-yet", "receipt-never", "recording-simulated"),
        tags=("recordings",),
    ),
    Route(
        method="GET",
        path=f"{_RECORDING}/events",
        handler=recordings.events,
        permission=Permission.READ_RECORDINGS,
        summary="The custody events of a recording, in their order.",
        query=schemas.EventsQuery,
        answer=Answer(schema=shapes.EventsShape),
        problems=_NO_RECORDING,
        tags=("recordings",),
    ),
    Route(
        method="GET",
        path=f"{_RECORDING}/objects",
        handler=recordings.objects,
        permission=Permission.READ_RECORDINGS,
        summary="The objects that its original consists of in the store, in their order.",
        query=schemas.ObjectsQuery,
        answer=Answer(schema=ObjectsShape),
        problems=_NO_RECORDING,
        tags=("recordings",),
    ),
    Route(
        method="POST",
        path=f"{_RECORDING}/admit",
        handler=recordings.admit,
        permission=Permission.ADMIT,
        summary="Let quarantined footage in, with a reason.",
        request=schemas.AdmitBody,
        answer=Answer(schema=shapes.RecordingShape),
        problems=(*_NO_RECORDING, "recording-not-quarantined", "agency-not-found"),
        tags=("recordings",),
    ),
    Route(
        method="POST",
        path="/api/v1/recordings/links",
        handler=cases.link_many,
        permission=Permission.LINK,
        summary="Tie many recordings to cases; each line is made or refused by itself.",
        request=schemas.LinksBody,
        answer=Answer(schema=link_shapes.LinkOutcomesShape),
        tags=("recordings", "cases"),
    ),
)

CASE_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/cases",
        handler=cases.find,
        permission=Permission.READ_CASES,
        summary="Find cases by a whole number, its beginning or a fragment.",
        query=schemas.CasesQuery,
        answer=Answer(schema=shapes.ListShape[shapes.CaseLineShape]),
        problems=(
            *_PAGE_PROBLEMS,
            "search-ambiguous",
            "case-number-empty",
            "case-number-too-long",
        ),
        tags=("cases",),
        limit=Limit.SEARCH,
    ),
    Route(
        method="POST",
        path="/api/v1/cases",
        handler=cases.open_case,
        permission=Permission.EDIT_CASES,
        summary="Open a case.",
        request=schemas.CaseBody,
        answer=Answer(status=201, schema=shapes.CaseLineShape),
        problems=(
            "case-number-taken",
            "case-number-empty",
            "case-number-too-long",
            "agency-not-found",
        ),
        tags=("cases",),
    ),
    Route(
        method="GET",
        path=_CASE,
        handler=cases.show,
        permission=Permission.READ_CASES,
        summary="One case with its links and history; a merged one redirects (308).",
        answer=Answer(
            schema=shapes.CaseShape,
            others=((308, "The case was merged into the one at Location."),),
        ),
        problems=_NO_CASE,
        tags=("cases",),
    ),
    Route(
        method="PATCH",
        path=_CASE,
        handler=cases.amend,
        permission=Permission.EDIT_CASES,
        summary="Change a title, confirm a provisional case, add numbers.",
        request=schemas.CaseChangeBody,
        answer=Answer(schema=shapes.CaseLineShape),
        problems=(*_NO_CASE, "case-merged", "case-number-taken", "case-number-empty"),
        tags=("cases",),
    ),
    Route(
        method="POST",
        path=f"{_CASE}/merge",
        handler=cases.merge,
        permission=Permission.EDIT_CASES,
        summary="Move numbers and recordings of a case into another one.",
        request=schemas.MergeBody,
        answer=Answer(schema=shapes.CaseLineShape),
        problems=(
            *_NO_CASE,
            "case-merged",
            "case-merge-itself",
            "case-merge-agency",
            "reason-missing",
        ),
        tags=("cases",),
    ),
    Route(
        method="GET",
        path=f"{_CASE}/recordings",
        handler=cases.recordings,
        permission=Permission.READ_CASES,
        summary="The timeline of a case.",
        query=schemas.PageQuery,
        answer=Answer(schema=shapes.ListShape[shapes.CaseRecordingShape]),
        problems=(*_NO_CASE, *_PAGE_PROBLEMS),
        tags=("cases",),
    ),
    Route(
        method="PUT",
        path=_LINK,
        handler=cases.link,
        permission=Permission.LINK,
        summary="Tie a recording to a case; again with another stage to change it.",
        request=schemas.LinkBody,
        answer=Answer(schema=shapes.LinkShape),
        problems=(*_NO_CASE, *_NO_RECORDING, "case-merged"),
        tags=("cases",),
    ),
    Route(
        method="DELETE",
        path=_LINK,
        handler=cases.unlink,
        permission=Permission.LINK,
        summary="End the tie, with a reason that stays.",
        request=schemas.ReasonBody,
        answer=Answer(schema=shapes.LinkShape),
        problems=(*_NO_CASE, *_NO_RECORDING, "link-not-found", "reason-missing"),
        tags=("cases",),
    ),
)

EVIDENCE_ROUTES: tuple[Route, ...] = (*RECORDING_ROUTES, *CASE_ROUTES)
