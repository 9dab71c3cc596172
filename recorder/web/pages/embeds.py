"""What a frame of another system shows: one case's footage, and nothing to click away to."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from recorder.domain.case import Stage
from recorder.domain.instant import CHINA
from recorder.errors import NotFound
from recorder.services import casework, embeds
from recorder.web.keys import ACTOR, DEPS, FRAMED_BY
from recorder.web.pages import clips
from recorder.web.pages.rendering import draw

_MOST_CLIPS = 200


async def show(request: web.Request) -> web.StreamResponse:
    deps, secret = request.app[DEPS], request.match_info["embed"]
    request[FRAMED_BY] = " ".join(deps.config.embedding_origins)
    try:
        embed = await embeds.opened(deps, secret)
        request[ACTOR] = embed.actor
        case = (await casework.view_case(deps, embed.actor, embed.case)).case
        if case.merged_into is not None:
            raise NotFound("embed-ended", "The case went into another one: ask for a new address.")
    except NotFound:
        return draw(request, "embed_ended.html", status=404)
    found = await casework.case_recordings(deps, embed.actor, case.id, None, _MOST_CLIPS)
    opened_at = deps.clock.now().astimezone(CHINA)
    return draw(
        request,
        "embed.html",
        case=case,
        number=embed.number,
        api=f"/api/v1/embeds/{secret}",
        watermark=f"{embed.on_behalf_of} {opened_at:%Y-%m-%d %H:%M}",
        clips=[clips.of_case(embed.actor, recording) for recording in found.items],
        more=found.next,
        stages=list(Stage),
        stage_counts=Counter(recording.stage for recording in found.items),
        can_watch=True,
    )
