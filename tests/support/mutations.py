"""Clips that went wrong: footage changed from a seed, as damage and attackers change it."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable

Mutate = Callable[[random.Random, bytearray, bytes, bytes], bytearray]

_ATOM = re.compile(
    rb"ftyp|moov|mvhd|trak|tkhd|mdia|mdhd|hdlr|minf|stbl|stsd|stts|stsc|stsz|stco|moof|traf|trun|mdat"
)
_PICTURES = re.compile(rb"avc1|hvc1|hev1|av01|tkhd|mp4v|strh|strf")


def _flip(chance: random.Random, clip: bytearray, _other: bytes, _lure: bytes) -> bytearray:
    for _ in range(chance.choice([1, 8, 200])):
        clip[chance.randrange(len(clip))] ^= 1 << chance.randrange(8)
    return clip


def _lie_about_size(
    chance: random.Random, clip: bytearray, _other: bytes, _lure: bytes
) -> bytearray:
    places = [match.start() for match in _ATOM.finditer(clip) if match.start() >= 4]
    for place in chance.sample(places, min(len(places), chance.choice([1, 3]))):
        lie = chance.choice([0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF, chance.randrange(1 << 32)])
        struct.pack_into(">I", clip, place - 4, lie)
    return clip


def _cut(chance: random.Random, clip: bytearray, _other: bytes, _lure: bytes) -> bytearray:
    begin = chance.choice([0, 0, chance.randrange(len(clip))])
    return clip[begin : begin + 1 + chance.randrange(len(clip))]


def _splice(chance: random.Random, clip: bytearray, other: bytes, _lure: bytes) -> bytearray:
    place, start = chance.randrange(len(clip)), chance.randrange(len(other))
    return clip[:place] + other[start:] + clip[place:]


def _repeat(chance: random.Random, clip: bytearray, _other: bytes, _lure: bytes) -> bytearray:
    atoms = [match.start() - 4 for match in _ATOM.finditer(clip) if match.start() >= 4] or [0]
    place = chance.choice(atoms)
    size = int.from_bytes(clip[place : place + 4], "big")
    piece = bytes(clip[place : place + min(max(size, 8), 100_000)])
    return clip[:place] + piece * chance.choice([2, 50]) + clip[place:]


def _grow_pictures(
    chance: random.Random, clip: bytearray, _other: bytes, _lure: bytes
) -> bytearray:
    for match in _PICTURES.finditer(clip):
        for place in range(match.end(), min(match.end() + 96, len(clip) - 4), 2):
            if chance.random() < 0.3:
                struct.pack_into(">H", clip, place, chance.choice([0xFFFF, 0x7FFF, 16384, 0]))
    return clip


def _nest(chance: random.Random, clip: bytearray, _other: bytes, _lure: bytes) -> bytearray:
    inner = bytes(clip[:200])
    for _ in range(chance.choice([30, 3000])):
        inner = struct.pack(">I", len(inner) + 8) + chance.choice([b"moov", b"trak"]) + inner
    return bytearray(clip[:32] + inner + clip[32:])


def _lure_inside(chance: random.Random, clip: bytearray, _other: bytes, lure: bytes) -> bytearray:
    place = chance.choice([0, 8, 32, 64, chance.randrange(len(clip))])
    boxed = struct.pack(">I", len(lure) + 8) + chance.choice([b"udta", b"url ", b"cmov"]) + lure
    return clip[:place] + chance.choice([lure, boxed]) + clip[place:]


MUTATIONS: dict[str, Mutate] = {
    "flipped bits": _flip,
    "lies about size": _lie_about_size,
    "a part of it": _cut,
    "spliced": _splice,
    "repeated atoms": _repeat,
    "giant pictures": _grow_pictures,
    "nested atoms": _nest,
    "a lure inside": _lure_inside,
}


def mutated(number: int, clips: list[bytes], lures: list[bytes]) -> tuple[str, bytes]:
    """The clip of this seed: which mutations, and the bytes; the same for the same footage set."""
    chance = random.Random(number)
    clip = bytearray(chance.choice(clips) or b"\0")
    names = chance.sample(sorted(MUTATIONS), chance.choice([1, 1, 2]))
    for name in names:
        clip = MUTATIONS[name](chance, clip, chance.choice(clips) or b"\0", chance.choice(lures))
        clip = clip or bytearray(b"\0")
    return " and ".join(names), bytes(clip)
