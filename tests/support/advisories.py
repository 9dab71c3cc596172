"""What is publicly known against the locked packages, asked from OSV in one request.

    python -m tests.support.advisories [--strict]

OSV joins the advisories of PyPI and npm under one answer (https://google.github.io/osv.dev/api/).
Exit code 1: a locked package has a known vulnerability. Without an answer nothing is known: that
is said plainly, and is exit code 0 (a build must not stand still with the world), or 2 with
`--strict`.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping

from tests.support import licences

#: Somewhere else, for whoever keeps a copy of the database.
ADDRESS = os.environ.get("ADVISORIES_URL", "https://api.osv.dev")
#: What was read and does not concern us: the advisory, why, and until when that may stand.
ACCEPTED: Mapping[str, tuple[str, datetime.date]] = {}
_PATIENCE_S = 20.0


class NoAnswer(Exception):
    """The database did not say anything that can be read."""


def ask(address: str, packages: list[licences.Package]) -> dict[str, list[str]]:
    """The identifiers of what is known against each package, those without any left out.

    Raises:
        NoAnswer: nothing is known of any of them.
    """
    queries = [
        {
            "package": {"name": p.name, "ecosystem": "npm" if "npm" in p.used else "PyPI"},
            "version": p.version,
        }
        for p in packages
    ]
    request = urllib.request.Request(  # noqa: S310
        f"{address}/v1/querybatch",
        json.dumps({"queries": queries}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
            results = json.load(answer)["results"]
        if len(results) != len(packages):
            raise NoAnswer(f"{len(results)} answers to {len(packages)} questions")
        known = [[told["id"] for told in result.get("vulns", ())] for result in results]
    except (OSError, urllib.error.URLError, ValueError, LookupError, TypeError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error
    return {f"{p.name} {p.version}": ids for p, ids in zip(packages, known, strict=True) if ids}


def open_ones(
    found: Mapping[str, list[str]],
    accepted: Mapping[str, tuple[str, datetime.date]],
    today: datetime.date,
) -> list[str]:
    """A line for each advisory that nobody accepted, or whose acceptance has ended."""
    return [
        f"{package}: {identifier}"
        for package, identifiers in found.items()
        for identifier in identifiers
        if identifier not in accepted or accepted[identifier][1] < today
    ]


def report(address: str, packages: list[licences.Package], *, strict: bool = False) -> int:
    """Ask for the packages, say what is known, and give the exit code."""
    try:
        found = ask(address, packages)
    except NoAnswer as why:
        print(f"NOT ASKED, nothing is known of {len(packages)} packages: {why}")
        return 2 if strict else 0
    lines = open_ones(found, ACCEPTED, datetime.datetime.now(datetime.UTC).date())
    print("\n".join(lines) or f"none known against {len(packages)} packages")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(report(ADDRESS, licences.packages(), strict="--strict" in sys.argv[1:]))
