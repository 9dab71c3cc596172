"""The route table as a whole, and the pure pieces that handlers stand on."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from recorder.domain.people import GRANTS, Permission
from recorder.errors import InvalidInput
from recorder.web import schemas
from recorder.web.content import Span, attachment, parse_range
from recorder.web.openapi import roles
from recorder.web.routes import ROUTES

#: What nobody needs to be known for; a new public row must be meant.
PUBLIC_API = {
    "OPTIONS /api/v1/uploads",
    "OPTIONS /api/v1/uploads/{id}",
    "POST /api/v1/devices/enrol",
    "POST /api/v1/gateways/hooks/{secret}",
    "POST /api/v1/gateways/hooks/{secret}/{hook}",
    "GET /api/v1/service-key",
    # Whoever has the address of a frame has no other word for who it is.
    *(
        f"GET /api/v1/embeds/{{embed}}/{piece}"
        for piece in (
            "recordings/{id}/playback",
            "recordings/{id}/playback/{secret}",
            "recordings/{id}/poster",
            "livestreams/{id}/watch/{secret}/index.m3u8",
            "livestreams/{id}/watch/{secret}/periods/{period}/init.mp4",
            "livestreams/{id}/watch/{secret}/segments/{number}.m4s",
            "livestreams/{id}/watch/{secret}/proxy/index.m3u8",
            "livestreams/{id}/watch/{secret}/proxy/periods/{period}/init.mp4",
            "livestreams/{id}/watch/{secret}/proxy/segments/{number}.m4s",
        )
    ),
}


def test_no_row_is_written_twice_and_each_says_what_it_does() -> None:
    names = [(row.method, row.path) for row in ROUTES]
    assert len(names) == len(set(names))
    for row in ROUTES:
        assert row.summary.endswith("."), row.path
        assert re.fullmatch(r"/[a-z0-9/_.{}:+\-]*", row.path), row.path


def test_only_what_is_meant_is_public() -> None:
    public = {
        f"{row.method} {row.path}"
        for row in ROUTES
        if row.permission is Permission.PUBLIC and row.path.startswith("/api/")
    }
    assert public == PUBLIC_API


def test_what_changes_something_needs_more_than_reading() -> None:
    reading = {Permission.BROWSE, Permission.READ_RECORDINGS, Permission.READ_CASES}
    reading |= {Permission.READ_WORK, Permission.WATCH}
    for row in ROUTES:
        if row.method not in ("GET", "HEAD", "OPTIONS") and row.path.startswith("/api/"):
            assert row.permission not in reading, row.path


def test_every_permission_is_somebodys() -> None:
    used = {row.permission for row in ROUTES}
    granted = frozenset[Permission]().union(*GRANTS.values())
    assert used - granted <= {Permission.PUBLIC, Permission.SIGNED_IN}
    assert all(roles(permission) for permission in used)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-", Span(0, 9)),
        ("bytes=3-5", Span(3, 5)),
        ("bytes=-3", Span(7, 9)),
        ("bytes=-30", Span(0, 9)),
        ("bytes=9-9999999999999999999", Span(9, 9)),
        ("bytes=5-3", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes=٣-", None),
    ],
)
def test_one_range_is_read_and_all_else_means_the_whole(
    header: str | None, span: Span | None
) -> None:
    assert parse_range(header, 10) == span


@pytest.mark.parametrize(
    ("header", "length"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_a_range_outside_the_content_cannot_be_satisfied(header: str, length: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_range(header, length)
    assert caught.value.code == "range-not-satisfiable"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clip.mp4", "attachment; filename=\"clip.mp4\"; filename*=UTF-8''clip.mp4"),
        ("视频.mp4", "attachment; filename=\"__.mp4\"; filename*=UTF-8''%E8%A7%86%E9%A2%91.mp4"),
        ("../a\r\nb", "attachment; filename=\"_a__b\"; filename*=UTF-8''.._ab"),
        ("", "attachment; filename=\"original\"; filename*=UTF-8''"),
    ],
)
def test_a_name_is_offered_for_saving_without_paths_or_line_ends(name: str, expected: str) -> None:
    assert attachment(name) == expected


@pytest.mark.parametrize(
    "body",
    [
        '{"number": "A1", "scheme": "lunch"}',
        '{"number": ""}',
        '{"number": "A1", "title": 5}',
        '{"number": "A1", "unknown": null}',
        "{}",
    ],
)
def test_bodies_hold_what_is_asked_for_and_nothing_else(body: str) -> None:
    with pytest.raises(ValidationError):
        schemas.CaseBody.model_validate_json(body)


def test_bodies_are_read_from_json_with_their_types() -> None:
    case = schemas.CaseBody.model_validate_json('{"number": "A1", "scheme": "filing"}')
    assert (case.number, case.scheme.value) == ("A1", "filing")
    over = schemas.HandOverBody.model_validate_json(
        '{"officer": null, "at": "2026-03-02T16:00:00"}'
    )
    assert over.at is not None
    assert over.at.isoformat() == "2026-03-02T08:00:00+00:00"
