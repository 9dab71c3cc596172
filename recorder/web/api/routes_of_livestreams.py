"""Rows of livestreams: what devices and gateways push, and what people ask about them."""

from __future__ import annotations

from recorder.domain.limit import Limit
from recorder.domain.people import Permission
from recorder.web import live_shapes, schemas
from recorder.web.api import live_watching, livestreams
from recorder.web.route import Answer, Route
from recorder.web.shapes import ListShape, PlaybackShape

_TAGS = ("livestreams",)
_LIVESTREAMS = "/api/v1/livestreams"
_LIVESTREAM = "/api/v1/livestreams/{id}"
_WATCH = f"{_LIVESTREAM}/watch/{{secret}}"
_WATCH_PROBLEMS = ("livestream-not-found", "playback-not-ready", "playback-impossible")
_SEGMENT_PROBLEMS = (
    "livestream-not-found",
    "playback-grant-ended",
    "segment-not-found",
    "range-not-satisfiable",
    "store-unavailable",
)
_DIGEST = (livestreams.CONTENT_DIGEST, "`sha-256=:BASE64:` of the body (RFC 9530)")
_PUT = Answer(
    status=201,
    schema=live_shapes.SegmentShape,
    others=((200, "These very bytes were here already."),),
)
_PUT_PROBLEMS = (
    "livestream-not-found",
    "content-digest-missing",
    "content-digest-invalid",
    "period-number-invalid",
    "segment-conflicting",
    "segment-digest-mismatch",
    "segment-empty",
    "segment-too-large",
    "upload-content-encoding",
    "upload-silent",
    "livestream-taken-over",
    "livestream-form-differs",
    "database-younger-than-store",
    "storage-full",
    "store-unavailable",
)

LIVESTREAM_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=_LIVESTREAMS,
        handler=livestreams.open_livestream,
        permission=Permission.UPLOAD,
        summary="Open a livestream that is pushed segment by segment.",
        request=schemas.LivestreamBody,
        answer=Answer(
            status=201,
            schema=live_shapes.LivestreamShape,
            headers=(("Location", "the livestream, relative to the host"),),
        ),
        problems=(
            "agency-missing",
            "name-invalid",
            "database-younger-than-store",
            "storage-full",
            "store-unavailable",
        ),
        tags=_TAGS,
        limit=Limit.OPENING,
    ),
    Route(
        method="GET",
        path=_LIVESTREAMS,
        handler=livestreams.find,
        permission=Permission.BROWSE,
        summary="Livestreams, newest first.",
        query=schemas.LivestreamsQuery,
        answer=Answer(schema=ListShape[live_shapes.LivestreamLineShape]),
        problems=("cursor-invalid",),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=_LIVESTREAM,
        handler=livestreams.show,
        permission=Permission.READ_RECORDINGS,
        summary="One livestream with what is missing of it.",
        query=schemas.NoQuery,
        answer=Answer(schema=live_shapes.LivestreamShape),
        problems=("livestream-not-found",),
        tags=_TAGS,
    ),
    Route(
        method="PUT",
        path=f"{_LIVESTREAM}/periods/{{period}}/init",
        handler=livestreams.put_init,
        permission=Permission.DELIVER,
        summary="Begin a period with its init segment.",
        query=schemas.InitQuery,
        request_media_type="video/mp4",
        request_headers=(_DIGEST,),
        answer=_PUT,
        problems=_PUT_PROBLEMS,
        tags=_TAGS,
    ),
    Route(
        method="PUT",
        path=f"{_LIVESTREAM}/periods/{{period}}/segments/{{number}}",
        handler=livestreams.put_segment,
        permission=Permission.DELIVER,
        summary="Deliver a segment; durable when it is answered.",
        request_media_type="video/mp4",
        request_headers=(
            _DIGEST,
            (livestreams.DEVICE_TIME, "the device's clock at the first frame, if it has one"),
        ),
        answer=_PUT,
        problems=(
            *_PUT_PROBLEMS,
            "period-not-begun",
            "segment-number-invalid",
            "segment-number-too-far",
            "time-malformed",
        ),
        tags=_TAGS,
    ),
    Route(
        method="PUT",
        path=f"{_LIVESTREAM}/periods/{{period}}/chunks/{{number}}",
        handler=livestreams.put_chunk,
        permission=Permission.DELIVER,
        summary="Deliver a chunk, a slice of the file of its period; durable when it is answered.",
        query=schemas.InitQuery,
        request_media_type="application/octet-stream",
        request_headers=(
            _DIGEST,
            (livestreams.DEVICE_TIME, "the device's clock at the beginning of the chunk"),
        ),
        answer=_PUT,
        problems=(
            *_PUT_PROBLEMS,
            "chunk-period-single",
            "segment-number-invalid",
            "segment-number-too-far",
            "time-malformed",
        ),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=f"{_LIVESTREAM}/push-keys",
        handler=livestreams.make_push_key,
        permission=Permission.UPLOAD,
        summary="A key that delivers this livestream for seven days and does nothing else.",
        answer=Answer(status=201, schema=live_shapes.PushKeyShape),
        problems=("livestream-not-found",),
        tags=_TAGS,
        limit=Limit.OPENING,
    ),
    Route(
        method="POST",
        path=f"{_LIVESTREAM}/close",
        handler=livestreams.close,
        permission=Permission.DELIVER,
        summary="Say that a livestream is over, and which segment is its last.",
        request=schemas.CloseLivestreamBody,
        answer=Answer(schema=live_shapes.LivestreamShape),
        problems=("livestream-not-found", "segment-number-invalid", "store-unavailable"),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_LIVESTREAM}/playback",
        handler=live_watching.grant,
        permission=Permission.WATCH,
        summary="An address to watch a livestream from, live and back to its start.",
        query=schemas.NoQuery,
        answer=Answer(schema=PlaybackShape),
        problems=_WATCH_PROBLEMS,
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_LIVESTREAM}/index.m3u8",
        handler=live_watching.index,
        permission=Permission.WATCH,
        summary="The same for players that only follow: leads to the playlist.",
        query=schemas.NoQuery,
        answer=Answer(
            media_type="application/vnd.apple.mpegurl",
            others=((307, "Location names the playlist under a ticket: follow it."),),
        ),
        problems=_WATCH_PROBLEMS,
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_WATCH}/index.m3u8",
        handler=live_watching.playlist,
        permission=Permission.WATCH,
        summary="The playlist of the segments that are evidence, while the ticket lasts.",
        query=schemas.NoQuery,
        answer=Answer(media_type="application/vnd.apple.mpegurl"),
        problems=("livestream-not-found", "playback-grant-ended"),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_WATCH}/periods/{{period}}/init.mp4",
        handler=live_watching.init,
        permission=Permission.WATCH,
        summary="The init segment of a period.",
        query=schemas.NoQuery,
        answer=Answer(media_type="video/mp4", others=((206, "A range of it."),)),
        problems=_SEGMENT_PROBLEMS,
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_WATCH}/segments/{{number}}.m4s",
        handler=live_watching.segment,
        permission=Permission.WATCH,
        summary="A segment.",
        query=schemas.NoQuery,
        answer=Answer(media_type="video/mp4", others=((206, "A range of it."),)),
        problems=_SEGMENT_PROBLEMS,
        tags=_TAGS,
    ),
)
