"""Failures become problems: kinds, statuses, headers, and a catalogue that knows every code."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from aiohttp import web

from recorder import errors
from recorder.errors import Kind, RecorderError
from recorder.web import problems, reference
from recorder.web.problem_catalogue import CATALOGUE, SUBJECTS
from recorder.web.routes import ROUTES
from tests.support.raised_codes import raised

REPOSITORY = Path(__file__).resolve().parents[2]
#: What to do when a printed page differs.
REPRINT = "run python -m recorder.web.reference docs/reference"


def test_every_code_that_is_raised_stands_in_the_catalogue_under_its_kind() -> None:
    internal = (Kind.INTERNAL, Kind.INTEGRITY)
    missing = sorted({code for code, kind, _ in raised() if kind not in internal} - set(CATALOGUE))
    assert missing == []
    other_kind = [
        (code, kind.value, file)
        for code, kind, file in raised()
        if kind not in internal and CATALOGUE[code].kind is not kind
    ]
    assert other_kind == []


def test_every_code_of_a_route_stands_in_the_catalogue() -> None:
    assert {code for row in ROUTES for code in row.problems} - set(CATALOGUE) == set()


def test_no_code_stands_under_two_subjects() -> None:
    assert len(CATALOGUE) == sum(len(subject.PROBLEMS) for subject in SUBJECTS)


def test_titles_and_advice_are_whole() -> None:
    for code, entry in CATALOGUE.items():
        assert entry.title[0].isupper() or entry.title.startswith("tus"), code
        assert not entry.title.endswith("."), code
        assert entry.advice.endswith("."), code


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_status(kind: Kind) -> None:
    assert 400 <= problems.status_of(kind) <= 507


def test_facts_are_members_and_never_replace_the_standard_ones() -> None:
    error = errors.Conflict("upload-offset-mismatch", "Elsewhere.", offset=5, status=200, title="x")
    told = problems.problem_of(error, "name-1").body()
    assert told == {
        "type": "/docs/problems#upload-offset-mismatch",
        "title": "Offset does not fit",
        "status": 409,
        "detail": "Elsewhere.",
        "code": "upload-offset-mismatch",
        "instance": "name-1",
        "offset": 5,
    }


@pytest.mark.parametrize(
    "error",
    [
        errors.InternalError("database-refused", "secret text"),
        errors.IntegrityError("store-checksum-mismatch", "secret text"),
        ZeroDivisionError("secret text"),
    ],
)
def test_our_own_mistakes_say_a_reference_number_and_nothing_else(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        problem = problems.problem_of(error, "name-2")
    assert (problem.status, problem.code) == (500, "internal")
    assert "secret" not in str(problem.body())
    assert "name-2" in problem.detail
    assert "secret text" in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "header", "value"),
    [
        (errors.Unauthenticated("token-unknown", "?"), 401, "WWW-Authenticate", "Bearer"),
        (errors.Unavailable("store-unavailable", "?"), 503, "Retry-After", "5"),
        (errors.StorageFull("storage-full", "?"), 507, "Retry-After", "60"),
        (errors.RateLimited("sign-in-limited", "?", retry_after_s=7), 429, "Retry-After", "7"),
        (errors.InvalidInput("range-not-satisfiable", "?", length=9), 416, "Content-Range", "/9"),
    ],
)
def test_headers_that_a_status_demands(
    error: RecorderError, status: int, header: str, value: str
) -> None:
    problem = problems.problem_of(error, "")
    assert problem.status == status
    assert value in problem.headers[header]


def test_a_checksum_mismatch_has_the_status_and_phrase_of_tus() -> None:
    problem = problems.problem_of(errors.Unprocessable("upload-checksum-mismatch", "?"), "")
    assert (problem.status, problem.reason) == (460, "Checksum Mismatch")


def test_what_the_framework_raises_keeps_its_allow_header() -> None:
    problem = problems.problem_of(web.HTTPMethodNotAllowed("PUT", ["GET", "POST"]), "")
    assert (problem.status, problem.code) == (405, "method-not-allowed")
    assert problem.headers["Allow"] == "GET,POST"
    assert problem.facts["allowed"] == ["GET", "POST"]
    assert problems.problem_of(web.HTTPGone(), "").code == "http-error"


def test_a_code_that_is_not_in_the_catalogue_is_still_told() -> None:
    problem = problems.problem_of(errors.NotFound("new-thing", "Not there."), "")
    assert (problem.status, problem.title) == (404, "Not found")


def test_the_page_of_problems_is_printed_from_the_catalogue() -> None:
    printed = (REPOSITORY / "docs/reference/problems.md").read_text()
    assert printed == reference.problems_page(), REPRINT
