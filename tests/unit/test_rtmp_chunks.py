from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.live.rtmp.chunks import SET_CHUNK_SIZE, ChunkReader, Message, written
from recorder.live.rtmp.violation import ViolationError

LONGEST = 1 << 16

messages = st.builds(
    Message,
    st.sampled_from([8, 9, 18, 20]),
    st.integers(0, 3),
    st.one_of(st.integers(0, 5000), st.integers(0xFFFFF0, 0x1000010), st.integers(0, 0xFFFFFFFF)),
    st.binary(max_size=700),
)


def read(pieces: list[bytes]) -> tuple[list[Message], str]:
    """All messages of these pieces, and what was wrong with them; all come in the same memory."""
    reader = ChunkReader(LONGEST)
    found = []
    lent = bytearray(max(map(len, pieces), default=0))
    for piece in pieces:
        lent[: len(piece)] = piece
        reader.append(memoryview(lent)[: len(piece)])
        try:
            while (message := reader.next()) is not None:
                found.append(message)
        except ViolationError as violation:
            return found, str(violation)
        reader.settle()
        lent[:] = bytes(len(lent))
    return found, ""


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(messages, max_size=6), st.sampled_from([1, 2, 128, 4096]), st.data())
def test_messages_come_back_whole_whatever_the_chunk_size_and_the_pieces(
    sent: list[Message], size: int, data: st.DataObject
) -> None:
    begin = Message(SET_CHUNK_SIZE, 0, 0, size.to_bytes(4, "big"))
    stream = written(begin, 2) + b"".join(written(m, 3 + m.kind % 3, size) for m in sent)
    pieces = cut(stream, data.draw(st.lists(st.integers(0, 1 << 20), max_size=8)))
    assert read(pieces) == ([begin, *sent], "")


@given(st.binary(max_size=4000), st.lists(st.integers(0, 4000), max_size=12))
def test_any_bytes_in_any_pieces_give_the_same_messages_and_the_same_verdict(
    data: bytes, places: list[int]
) -> None:
    assert read(cut(data, places)) == read([data])


@given(st.lists(messages, min_size=1, max_size=4), st.data())
def test_damaged_streams_end_with_a_verdict_and_never_with_another_error(
    sent: list[Message], data: st.DataObject
) -> None:
    stream = bytearray(b"".join(written(m, 4) for m in sent))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0), st.integers(0, 255)))):
        stream[place % len(stream)] = value
    found, _ = read([bytes(stream)])
    assert sum(len(m.payload) for m in found) <= len(stream)


def test_messages_of_two_chunk_streams_may_be_woven_into_each_other() -> None:
    picture, sound = bytes(range(250)), bytes(150)
    chunks = [
        b"\x06\0\0\x28\0\0\xfa\x09\x01\0\0\0" + picture[:128],
        b"\x04\0\0\x29\0\0\x96\x08\x01\0\0\0" + sound[:128],
        b"\xc6" + picture[128:],
        b"\xc4" + sound[128:],
    ]
    assert read([b"".join(chunks)]) == (
        [Message(9, 1, 40, picture), Message(8, 1, 41, sound)],
        "",
    )


def test_short_headers_add_their_delta_and_a_bare_one_adds_the_last_delta_again() -> None:
    first = b"\x04\0\0\x64\0\0\x01\x08\x01\0\0\0a"
    same_stream = b"\x44\0\0\x0a\0\0\x02\x08bb"
    only_delta = b"\x84\0\0\x05cc"
    bare = b"\xc4dd\xc4ee"
    found, _ = read([first + same_stream + only_delta + bare])
    assert [m.timestamp for m in found] == [100, 110, 115, 120, 125]
    assert [m.payload for m in found] == [b"a", b"bb", b"cc", b"dd", b"ee"]


def test_a_bare_header_behind_a_full_one_adds_its_timestamp_as_the_specification_says() -> None:
    found, _ = read([b"\x04\0\0\x17\0\0\x01\x08\x01\0\0\0a\xc4b"])
    assert [m.timestamp for m in found] == [23, 46]


def test_timestamps_wrap_around_after_49_days() -> None:
    last = Message(8, 1, 0xFFFFFFFF, b"a")
    found, _ = read([written(last, 4) + b"\x84\0\0\x28b"])
    assert [m.timestamp for m in found] == [0xFFFFFFFF, 39]


@pytest.mark.parametrize("repeated", [True, False])
def test_extended_timestamps_are_understood_repeated_or_not(repeated: bool) -> None:
    payload = bytes(200)
    sent = Message(9, 1, 0x01020304, payload)
    again = b"\x01\x02\x03\x04" if repeated else b""
    stream = written(sent, 6)[: 1 + 11 + 4 + 128] + b"\xc6" + again + payload[128:]
    assert read([stream]) == ([sent], "")


@pytest.mark.parametrize("number", [64, 319, 320, 65599])
def test_wide_chunk_stream_numbers_are_understood(number: int) -> None:
    wide = (
        bytes([0, number - 64]) if number < 320 else b"\x01" + (number - 64).to_bytes(2, "little")
    )
    head = b"\0\0\x01\0\0\x96\x08\x01\0\0\0"
    again = bytes([wide[0] | 0xC0]) + wide[1:]
    found, wrong = read([wide + head + bytes(128) + again + bytes(22)])
    assert (found, wrong) == ([Message(8, 1, 1, bytes(150))], "")


def test_an_aborted_message_is_forgotten() -> None:
    begun = b"\x06\0\0\0\0\0\xfa\x09\x01\0\0\0" + bytes(128)
    abort = written(Message(2, 0, 0, (6).to_bytes(4, "big")), 2)
    after = written(Message(9, 1, 5, b"whole"), 6)
    found, wrong = read([begun + abort + after])
    assert wrong == ""
    assert found[-1] == Message(9, 1, 5, b"whole")
    assert len(found) == 2


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"\x06\0\0\0\xff\xff\xff\x09\x01\0\0\0", "announces a message"),
        (b"\xc5", "never begun"),
        (b"\x45\0\0\0\0\0\x01\x08", "in its middle"),
        (b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\0", "chunk size"),
        (b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\x80\0\0\0", "chunk size"),
        (
            b"\x06\0\0\0\0\x01\x2c\x09\x01\0\0\0" + bytes(128) + b"\x06" + bytes(11),
            "inside another",
        ),
    ],
)
def test_what_no_publisher_sends_is_named(stream: bytes, why: str) -> None:
    found, wrong = read([stream])
    assert found == []
    assert why in wrong


def test_unfinished_messages_are_bounded_together() -> None:
    begun = [
        bytes([number]) + b"\0\0\0" + (60_000).to_bytes(3, "big") + b"\x09\x01\0\0\0" + bytes(128)
        for number in range(4, 64)
    ]
    more = [bytes([0xC0 | number]) + bytes(128) for number in range(4, 64)] * 10
    _, wrong = read([b"".join(begun + more)])
    assert "too many messages" in wrong


def test_a_stranger_cannot_open_chunk_streams_without_end() -> None:
    streams = [b"\x00" + bytes([n]) + b"\0\0\0\0\0\x01\x08\x01\0\0\0x" for n in range(100)]
    _, wrong = read(streams)
    assert "too many chunk streams" in wrong
