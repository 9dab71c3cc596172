"""Route: one row of the route table. The table itself is in ``routes``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel

from recorder.domain.limit import Limit
from recorder.domain.people import Permission

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_READING = ("GET", "HEAD", "OPTIONS")
#: What goes on while the store is ahead of the database: who gets in or is shut out, which things
#: send footage, alarms, and pages of other systems, which only read.
_GOES_ON = frozenset(
    {
        Permission.PUBLIC,
        Permission.SIGNED_IN,
        Permission.ADMINISTER,
        Permission.SETTLE_ALARMS,
        Permission.EMBED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a route answers when all went well, for the description of the API."""

    status: int = 200
    #: The shape of a JSON answer; None for other media or no content.
    schema: type[BaseModel] | None = None
    #: The smaller shape that some askers get instead, with a sentence who.
    less: tuple[type[BaseModel], str] | None = None
    #: Media type of an answer that is no JSON of ours.
    media_type: str | None = None
    #: Headers that a program relies on, each with a sentence.
    headers: tuple[tuple[str, str], ...] = ()
    #: Other statuses of success or redirection, each with a sentence.
    others: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method on a path, who may ask, and what is described of it."""

    method: str
    path: str
    handler: Handler
    permission: Permission
    #: One sentence, also the heading in the API reference.
    summary: str
    #: Query parameters; any other is refused with 400.
    query: type[BaseModel] | None = None
    #: JSON body.
    request: type[BaseModel] | None = None
    #: Media type of a body that is no JSON of ours.
    request_media_type: str | None = None
    request_headers: tuple[tuple[str, str], ...] = ()
    answer: Answer = Answer()
    #: Codes of problems beside those that any route may answer.
    problems: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    #: What the request is counted as, if somebody could ask it too often.
    limit: Limit | None = None
    #: False for pages, which are no part of the API description.
    described: bool = True

    @property
    def is_upload(self) -> bool:
        """Whether it speaks tus; its tag says so."""
        return "uploads" in self.tags

    @property
    def waits_for_whole(self) -> bool:
        """Whether it is refused while the store is ahead of the database (design/backup.md)."""
        return self.method not in _READING and self.permission not in _GOES_ON

    @property
    def brings_footage(self) -> bool:
        """Whether devices bring footage by it, by tus or as a livestream."""
        return self.is_upload or self.permission in (Permission.UPLOAD, Permission.DELIVER)
