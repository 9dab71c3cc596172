"""Every problem code that an answer may carry: its kind, its title and what to do about it.

The one source of docs/reference/problems.md and of the page /docs/problems, one module for each
subject. A test collects the codes that the product raises and demands that each stands here, once,
under the kind it is raised with.
"""

from __future__ import annotations

from recorder.web.problem_catalogue import (
    cases,
    coverage,
    feeds,
    footage,
    livestreams,
    operation,
    people,
    registries,
    requests,
    uploads,
)
from recorder.web.problem_catalogue.entry import Entry

SUBJECTS = (
    cases,
    coverage,
    feeds,
    footage,
    livestreams,
    operation,
    people,
    registries,
    requests,
    uploads,
)
CATALOGUE: dict[str, Entry] = {
    code: entry for subject in SUBJECTS for code, entry in subject.PROBLEMS.items()
}

__all__ = ["CATALOGUE", "SUBJECTS", "Entry"]
