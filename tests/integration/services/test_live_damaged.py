"""Segments that are damaged: kept as they came, whatever they say of themselves."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain import fragments
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.streams import opened, put, put_init, stored_bytes, take


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The same with some bytes changed, or cut."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 12)):
        changed[chance.randrange(len(changed))] = chance.choice((0, 1, 128, 255))
    return bytes(changed[: chance.randint(1, len(changed)) if chance.random() < 0.1 else None])


@pytest.mark.parametrize("seed", range(4))
async def test_damaged_segments_are_kept_whatever_they_say_of_themselves(
    bureau: Bureau, seed: int
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, actor)
    chance = random.Random(seed)
    for period in range(1, 9):
        init = damaged(sent.init, chance)
        await put_init(deps, actor, livestream.id, init, period)
        body = damaged(sent.segments[0][:1500], chance)
        found = await put(deps, actor, livestream.id, period, body, period=period)
        assert await stored_bytes(deps, found) == body


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fragments_say_fits_into_a_row(seed: int) -> None:
    chance, sent = random.Random(seed), take()
    tracks = fragments.read_init(sent.init)
    for _ in range(1000):
        read = fragments.read_init(damaged(sent.init, chance))
        assert all(each.codec.isprintable() and each.kind.isprintable() for each in read)
        facts = fragments.read_fragment(damaged(sent.segments[0][:1500], chance), read or tracks)
        for time_us in (facts.media_time_us, facts.duration_us):
            assert time_us is None or abs(time_us) < 2**53
