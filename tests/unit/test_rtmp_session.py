from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.live.rtmp import amf0, handshake
from recorder.live.rtmp.chunks import ChunkReader, Message, written
from recorder.live.rtmp.session import End, Event, PublishRequest, Session, SessionLimits
from recorder.live.rtmp.violation import ViolationError

plain = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def command(*values: amf0.Value, stream: int = 0, kind: int = 20) -> bytes:
    body = amf0.encode(*values)
    return written(Message(kind, stream, 0, b"\0" + body if kind == 17 else body), 3)


CONNECT = command("connect", 1.0, {"app": "live", "flashVer": "FMLE/3.0"})
PUBLISH = command("publish", 5.0, None, "key", "live", stream=1)


def events(session: Session, data: bytes) -> list[Event]:
    session.append(data)
    found: list[Event] = []
    while (event := session.next_event()) is not None:
        found.append(event)
        if isinstance(event, PublishRequest):
            session.accept()
    return found


def answers(session: Session) -> list[tuple[int, list[amf0.Value]]]:
    reader = ChunkReader(1 << 20)
    reader.append(session.answers())
    found = []
    while (message := reader.next()) is not None:
        is_command = message.kind == 20
        found.append((message.kind, amf0.decode(message.payload) if is_command else []))
    return found


def is_sound(work: Callable[[], Sequence[object]]) -> bool:
    """Whether it gives a list or a violation; any other error is raised on."""
    try:
        return isinstance(work(), list)
    except ViolationError as violation:
        return bool(str(violation))


@given(st.lists(plain, max_size=4))
def test_values_of_commands_come_back_as_they_were(values: list[amf0.Value]) -> None:
    assert amf0.decode(amf0.encode(*values)) == values


@given(st.binary(max_size=300))
def test_any_bytes_are_values_or_a_violation(data: bytes) -> None:
    assert is_sound(lambda: amf0.decode(data))


@given(st.binary(max_size=3000))
def test_any_bytes_behind_a_connection_are_events_or_a_violation(data: bytes) -> None:
    session = Session(SessionLimits())
    assert is_sound(lambda: events(session, CONNECT + data))


def test_depth_and_number_of_values_are_limited() -> None:
    deep = b"\x0a\0\0\0\x01" * 5000 + b"\x05"
    with pytest.raises(ViolationError, match="deep"):
        amf0.decode(deep)
    with pytest.raises(ViolationError, match="too many"):
        amf0.decode(b"\x05" * 5000)
    with pytest.raises(ViolationError, match="too long"):
        amf0.decode(b"\x0a\xff\xff\xff\xff")


@pytest.mark.parametrize("kind", [20, 17])
def test_an_encoder_that_connects_and_publishes_is_asked_about_and_then_taken(kind: int) -> None:
    session = Session(SessionLimits())
    wish = command("connect", 1.0, {"app": "live/", "flashVer": "FMLE/3.0"}, kind=kind)
    publish = command("publish", 5.0, None, "k1?case=7", "live", stream=1, kind=kind)
    tag = written(Message(9, 1, 40, b"\x17\x01\0\0\0x"), 6)
    assert events(session, wish + command("createStream", 4.0, None) + publish + tag) == [
        PublishRequest("live", "k1", "case=7", "FMLE/3.0"),
        Message(9, 1, 40, b"\x17\x01\0\0\0x"),
    ]
    told = answers(session)
    assert [values[0] for kind, values in told if kind == 20] == ["_result", "_result", "onStatus"]
    assert told[-1][1][3] == {
        "level": "status", "code": "NetStream.Publish.Start", "description": "Publishing.",
    }  # fmt: skip


def test_a_refusal_is_told_by_its_status() -> None:
    session = Session(SessionLimits())
    session.append(CONNECT + PUBLISH)
    assert isinstance(session.next_event(), PublishRequest)
    session.refuse("NetStream.Publish.BadName", "No.")
    assert answers(session)[-1][1][3] == {
        "level": "error", "code": "NetStream.Publish.BadName", "description": "No.",
    }  # fmt: skip


def test_enhanced_codecs_that_both_know_are_named() -> None:
    session = Session(SessionLimits())
    wishes = {"app": "live", "fourCcList": ["av01", "vp09", "hvc1"]}
    events(session, command("connect", 1.0, wishes))
    outcome = answers(session)[-1][1][3]
    assert isinstance(outcome, dict)
    assert outcome["fourCcList"] == ["hvc1", "av01"]


@pytest.mark.parametrize(
    "sent",
    [
        written(Message(9, 1, 0, b"x"), 6),
        CONNECT + written(Message(9, 1, 0, b"x"), 6),
        PUBLISH,
        CONNECT + CONNECT,
        CONNECT + command("play", 5.0, None, "key", stream=1),
        written(Message(20, 0, 0, b""), 3),
        written(Message(20, 0, 0, amf0.encode(1.0, 1.0)), 3),
    ],
)
def test_who_is_no_publisher_is_sent_away(sent: bytes) -> None:
    with pytest.raises(ViolationError):
        events(Session(SessionLimits()), sent)


def test_long_messages_are_for_publishers_only() -> None:
    long = written(Message(9, 1, 0, bytes(200_000)), 6)
    with pytest.raises(ViolationError, match="announces"):
        events(Session(SessionLimits()), CONNECT + long)
    assert len(events(Session(SessionLimits()), CONNECT + PUBLISH + long)) == 2


def test_an_aggregate_is_its_parts_at_their_own_times() -> None:
    def tag(kind: int, stamp: int, body: bytes) -> bytes:
        head = bytes([kind]) + len(body).to_bytes(3, "big") + (stamp & 0xFFFFFF).to_bytes(3, "big")
        return head + bytes([stamp >> 24]) + bytes(3) + body + bytes(4)

    parts = tag(9, 1000, b"picture") + tag(8, 1023, b"sound") + tag(8, 1046, b"more")
    found = events(
        Session(SessionLimits()), CONNECT + PUBLISH + written(Message(22, 1, 5000, parts), 6)
    )
    assert found[1:] == [
        Message(9, 1, 5000, b"picture"),
        Message(8, 1, 5023, b"sound"),
        Message(8, 1, 5046, b"more"),
    ]


def test_pings_are_answered_and_bytes_acknowledged() -> None:
    session = Session(SessionLimits())
    ping = written(Message(4, 0, 0, b"\0\x06\0\0\0\x2a"), 2)
    window = written(Message(5, 0, 0, (20_000).to_bytes(4, "big")), 2)
    events(session, CONNECT + PUBLISH + ping + window)
    events(session, written(Message(9, 1, 0, bytes(30_000)), 6))
    told = [kind for kind, _ in answers(session)]
    assert told.count(4) == 2  # The beginning of the stream, and the answer to the ping.
    assert told.count(3) == 1


@pytest.mark.parametrize("word", ["deleteStream", "closeStream", "FCUnpublish"])
def test_a_publisher_says_when_it_is_done(word: str) -> None:
    session = Session(SessionLimits())
    found = events(session, CONNECT + PUBLISH + command(word, 6.0, None, 1.0, stream=1))
    assert found[-1] is End.UNPUBLISHED


def test_the_plain_handshake_gives_the_greeting_back() -> None:
    greeting = b"\x03" + bytes(8) + b"n" * 1528
    answer = handshake.answer(greeting)
    assert len(answer) == 1 + 1536 + 1536
    assert answer[1537:] == greeting[1:]


def test_another_protocol_is_told_from_the_first_byte() -> None:
    with pytest.raises(ViolationError):
        handshake.answer(b"GET / HTTP/1.1".ljust(1537))
