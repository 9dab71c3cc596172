"""Custody events: the bytes of each class stand for ever; fields are only ever added."""

from __future__ import annotations

import enum
import json
import types
import typing
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.domain.digest import Digest
from recorder.domain.events import CustodyEvent, MediaProbed, RecordingAdmitted, SubjectKind
from recorder.domain.people import Actor, ActorKind
from recorder.ledger import canonical

#: One leaf a line. A class that gains a field gets a new line; the old ones stay as they are.
LEAVES = Path(__file__).with_name("golden_leaves.jsonl")
AT = datetime(2026, 3, 5, 8, 15, 30, 123456, tzinfo=UTC)
ACTOR = Actor(ActorKind.PERSON, "p-1", "王芳")
SAMPLES: dict[object, object] = {
    str: "文字 text",
    int: 42,
    bool: True,
    bytes: bytes(range(32)),
    uuid.UUID: uuid.UUID(int=5),
    datetime: AT,
    dict[str, object]: {"b": 1, "a": [None, "x"]},
    tuple[str, ...]: ("one", "two"),
    tuple[int, ...]: (0, 16),
    tuple[dict[str, object], ...]: ({"key": "k", "length": 1},),
}


def classes() -> list[type[CustodyEvent]]:
    return sorted(CustodyEvent.__subclasses__(), key=lambda each: each.__name__)


def sample_of(kind: object) -> object:
    """A value of a field's type; an optional one is given."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    return SAMPLES[getattr(kind, "__supertype__", kind)]


def sample(kind: type[CustodyEvent]) -> CustodyEvent:
    hints = typing.get_type_hints(kind)
    fields = {
        name: sample_of(hint)
        for name, hint in hints.items()
        if typing.get_origin(hint) is not typing.ClassVar
    }
    return kind(**fields)  # type: ignore[arg-type]


def leaf(event: CustodyEvent) -> bytes:
    return canonical.encode(event.body(event_id=uuid.UUID(int=9), at=AT, actor=ACTOR))


def golden() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in LEAVES.read_text("utf-8").splitlines():
        found.setdefault(json.loads(line)["event"], []).append(line)
    return found


def test_every_class_has_its_golden_leaf_and_none_vanished() -> None:
    assert sorted(golden()) == [kind.__name__ for kind in classes()]


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_the_bytes_of_an_event_are_what_they_always_were(kind: type[CustodyEvent]) -> None:
    lines = golden()[kind.__name__]
    assert leaf(sample(kind)).decode() == lines[-1], "a new field needs a new line in the file"


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_fields_are_only_ever_added(kind: type[CustodyEvent]) -> None:
    now = json.loads(leaf(sample(kind)))
    for line in golden()[kind.__name__]:
        before = json.loads(line)
        for name, value in before.pop("facts").items():
            assert now["facts"].get(name) == value, name
        assert before == {key: value for key, value in now.items() if key != "facts"}


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_an_event_says_what_it_is_about(kind: type[CustodyEvent]) -> None:
    event = sample(kind)
    assert event.name == kind.__name__
    assert isinstance(event.SUBJECT, SubjectKind)
    body = event.body(event_id=uuid.UUID(int=9), at=AT, actor=ACTOR)
    assert body["subject"] == {"kind": event.SUBJECT.value, "id": str(event.subject)}
    assert canonical.encode(canonical.decode(leaf(event))) == leaf(event)


def probed(media: dict[str, object]) -> MediaProbed:
    return MediaProbed(
        subject=uuid.UUID(int=1),
        agency=None,
        showable="none",
        needs_proxy=False,
        flags=(),
        tool="t",
        tool_version="1",
        media=media,
    )


def test_a_body_holds_plain_values_only() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    event = probed(
        {
            "enum": Colour.RED,
            "float": 22.5,
            "bytes": b"\x01",
            "at": AT,
            "id": uuid.UUID(int=1),
            "digest": Digest.parse("sha256:" + "00" * 32),
            "many": ((1, True), None),
        }
    )
    assert event.facts()["media"] == {
        "enum": "red",
        "float": "22.5",
        "bytes": "01",
        "at": "2026-03-05T08:15:30.123456Z",
        "id": "00000000-0000-0000-0000-000000000001",
        "digest": "sha256:" + "00" * 32,
        "many": [[1, True], None],
    }
    with pytest.raises(TypeError):
        probed({"what": object()}).facts()


def test_an_agency_may_be_nobodys() -> None:
    event = RecordingAdmitted(subject=uuid.UUID(int=1), agency=None, reason="r")
    body = event.body(event_id=uuid.UUID(int=2), at=AT, actor=ACTOR)
    assert body["agency"] is None
    assert event.facts() == {"reason": "r", "agency_before": None}
