"""A full deployment whose store is refusing, resetting and slow for long, and whose database goes:
the file arrives, and hardly a byte is sent twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.support import footage
from tests.support.faulty_s3 import Act
from tests.support.product import long_clip
from tests.torture.promises import rows
from tests.torture.schedule import ERROR, Fault
from tests.torture.stand import Stand, open_stand

MIB = 1 << 20
_FILE_BYTES = 64 * MIB + 4321
#: Requests refused in a row: with the five seconds that the service asks for, two minutes at least;
#: some requests of the client cost two of them.
_REFUSED = 36
#: Requests reset or slow in a row.
_LONG = 12


def _from(stand: Stand, mebibytes: int) -> Callable[[str, str], bool]:
    """Every request once so much of the file has gone up."""
    return lambda _method, _path: stand.ear.sent_up >= mebibytes * MIB


# The stand has to start, and bodies are short for a while after each trouble.
@pytest.mark.timeout(500)
async def test_a_store_in_trouble_for_long_and_a_restarted_database_cost_a_tenth_at_most() -> None:
    async with open_stand("versitygw") as stand:
        place = stand.folder / "sender"
        (place / "card").mkdir(parents=True)
        clip = footage.folder() / "08_faststart.mp4"
        clip = long_clip(clip, place / "card" / "long.mp4", _FILE_BYTES)
        for act, after, times in (
            (Act.BUSY, 8, _REFUSED), (Act.DROP, 20, _LONG), (Act.SLOW, 32, _LONG)
        ):  # fmt: skip
            stand.store.plan(act, _from(stand, after), times=times)
        stand.director.load(
            [
                Fault("db.offset", 20, "after", ERROR),
                Fault("db.offset", 40, "before", "database"),
                Fault("db.offset", 60, "after", "database"),
            ]
        )
        client = stand.camera(place)
        try:
            await client.ended(within=400)
        finally:
            await client.stop()
        assert stand.director.clear() == []
        digest = hashlib.sha256(clip.read_bytes()).digest()
        sealed = "SELECT FROM recording WHERE sha256 = $1 AND integrity = 'sealed'"
        assert len(await rows(stand.straight, sealed, digest)) == 1
        assert stand.store.still_planned() == 0
        assert stand.victims.starts("database") == 3
        assert client.starts == 1
        # It was told to stay away for minutes, did not give up, and sent nothing for nothing.
        waits = [float(line) for line in (place / "waits").read_text().split()]
        assert sum(waits) >= 120
        assert stand.ear.violations == []
        assert _FILE_BYTES <= stand.ear.sent_up <= 1.1 * _FILE_BYTES
