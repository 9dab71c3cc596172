"""A seed gives the city that it gave before: figures of one day can be compared with another's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from recorder.simulation.city import simulate

#: Written anew, knowingly, by whoever changes the city.
DIGEST = "113779e493c9f517afcc892557ac8ea9fa64bebed8e6634ee0b3dad927975623"


def test_the_city_of_a_seed_is_the_city_of_before(tmp_path: Path) -> None:
    simulate(0.00005, 1, 2025, tmp_path)
    digest = hashlib.sha256()
    for file in sorted(file for file in tmp_path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(tmp_path)}\n".encode() + file.read_bytes())
    assert digest.hexdigest() == DIGEST
