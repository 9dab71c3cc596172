"""Rows of the case feed: what sources send, and their upkeep."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import feed_schemas, schemas
from recorder.web import feed_shapes as shapes
from recorder.web.api import feeds
from recorder.web.route import Answer, Route

_TAGS = ("case feed",)
_FEEDS = "/api/v1/feeds"

FEED_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/api/v1/feed/{source}",
        handler=feeds.take,
        permission=Permission.FEED,
        summary="Rows of a case system: a JSON array or JSON lines, answered row by row.",
        query=feed_schemas.FeedQuery,
        request_media_type="application/x-ndjson",
        answer=Answer(schema=shapes.FeedAnswerShape),
        problems=(
            "feed-not-found",
            "feed-suspended",
            "feed-limited",
            "feed-malformed",
            "feed-media-type",
            "feed-too-large",
        ),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=_FEEDS,
        handler=feeds.find,
        permission=Permission.READ_FEEDS,
        summary="The sources that the asker sees.",
        query=schemas.NoQuery,
        answer=Answer(schema=shapes.FeedSourcesShape),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=_FEEDS,
        handler=feeds.add,
        permission=Permission.ADMINISTER,
        summary="Add a source; its token is shown this once.",
        request=feed_schemas.FeedSourceBody,
        answer=Answer(status=201, schema=shapes.AddedFeedSourceShape),
        problems=(
            "feed-exists",
            "feed-name-invalid",
            "feed-quota-invalid",
            "agency-not-found",
            "agency-scope",
        ),
        tags=_TAGS,
    ),
    Route(
        method="PUT",
        path=f"{_FEEDS}/{{source}}/state",
        handler=feeds.set_state,
        permission=Permission.ADMINISTER,
        summary="Suspend a source, or let it feed again.",
        request=feed_schemas.FeedStateBody,
        answer=Answer(schema=shapes.FeedSourceShape),
        problems=("feed-not-found", "reason-missing"),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_FEEDS}/{{source}}",
        handler=feeds.show,
        permission=Permission.READ_FEEDS,
        summary="One source: its last days, what waits for what, and what its codes mean.",
        query=schemas.NoQuery,
        answer=Answer(schema=shapes.FeedViewShape),
        problems=("feed-not-found",),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_FEEDS}/{{source}}/pool",
        handler=feeds.pool,
        permission=Permission.READ_FEEDS,
        summary="Rows of a source that wait, as they came.",
        query=schemas.PageQuery,
        answer=Answer(schema=shapes.PoolShape),
        problems=("feed-not-found", "cursor-invalid"),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=f"{_FEEDS}/{{source}}/mappings",
        handler=feeds.map_code,
        permission=Permission.MEND_FEEDS,
        summary="Say what a code means from a day on; rows that waited for it take part at once,"
        " and those taken by another meaning are read anew.",
        request=feed_schemas.MappingBody,
        answer=Answer(status=201, schema=shapes.ReplayShape),
        problems=("feed-not-found", "feed-mapping-invalid"),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path="/api/v1/merge-proposals",
        handler=feeds.proposals,
        permission=Permission.READ_CASES,
        summary="Pairs of cases that the numbers of a row join, and that nobody has decided.",
        query=schemas.PageQuery,
        answer=Answer(schema=shapes.MergeProposalsShape),
        problems=("cursor-invalid",),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path="/api/v1/merge-proposals/{id}",
        handler=feeds.decide,
        permission=Permission.EDIT_CASES,
        summary="Merge the later case into the earlier one, or say that they are two.",
        request=feed_schemas.MergeDecisionBody,
        answer=Answer(schema=shapes.MergeProposalShape),
        problems=("merge-proposal-not-found", "merge-proposal-decided", "reason-missing"),
        tags=_TAGS,
    ),
)
