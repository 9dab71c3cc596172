"""Messages to other systems: signed as Standard Webhooks 1.0.0 says, tried again for days."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from recorder.domain.events import AlarmCleared, RecordingLinked
from recorder.domain.ids import AgencyId
from recorder.domain.webhook import (
    PAUSES,
    Attempt,
    Topic,
    body_of,
    new_secret,
    next_try,
    signature,
    topic_of,
)
from recorder.errors import InvalidInput

AT = datetime(2026, 3, 5, 8, 15, 30, tzinfo=UTC)
LINKED = RecordingLinked(
    subject=uuid.UUID(int=1), agency=AgencyId(uuid.UUID(int=2)), case=uuid.UUID(int=3),
    number="深市监罚〔2026〕12号", stage=None, origin="person", reason="王芳核对",
)  # fmt: skip


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of the specification's own libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    message = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    body = '{"test": 2432232314}'
    headers = signature(secret, message, at, body)
    assert headers == {
        "webhook-id": message,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secrets_differ_and_sign() -> None:
    one, other = new_secret(), new_secret()
    signed = {signature(each, "m", AT, "{}")["webhook-signature"] for each in (one, other)}
    assert len(signed) == 2
    with pytest.raises(InvalidInput):
        signature("whsec_!", "m", AT, "{}")


def test_a_body_holds_identifiers_and_no_reasons_of_people() -> None:
    assert topic_of(LINKED) is Topic.LINKED
    told = json.loads(body_of(LINKED, Topic.LINKED, AT))
    assert told == {
        "type": "linked",
        "timestamp": "2026-03-05T08:15:30.000000Z",
        "data": {
            "subject": {"kind": "recording", "id": str(uuid.UUID(int=1))},
            "agency": str(uuid.UUID(int=2)),
            "case": str(uuid.UUID(int=3)),
            "number": "深市监罚〔2026〕12号",
            "stage": None,
            "origin": "person",
        },
    }
    cleared = AlarmCleared(subject=uuid.UUID(int=1), agency=None, code="x", note="")
    assert topic_of(cleared) is None


def test_a_message_is_tried_for_three_days_and_then_never() -> None:
    at, tries = AT, 1
    while (again := next_try(tries, at)) is not None:
        assert again - at == PAUSES[tries - 1]
        at, tries = again, tries + 1
    assert (tries, at - AT > timedelta(days=3)) == (len(PAUSES) + 1, True)


def test_only_two_hundreds_count_as_taken() -> None:
    assert [s for s in (199, 200, 204, 299, 301, 410, 500) if Attempt(s).is_taken] == [
        200,
        204,
        299,
    ]
    assert not Attempt(None, "timeout").is_taken
    assert Attempt(410).is_gone
