"""WebM that comes in slices: followed wherever it is cut, and never to anybody's harm."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain import webm
from recorder.domain.webm import Span, Walk

CLUSTER = b"\x1f\x43\xb6\x75"
ENDLESS = b"\x01" + b"\xff" * 7


def element(kind: bytes, body: bytes, size: bytes | None = None) -> bytes:
    return kind + (size or (len(body) | 1 << 56).to_bytes(8, "big")) + body


def track(number: int, kind: int, codec: bytes, more: bytes = b"") -> bytes:
    fields = element(b"\xd7", bytes([number])) + element(b"\x83", bytes([kind]))
    return element(b"\xae", fields + element(b"\x86", codec) + more)


def block(number: int, at: int, *, key: bool = False, length: int = 60) -> bytes:
    # Pictures of which some hold what begins a cluster.
    picture = (b"..." + CLUSTER + b"\xff") * (length // 8)
    head = bytes([0x80 | number]) + at.to_bytes(2, "big", signed=True)
    return element(b"\xa3", head + (b"\x80" if key else b"\0") + picture)


SIZE = element(b"\xb0", b"\x05\x00") + element(b"\xba", b"\x02\xd0")
EBML = element(b"\x1a\x45\xdf\xa3", element(b"\x42\x82", b"webm"))
TRACKS = element(
    b"\x16\x54\xae\x6b", track(1, 2, b"A_OPUS") + track(2, 1, b"V_VP8", element(b"\xe0", SIZE))
)
INFO = element(b"\x15\x49\xa9\x66", element(b"\x2a\xd7\xb1", (1_000_000).to_bytes(3, "big")))
HEAD = EBML + b"\x18\x53\x80\x67" + ENDLESS + INFO + TRACKS


def cluster(begins: int, *blocks: bytes, endless: bool = True) -> bytes:
    body = element(b"\xe7", begins.to_bytes(4, "big")) + b"".join(blocks)
    return element(CLUSTER, body, ENDLESS if endless else None)


GROUP = element(b"\xa0", element(b"\xa1", b"\x82\0\x64\0."))
#: Keyframes at 0, 400 and 800 ms; a cluster at 600 begins without one; sound between.
FILE = HEAD + b"".join(
    (
        cluster(0, block(2, 0, key=True), block(1, 5, key=True), block(2, 100), block(2, 200)),
        cluster(400, block(1, -10, key=True), block(2, 0, key=True), block(2, 100), endless=False),
        cluster(600, block(2, 0), element(b"\xec", b"void"), block(2, 100)),
        cluster(800, block(2, 0, key=True), GROUP, block(2, 150)),
    )
)  # fmt: skip


def followed(slices: list[bytes]) -> tuple[list[Span], Walk]:
    header = webm.read_header(slices[0])
    assert header is not None
    walk, span = webm.slice_of_beginning(header, 1, slices[0])
    spans = [span] if span else []
    for number, body in enumerate(slices[1:], 2):
        assert walk is not None
        # What is kept between slices is a row.
        walk = Walk.from_json(json.loads(json.dumps(walk.to_json())))
        walk, span = webm.follow(walk, number, body)
        spans += [span] if span else []
    assert walk is not None
    return spans, walk


def cut(places: list[int]) -> list[bytes]:
    edges = [0, *sorted({len(HEAD) + place % (len(FILE) - len(HEAD)) for place in places})]
    return [FILE[a:b] for a, b in zip(edges, [*edges[1:], len(FILE)], strict=True)]


def test_the_header_says_what_is_in_it_and_how_long_it_is() -> None:
    header = webm.read_header(FILE)
    assert header is not None
    assert header.picture is not None
    assert header.has_sound
    assert (header.length, header.scale) == (len(HEAD), 1_000_000)
    picture = header.picture
    assert (picture.id, picture.codec, picture.width, picture.height) == (2, "V_VP8", 1280, 720)
    assert all(webm.read_header(HEAD[:end]) is None for end in range(len(HEAD)))


@given(st.lists(st.integers(0, len(FILE)), max_size=12))
def test_wherever_it_is_cut_the_slices_show_all_of_it_without_overlap(places: list[int]) -> None:
    slices = cut(places)
    spans, walk = followed(slices)
    assert (spans[0].begins_ms, spans[-1].ends_ms, walk.reached_ms) == (0, 950, 950)
    for before, after in pairwise(spans):
        assert before.ends_ms == after.begins_ms
    assert any(span.keyframe for span in spans)


@given(st.lists(st.integers(0, len(FILE)), min_size=3, max_size=12), st.randoms())
def test_behind_a_lost_slice_it_goes_on_with_the_next_cluster(
    places: list[int], dice: random.Random
) -> None:
    slices = cut(places)
    lost = dice.randrange(1, len(slices)) + 1 if len(slices) > 1 else 2
    whole, _ = followed(slices)
    header = webm.read_header(slices[0])
    assert header is not None
    walk, _ = webm.slice_of_beginning(header, 1, slices[0])
    reached = 0
    for number, body in enumerate(slices[1:], 2):
        if number != lost and walk is not None:
            walk, span = webm.follow(walk, number, body)
            assert span is None or reached <= span.begins_ms < span.ends_ms <= whole[-1].ends_ms
            reached = span.ends_ms if span else reached


@pytest.mark.parametrize(
    ("ms", "begins"), [(0, 0), (399, 0), (400, 400), (700, 400), (799, 400), (950, 800)]
)
def test_a_picture_is_decoded_from_the_last_cluster_that_begins_with_a_keyframe(
    ms: int, begins: int
) -> None:
    header = webm.read_header(FILE)
    assert header is not None
    place = webm.cluster_before(header, FILE, ms)
    assert place is not None
    assert FILE[place:].startswith(CLUSTER)
    assert element(b"\xe7", begins.to_bytes(4, "big")) in FILE[place : place + 30]
    assert webm.cluster_before(header, FILE[len(HEAD) + 40 : len(HEAD) + 300], ms) is None


#: What somebody could send to hurt; each as the first slice, or behind an honest one.
HOSTILE = {
    "nothing": b"",
    "zeros": bytes(200_000),
    "ones": b"\xff" * 200_000,
    "a head of a size that no file has": CLUSTER + ENDLESS + b"\xa3\x01" + b"\xfe" * 7,
    "tracks without end": EBML + b"\x18\x53\x80\x67" + ENDLESS + b"\x16\x54\xae\x6b" + ENDLESS,
    "a header in a header": (EBML + b"\x18\x53\x80\x67" + ENDLESS) * 5_000,
    "a scale beyond time": HEAD.replace(
        b"\x2a\xd7\xb1\x01\x00\x00\x00\x00\x00\x00\x03\x0f\x42\x40",
        b"\x2a\xd7\xb1\x01\x00\x00\x00\x00\x00\x00\x08" + b"\xff" * 8,
    )
    + cluster(2**32 - 1, block(2, 1, key=True), block(2, 2)),
    "a time beyond time": HEAD
    + CLUSTER + ENDLESS + element(b"\xe7", b"\xff" * 8) + block(2, 0, key=True),
    "a time of many bytes": HEAD + CLUSTER + ENDLESS + element(b"\xe7", b"\1" * 900) + block(2, 0),
    "a block without a head": HEAD + cluster(0, element(b"\xa3", b"\x82"), block(2, 0)),
    "a million clusters": HEAD + CLUSTER * 1_000_000,
    "a million elements": HEAD + cluster(0) + b"\xec\x80" * 1_000_000,
    "clusters in pictures": HEAD + cluster(0, *[block(2, n, key=True) for n in range(4_000)]),
}  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_slices_cost_little_and_show_nothing_false(body: bytes) -> None:
    header = webm.read_header(HEAD)
    assert header is not None
    honest, _ = webm.slice_of_beginning(header, 1, HEAD + cluster(0, block(2, 0, key=True)))
    assert honest is not None
    walk, span = webm.follow(honest, 2, body)
    own = webm.read_header(body)
    begun = webm.slice_of_beginning(own, 1, body) if own else (None, None)
    for found in (span, begun[1]):
        # A century is the most that a row must hold.
        assert found is None or 0 <= found.begins_ms < found.ends_ms <= 100 * 366 * 86_400_000
    for each in (walk, begun[0]):
        assert each is None or len(json.dumps(each.to_json())) < 400
    webm.cluster_before(header, body, 500)
    # An honest cluster behind it is found again.
    walk, span = webm.follow(walk, 3, cluster(2_000, block(2, 0, key=True), block(2, 40)))
    walk, span = webm.follow(walk, 5, cluster(5_000, block(2, 0, key=True), block(2, 40)))
    assert span is None or span.ends_ms >= 5_040
    assert walk.reached_ms is not None


@given(st.binary(max_size=400))
def test_any_bytes_are_followed(body: bytes) -> None:
    header = webm.read_header(HEAD)
    assert header is not None
    walk = webm.begin(header, 1)
    assert walk is not None
    walk, _ = webm.follow(walk, 2, body)
    walk, span = webm.follow(walk, 4, cluster(2**31, block(2, 0, key=True), block(2, 40)))
    assert span == Span(2**31, 2**31 + 40, True)
