"""The API description: complete, sound, and equal to what stands in docs/reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from recorder.domain.case import CaseClass
from recorder.domain.people import Permission
from recorder.domain.provenance import UNSAID, Camera, ContentReview, ProvenanceKind
from recorder.services.casework import SoughtBy
from recorder.web import openapi, reference, schemas
from recorder.web.api.route_table import API_ROUTES
from recorder.web.mention_shapes import MentioningQuery
from recorder.web.problem_catalogue import CATALOGUE
from recorder.web.routes import ROUTES

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = openapi.document(ROUTES)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in DOCUMENT["paths"].items():
        for method, operation in found.items():
            yield path, method, operation


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_described_row_is_there_and_nothing_else() -> None:
    described = {(row.path, row.method.lower()) for row in ROUTES if row.described}
    assert {(path, method) for path, method, _ in operations()} == described
    assert DOCUMENT["openapi"] == "3.1.0"
    assert all(row.described for row in ROUTES if row.path.startswith("/api/"))


def test_every_reference_leads_somewhere() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) - known == set()


def test_every_operation_has_a_name_of_its_own_answers_and_its_path_parameters() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    for path, method, operation in operations():
        assert any(status.startswith("2") for status in operation["responses"]), (path, method)
        assert "500" in operation["responses"]
        given = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert given == set(re.findall(r"{(\w+)}", path))
        assert operation["summary"].endswith(".")
        for response in operation["responses"].values():
            assert response["description"]


def test_every_operation_says_who_may_and_how_to_sign_in() -> None:
    for path, _, operation in operations():
        public = operation["x-permission"] == Permission.PUBLIC.value
        assert ("security" in operation) != public, path
        assert operation["x-roles"], path
        # A media server is told to ask its publisher for a key.
        assert ("401" in operation["responses"]) != public or "/hooks/" in path, path


def test_every_row_with_a_query_describes_each_parameter_by_the_name_that_is_sent() -> None:
    listed = DOCUMENT["paths"]["/api/v1/recordings"]["get"]["parameters"]
    names = {parameter["name"] for parameter in listed}
    assert names == {
        "device", "officer", "agency", "from", "to", "state", "flag", "linked", "q", "cursor",
        "limit", "restricted", "provenance", "camera", "class", "review", "marks",
    }  # fmt: skip


def test_problem_codes_are_listed_in_the_schema() -> None:
    codes = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert set(codes) == set(CATALOGUE)


def test_the_reference_is_printed_from_the_table() -> None:
    printed = (REPOSITORY / "docs/reference/api.md").read_text()
    assert printed == reference.api_page(API_ROUTES), (
        "run python -m recorder.web.reference docs/reference"
    )


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (schemas.ProvenanceWord, {*ProvenanceKind, UNSAID}),
        (schemas.CameraWord, set(Camera)),
        (schemas.ClassWord, set(CaseClass)),
        (schemas.ReviewWord, set(ContentReview)),
        (MentioningQuery.model_fields["by"].annotation, set(SoughtBy)),
    ],
)
def test_words_of_queries_are_those_of_the_product(words: object, meant: set[str]) -> None:
    assert set(get_args(words)) == meant
