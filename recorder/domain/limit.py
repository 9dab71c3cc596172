"""What may be asked only so often by one asker; how often stands in the configuration."""

from __future__ import annotations

import enum


class Limit(enum.StrEnum):
    """A sort of request that is counted. A route row names at most one.

    Nothing that continues an upload is ever counted: its bytes would be lost with it.
    """

    #: Searching cases or footage.
    SEARCH = "search"
    #: Opening an upload, whether or not bytes come with it.
    OPENING = "opening"
    #: A question or a hint of a gateway.
    HOOK = "hook"
