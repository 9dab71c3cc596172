"""Duty lists: drafting, comparing, publishing, and having a second person approve them."""

from recorder.services.duties.drafting import (
    ListView,
    compare,
    draft,
    list_view,
    lists,
    read_file,
    redraft,
    table,
)
from recorder.services.duties.effect import (
    KIND,
    approve,
    in_force,
    propose,
    refuse,
    withdraw,
    wording_of,
)
from recorder.services.duties.marking import due_for_marking, due_in_scope
from recorder.services.duties.shipped import PROFILES, note, profile

__all__ = [
    "KIND",
    "PROFILES",
    "ListView",
    "approve",
    "compare",
    "draft",
    "due_for_marking",
    "due_in_scope",
    "in_force",
    "list_view",
    "lists",
    "note",
    "profile",
    "propose",
    "read_file",
    "redraft",
    "refuse",
    "table",
    "withdraw",
    "wording_of",
]
