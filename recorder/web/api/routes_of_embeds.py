"""Rows of embeds: one to ask for an address, the others for what a frame under it asks for."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import schemas, shapes
from recorder.web.api import embeds, footage, live_watching
from recorder.web.embed_shapes import EmbedBody, EmbedShape
from recorder.web.route import Answer, Handler, Route

_TAGS = ("embeds",)
_EMBED = "/api/v1/embeds/{embed}"
_RECORDING = f"{_EMBED}/recordings/{{id}}"
_WATCH = f"{_EMBED}/livestreams/{{id}}/watch/{{secret}}"
_PLAYLIST = "application/vnd.apple.mpegurl"


def _piece(path: str, handler: Handler, summary: str, answer: Answer) -> Route:
    """What a frame asks for; the secret in the path is who it is."""
    return Route(
        method="GET",
        path=path,
        handler=embeds.within(handler),
        permission=Permission.PUBLIC,
        summary=summary,
        query=schemas.PlaylistQuery if answer.media_type == _PLAYLIST else None,
        answer=answer,
        problems=("embed-ended", "playback-grant-ended", "footage-restricted"),
        tags=_TAGS,
    )


_BYTES = Answer(media_type="*/*", others=((206, "A range of it."),))
_SEGMENT = Answer(media_type="video/mp4", others=((206, "A range of it."),))

EMBED_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/api/v1/embeds",
        handler=embeds.grant,
        permission=Permission.EMBED,
        summary="An address under which a frame shows a case's footage to one person for a while.",
        request=EmbedBody,
        answer=Answer(status=201, schema=EmbedShape),
        problems=(
            "embed-off",
            "embed-program",
            "case-not-found",
            "case-number-ambiguous",
            "name-invalid",
        ),
        tags=_TAGS,
    ),
    _piece(
        f"{_RECORDING}/playback", embeds.grant_playback,
        "In an embed: an address to play a recording of its case from.",
        Answer(schema=shapes.PlaybackShape),
    ),
    _piece(
        f"{_RECORDING}/playback/{{secret}}", footage.playback,
        "In an embed: the pictures behind a playback address.", _BYTES,
    ),
    _piece(f"{_RECORDING}/poster", footage.poster, "In an embed: the still.", _BYTES),
    _piece(
        f"{_WATCH}/index.m3u8", live_watching.playlist,
        "In an embed: the playlist of a recording that was a livestream.",
        Answer(media_type=_PLAYLIST),
    ),
    _piece(
        f"{_WATCH}/proxy/index.m3u8", live_watching.proxy_playlist,
        "In an embed: the same for browsers that cannot play it.", Answer(media_type=_PLAYLIST),
    ),
    *(
        _piece(f"{_WATCH}{under}/{path}", handler, f"In an embed: {what}.", _SEGMENT)
        for under, init, segment in (
            ("", live_watching.init, live_watching.segment),
            ("/proxy", live_watching.proxy_init, live_watching.proxy_segment),
        )
        for path, handler, what in (
            ("periods/{period}/init.mp4", init, "an init segment"),
            ("segments/{number}.m4s", segment, "a segment"),
        )
    ),
)  # fmt: skip
