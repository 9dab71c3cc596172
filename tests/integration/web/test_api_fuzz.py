"""What the API description promises holds for generated requests, sent as everybody.

schemathesis draws requests from our own OpenAPI document, fitting and misfitting ones. Each is sent
as nobody and as every role, about things that are there and things that are not; every answer must
be one that the document describes. What it found before is in docs/design/fuzzing.md.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from recorder.domain.people import Role
from recorder.web import openapi
from recorder.web.routes import ROUTES
from tests.support import fuzzing
from tests.support import postgres as databases
from tests.support.role_world import things_of
from tests.support.service_thread import ServiceThread
from tests.support.web_service import PATCH

Operation: TypeAlias = schemathesis.APIOperation[Any, Any, Any, Any]
Case: TypeAlias = schemathesis.Case[Any]

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
#: What does not end by itself; the tests of each stream read it.
ENDLESS = "text/event-stream"
#: Requests of each operation in one round, of those that fit and those that do not.
EXAMPLES = 3
#: A service that hangs is a finding.
PATIENCE_S = 30

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
schemathesis.serializer.alias("video/mp4", "application/octet-stream")
# One row on one line.
schemathesis.serializer.alias("application/x-ndjson", "application/json")
DOCUMENT = schemathesis.openapi.from_dict(openapi.document(ROUTES))


def _is_endless(operation: Operation) -> bool:
    answers = operation.definition.raw["responses"].values()
    return any(ENDLESS in answer.get("content", {}) for answer in answers)


OPERATIONS: list[Operation] = [
    found.ok()
    for found in DOCUMENT.get_all_operations()
    if isinstance(found, Ok) and not _is_endless(found.ok())
]


@dataclass
class Asker:
    """Sends each request as everybody and notes every answer that breaks a promise."""

    url: str
    tokens: dict[str, str]
    things: dict[str, str]
    session: requests.Session
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)

    def ask(self, case: Case, about: str) -> None:
        """Send it as everybody, about a thing that is there or as it was drawn."""
        self._aim(case, about)
        for role, token in self.tokens.items():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            what = f"{case.operation.label} as {role}"
            try:
                answer = case.call(self.url, self.session, headers, timeout=PATIENCE_S)
            except requests.RequestException as error:
                self.broken.setdefault(what, f"{error!r}\n{case.as_curl_command()}")
                continue
            self.seen[case.operation.label, answer.status_code] += 1
            fuzzing.tried("requests answered")
            try:
                case.validate_response(answer, checks=CHECKS)
            except (Failure, FailureGroup) as failure:
                told = "\n".join(map(str, getattr(failure, "exceptions", [failure])))
                self.broken.setdefault(f"{what}: {answer.status_code}", told)

    def _aim(self, case: Case, about: str) -> None:
        first = case.operation.path.removeprefix("/api/v1/").partition("/")[0]
        real = {"id": self.things.get(first), "recording": self.things["recordings"]}
        for name in list(case.path_parameters or {}):
            if about == "real" and real.get(name):
                case.path_parameters[name] = real[name]


@pytest.fixture
def asker(postgres: databases.Cluster) -> Iterator[Asker]:
    with ServiceThread.running(postgres) as thread, requests.Session() as session:
        session.trust_env = False
        service = thread.service
        tokens = {role.value: thread.run(service.token(role)) for role in Role}
        things = thread.run(things_of(service, tokens[Role.DEVICE.value]))
        sent = thread.run(
            service.ask(
                "POST", "/api/v1/uploads", tokens[Role.DEVICE.value],
                headers={**PATCH, "Upload-Length": "3000"}, data=os.urandom(3000),
            )
        )  # fmt: skip
        things["recordings"] = sent.headers["Recorder-Recording"]
        yield Asker(service.url, {"nobody": "", **tokens}, things, session)


def requests_of(operation: Operation) -> st.SearchStrategy[Case]:
    """What fits the description and, where anything can be wrong, what does not."""
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    described = operation.definition.raw
    if not described["parameters"] and "requestBody" not in described:
        return fitting
    return st.one_of(fitting, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def send_all(asker: Asker, number: int) -> None:
    """One round over every operation."""
    for operation in OPERATIONS:

        @seed(number)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=requests_of(operation), about=st.sampled_from(["real", "real", "drawn"]))
        def drawn(case: Case, about: str) -> None:
            asker.ask(case, about)

        drawn()


@pytest.mark.timeout(fuzzing.limit_s(300))
def test_every_answer_to_generated_requests_is_one_that_the_description_names(
    asker: Asker,
) -> None:
    for number in fuzzing.rounds():
        send_all(asker, number)
        assert not asker.broken, "\n\n".join(f"{k}\n{v}" for k, v in asker.broken.items())
    described = {
        f"{row.method} {row.path}"
        for row in ROUTES
        if row.described and row.answer.media_type != ENDLESS
    }
    assert {label for label, _ in asker.seen} == described
    # Not everything is refused: a third of the operations was also done at least.
    done = {label for label, status in asker.seen if status < 300}
    assert len(done) > len(OPERATIONS) / 3, sorted(described - done)
