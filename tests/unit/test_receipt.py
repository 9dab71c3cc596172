import base64
import copy
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from recorder.domain import people
from recorder.domain.events import RecordingSealed
from recorder.domain.ids import AgencyId, new_uuid
from recorder.errors import IntegrityError, InvalidInput, RecorderError
from recorder.ledger import canonical, receipt
from recorder.ledger.note import NoteSigner, sign_note

FOOTAGE = b"not really footage"
SHA256 = hashlib.sha256(FOOTAGE).hexdigest()
SIGNER = NoteSigner("recorder.example/office", bytes(range(32)))
KEYS = [SIGNER.verifier]
BODY: dict[str, Any] = {
    "v": 1,
    "event": "RecordingSealed",
    "id": "0198b6f0-0000-7000-8000-000000000001",
    "at": "2026-03-05T08:15:30.123456Z",
    "actor": {"kind": "worker", "id": "verify", "name": "verify"},
    "agency": "0198b6f0-0000-7000-8000-000000000002",
    "subject": {"kind": "recording", "id": "0198b6f0-0000-7000-8000-000000000003"},
    "facts": {
        "length": len(FOOTAGE),
        "sha256": SHA256,
        "sm3": "ab" * 32,
        "device": "TA00716",
        "original_name": "TA00716_JX0227_20260305080000.mp4",
        "started_at": "2026-03-05T00:00:00.000000Z",
        "ended_at": None,
        "received_at": "2026-03-05T08:10:00.000000Z",
        "device_clock_at": None,
        "objects": [{"key": "a/b", "version": "v1", "length": len(FOOTAGE)}],
        "something_newer": ["kept"],
    },
}
GOOD = receipt.issue(canonical.encode(BODY), SIGNER)


def _with(path: str, value: object) -> dict[str, Any]:
    """The body with one field replaced, or removed where the value is Ellipsis."""
    body = copy.deepcopy(BODY)
    target: Any = body
    *way, last = path.split(".")
    for step in way:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return body


def _signed(body: object) -> str:
    return sign_note(canonical.encode(body).decode() + "\n", SIGNER).decode()


def test_a_receipt_tells_what_was_sealed() -> None:
    read = receipt.verify(GOOD, KEYS, length=len(FOOTAGE), sha256=SHA256.upper())
    assert read == receipt.Receipt(
        event_id=BODY["id"],
        sealed_at=datetime(2026, 3, 5, 8, 15, 30, 123456, tzinfo=UTC),
        recording=BODY["subject"]["id"],
        agency=BODY["agency"],
        device="TA00716",
        length=len(FOOTAGE),
        sha256=SHA256,
        sm3="ab" * 32,
        original_name="TA00716_JX0227_20260305080000.mp4",
        started_at=datetime(2026, 3, 5, tzinfo=UTC),
        ended_at=None,
        received_at=datetime(2026, 3, 5, 8, 10, tzinfo=UTC),
        device_clock_at=None,
        objects=(receipt.SealedObject("a/b", "v1", len(FOOTAGE)),),
        event=BODY,
    )
    assert read.event == BODY
    assert read.object_version == "v1"
    assert receipt.parse(GOOD) == read


def test_the_same_leaf_gives_the_same_receipt() -> None:
    assert receipt.issue(canonical.encode(BODY), SIGNER) == GOOD
    assert GOOD.encode() == canonical.encode(BODY) + b"\n\n" + GOOD.encode().split(b"\n\n")[1]


def test_the_event_that_the_service_records_makes_a_receipt() -> None:
    event = RecordingSealed(
        subject=new_uuid(),
        agency=AgencyId(new_uuid()),
        length=0,
        sha256=hashlib.sha256().hexdigest(),
        sm3="00" * 32,
        device=None,
        officer=None,
        original_name="现场.mp4",
        started_at=None,
        ended_at=None,
        received_at=datetime(2026, 3, 5, tzinfo=UTC),
        device_clock_at=None,
        clock_offset_ms=None,
        objects=({"key": "k", "version": "v", "length": 0, "sha256": None, "sm3": None},),
        incomplete=False,
        checks=("read_back",),
    )
    actor = people.Actor(kind=people.ActorKind.WORKER, id="verify", name="verify")
    body = event.body(event_id=new_uuid(), at=datetime(2026, 3, 6, tzinfo=UTC), actor=actor)
    text = receipt.issue(canonical.encode(body), SIGNER)
    read = receipt.verify(text, KEYS, length=0, sha256=hashlib.sha256().hexdigest())
    assert read.recording == str(event.subject)
    assert read.original_name == "现场.mp4"


def test_an_altered_or_foreign_receipt_is_refused() -> None:
    foreign = NoteSigner("recorder.example/office", bytes(32))
    spoilt = [
        GOOD.replace('"length":18', '"length":19'),
        GOOD.replace("TA00716", "TA00717"),
        "{}" + GOOD[GOOD.index("\n") :],
        receipt.issue(canonical.encode(BODY), foreign),
        receipt.issue(canonical.encode(BODY), NoteSigner("elsewhere", SIGNER.seed)),
        GOOD.replace("— ", "- "),
        GOOD.replace("TA00716", "TA\ud800"),
    ]
    for text in spoilt:
        assert text != GOOD
        with pytest.raises(IntegrityError) as caught:
            receipt.verify(text, KEYS)
        assert caught.value.code == "receipt-signature-bad"
    with pytest.raises(IntegrityError):
        receipt.verify(GOOD, [])


def test_a_receipt_for_other_bytes_is_refused() -> None:
    with pytest.raises(IntegrityError) as caught:
        receipt.verify(GOOD, KEYS, length=17, sha256=SHA256)
    assert caught.value.code == "receipt-length-mismatch"
    assert caught.value.facts == {"expected": 18, "actual": 17}
    with pytest.raises(IntegrityError) as caught:
        receipt.verify(GOOD, KEYS, length=18, sha256="00" * 32)
    assert caught.value.code == "receipt-digest-mismatch"
    assert caught.value.facts == {"expected": SHA256, "actual": "00" * 32}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        _with("v", 2),
        _with("v", "1"),
        _with("event", "RecordingMismatched"),
        _with("id", "not a uuid"),
        _with("id", BODY["id"].upper()),
        _with("at", "yesterday"),
        _with("at", ...),
        _with("agency", None),
        _with("agency", ""),
        _with("subject", None),
        _with("subject.kind", "case"),
        _with("subject.id", 7),
        _with("facts", []),
        _with("facts.length", -1),
        _with("facts.length", True),
        _with("facts.length", "18"),
        _with("facts.length", 17),
        _with("facts.sha256", SHA256.upper()),
        _with("facts.sha256", SHA256[:-1]),
        _with("facts.sm3", None),
        _with("facts.device", 7),
        _with("facts.received_at", "soon"),
        _with("facts.objects", ...),
        _with("facts.objects", []),
        _with("facts.objects", [None]),
        _with("facts.objects", [{"key": "a", "version": 1, "length": 18}]),
        _with("facts.objects", [{"key": "a", "version": "v", "length": 17}]),
        _with("facts.objects", [{"key": "a", "version": "v", "length": 18, "listed": 3}]),
        _with("facts.objects", [{"key": "a", "length": 18, "listed": -3, "sha256": SHA256}]),
    ],
)
def test_a_note_about_anything_else_is_no_receipt(body: object) -> None:
    text = _signed(body)
    with pytest.raises(IntegrityError) as caught:
        receipt.verify(text, KEYS)
    assert caught.value.code == "receipt-wrong-event"
    with pytest.raises(IntegrityError) as caught:
        receipt.parse(text)
    assert caught.value.code == "receipt-wrong-event"
    with pytest.raises(IntegrityError) as caught:
        receipt.issue(canonical.encode(body), SIGNER)
    assert caught.value.code == "receipt-wrong-event"


def test_a_leaf_in_another_form_is_no_receipt_though_its_signature_fits() -> None:
    leaf = canonical.encode(BODY).decode().replace('"v":1', '"v": 1')
    with pytest.raises(IntegrityError) as caught:
        receipt.verify(sign_note(leaf + "\n", SIGNER).decode(), KEYS)
    assert caught.value.code == "receipt-wrong-event"


def test_what_the_signed_event_may_leave_open_stays_open() -> None:
    body = _with("facts.device", None)
    body["facts"] |= {"original_name": None, "started_at": None, "received_at": None}
    body["facts"]["objects"] = [{"key": "a", "version": None, "length": 18}]
    read = receipt.verify(_signed(body), KEYS)
    assert (read.device, read.original_name, read.started_at, read.received_at) == (None,) * 4
    assert read.object_version is None
    body["facts"] |= {"length": 0, "objects": []}
    assert receipt.verify(_signed(body), KEYS).object_version is None


def test_one_line_stands_for_the_many_objects_that_a_locked_list_names() -> None:
    listed = {"key": "a/sealed.json", "version": "v", "length": 18, "listed": 43_201}
    body = _with("facts.objects", [{**listed, "sha256": SHA256, "sm3": SHA256}])
    (named,) = receipt.verify(_signed(body), KEYS).objects
    assert named == receipt.SealedObject("a/sealed.json", "v", 18, 43_201, SHA256)


def test_marks_of_mail_and_editors_and_later_blocks_are_forgiven() -> None:
    expected = receipt.verify(GOOD, KEYS)
    for text in (
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.removesuffix("\n"),
        GOOD + "\n",
        GOOD + "\nproof v1\nindex 7\n\nmore\n",
    ):
        assert receipt.verify(text, KEYS) == expected
        assert receipt.parse(text) == expected


def test_a_second_signature_does_no_harm() -> None:
    other = NoteSigner("witness.example", bytes(32))
    leaf = canonical.encode(BODY).decode() + "\n"
    text = sign_note(leaf, other, SIGNER).decode()
    assert receipt.verify(text, KEYS) == receipt.verify(text, [other.verifier])


@pytest.mark.parametrize(
    "text", ["", "\n", "{}", "{}\n", "{}\nx\n\n", "\n\n— a b\n", "a\nb\n\n— c d"]
)
def test_a_file_without_the_form_is_malformed(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        receipt.verify(text, KEYS)
    assert caught.value.code == "receipt-malformed"
    with pytest.raises(InvalidInput) as caught:
        receipt.parse(text)
    assert caught.value.code == "receipt-malformed"


def test_a_receipt_that_is_not_unicode_is_malformed() -> None:
    with pytest.raises(InvalidInput):
        receipt.parse(GOOD.replace("TA00716", "TA\ud800"))


def test_no_single_changed_character_passes() -> None:
    for i in range(0, len(GOOD) - 1):
        changed = GOOD[:i] + ("x" if GOOD[i] != "x" else "y") + GOOD[i + 1 :]
        with pytest.raises(RecorderError):
            receipt.verify(changed, KEYS, length=18, sha256=SHA256)


def test_the_program_in_the_documentation_checks_a_receipt() -> None:
    page = Path(__file__).parents[2] / "docs" / "design" / "receipt.md"
    found = re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    program: dict[str, Any] = {}
    exec(found[1], program)  # noqa: S102 - the text of our own page is what is tested
    check, key = program["check"], SIGNER.verifier.to_text()
    assert check(GOOD, key, FOOTAGE) == BODY
    assert check(GOOD + "\nproof\n", key, FOOTAGE) == BODY
    with pytest.raises(AssertionError):
        check(GOOD, key, FOOTAGE + b".")
    with pytest.raises(InvalidSignature):
        check(GOOD.replace("TA00716", "TA00717"), key, FOOTAGE)
    forged = base64.b64encode(SIGNER.verifier.key_id + bytes(64)).decode()
    with pytest.raises(InvalidSignature):
        check(GOOD.replace(GOOD.split(" ")[-1], forged + "\n"), key, FOOTAGE)
