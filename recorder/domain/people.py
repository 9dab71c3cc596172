"""Who acts, what they may do, and whose footage they may see."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, replace

from recorder.domain.ids import AgencyId, DeviceId, DockId, LivestreamId
from recorder.errors import Forbidden

#: What every bearer token begins with: one that leaked is easy to find.
TOKEN_PREFIX = "rec_"  # noqa: S105 - a marker, no secret


class Role(enum.StrEnum):
    """The fixed roles; docs/reference/roles.md lists what each may do."""

    DEVICE = "device"
    DOCK = "dock"
    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    #: A system that feeds cases.
    SOURCE = "source"
    #: A system that counts what we found; it changes nothing.
    READER = "reader"
    #: A system whose pages show footage of a case to the person in front of them.
    EMBEDDER = "embedder"


class Permission(enum.StrEnum):
    """One word for each thing that can be allowed; a route row names exactly one."""

    #: Anybody, signed in or not.
    PUBLIC = "public"
    #: Anybody who is signed in: own session, own language.
    SIGNED_IN = "signed-in"
    UPLOAD = "upload"
    #: Segments, chunks and marks of a livestream that one has opened; all that a push key may.
    DELIVER = "deliver"
    #: State, digests and receipts of recordings in scope (a device: its own).
    READ_RECORDINGS = "read-recordings"
    #: Pages, lists and searches made for people.
    BROWSE = "browse"
    #: The pictures and the original bytes.
    WATCH = "watch"
    #: Have the service fetch a livestream from an address.
    PULL = "pull"
    LINK = "link"
    #: End a restriction of who may watch.
    LIFT = "lift"
    READ_CASES = "read-cases"
    EDIT_CASES = "edit-cases"
    #: Rows of a case system, as that system.
    FEED = "feed"
    #: How sources are doing, and what waits in their pools.
    READ_FEEDS = "read-feeds"
    #: What the codes of sources mean.
    MEND_FEEDS = "mend-feeds"
    #: Let the live copy of a livestream go where the card copy is there.
    RELEASE = "release"
    #: Decide about quarantined footage.
    ADMIT = "admit"
    #: Uploads, task runs and alarms.
    READ_WORK = "read-work"
    RETRY_WORK = "retry-work"
    SETTLE_ALARMS = "settle-alarms"
    #: Reply to findings and appeal against them.
    ANSWER = "answer"
    #: Assign findings and close them.
    SETTLE_FINDINGS = "settle-findings"
    #: Figures officer by officer.
    COMPARE_OFFICERS = "compare-officers"
    #: Event facts, for the models of other systems.
    READ_FACTS = "read-facts"
    #: An address under which a page of another system shows a case.
    EMBED = "embed"
    #: Draft and propose duty lists.
    EDIT_DUTIES = "edit-duties"
    #: Decide as the second person about what another one proposed.
    APPROVE = "approve"
    #: People, devices, docks, tokens and the hand-over log.
    ADMINISTER = "administer"


_MACHINES = frozenset({Permission.UPLOAD, Permission.DELIVER, Permission.READ_RECORDINGS})
#: What a suspended device keeps.
_SUSPENDED = frozenset({Permission.UPLOAD, Permission.DELIVER})
_OFFICER = _MACHINES | {
    Permission.BROWSE,
    Permission.WATCH,
    Permission.LINK,
    Permission.READ_CASES,
    Permission.ANSWER,
}
_SUPERVISOR = _OFFICER | {
    Permission.PULL,
    Permission.LIFT,
    Permission.EDIT_CASES,
    Permission.READ_FEEDS,
    Permission.MEND_FEEDS,
    Permission.RELEASE,
    Permission.ADMIT,
    Permission.READ_WORK,
    Permission.RETRY_WORK,
    Permission.SETTLE_ALARMS,
    Permission.SETTLE_FINDINGS,
    Permission.COMPARE_OFFICERS,
    Permission.READ_FACTS,
    Permission.EMBED,
    Permission.EDIT_DUTIES,
    Permission.APPROVE,
}
#: An administrator keeps the system going and does not watch footage (separation of duties, R65).
_ADMINISTRATOR = frozenset(
    {
        Permission.READ_RECORDINGS,
        Permission.BROWSE,
        Permission.READ_CASES,
        Permission.READ_FEEDS,
        Permission.MEND_FEEDS,
        Permission.READ_WORK,
        Permission.RETRY_WORK,
        Permission.SETTLE_ALARMS,
        Permission.ADMINISTER,
    }
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.DEVICE: _MACHINES,
    Role.DOCK: _MACHINES,
    Role.OFFICER: frozenset(_OFFICER),
    Role.SUPERVISOR: frozenset(_SUPERVISOR),
    Role.ADMINISTRATOR: _ADMINISTRATOR,
    Role.SOURCE: frozenset({Permission.FEED, Permission.READ_FEEDS}),
    Role.READER: frozenset({Permission.READ_FACTS}),
    Role.EMBEDDER: frozenset({Permission.EMBED}),
}


class ActorKind(enum.StrEnum):
    DEVICE = "device"
    DOCK = "dock"
    PERSON = "person"
    #: Another system, by a token.
    PROGRAM = "program"
    #: A worker of ours.
    WORKER = "worker"
    #: The service itself, by the clock.
    SERVICE = "service"
    #: The person at the keyboard of the server.
    OPERATOR = "operator"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows an actor may see; an argument of every list query. All fields narrow.

    ``agency`` None means every agency (the city scope and our own workers). Statements ask
    ``in_scope(agency_id, $n)`` with ``agencies``.
    """

    #: The own agency.
    agency: AgencyId | None
    device: DeviceId | None = None
    dock: DockId | None = None
    officer: str | None = None
    #: Agencies whose rows are seen beside those of the own one: the organisations below it.
    below: tuple[AgencyId, ...] = ()

    @property
    def agencies(self) -> list[AgencyId] | None:
        """All agencies that are seen; None: every one."""
        return None if self.agency is None else [self.agency, *self.below]


EVERYTHING = Scope(agency=None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever does something, as custody events name them."""

    kind: ActorKind
    id: str
    name: str
    role: Role | None = None
    agency: AgencyId | None = None
    #: Sees every agency.
    city: bool = False
    #: The agencies below the own one, which a person or program sees too.
    below: tuple[AgencyId, ...] = ()
    #: Those of them that are the same organ: its branches, and whose place it took.
    branches: tuple[AgencyId, ...] = ()
    device: DeviceId | None = None
    dock: DockId | None = None
    #: The officer's number, for a person who is one.
    officer: str | None = None
    #: A suspended device may upload and nothing else.
    suspended: bool = False
    #: Came with a push key: may deliver this livestream and nothing else.
    livestream: LivestreamId | None = None
    #: A person whose role needs a second factor and who has none may do nothing but set it up.
    unready: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether the role grants it; a suspended device keeps only the upload."""
        if permission is Permission.PUBLIC:
            return True
        if self.livestream is not None:
            return permission is Permission.DELIVER
        if self.role is None:
            return False
        if permission is Permission.SIGNED_IN:
            return not self.suspended
        if self.unready or (self.suspended and permission not in _SUSPENDED):
            return False
        return permission in GRANTS[self.role]

    def acts_for(self, agency: AgencyId) -> bool:
        """Whether this actor may change what belongs to the agency; seeing it is ``scope``.

        People and programs do so for their own organ, unless they see every agency; whoever stands
        above looks, and does not do the work of another organ (R61, R62).
        """
        if self.kind not in (ActorKind.PERSON, ActorKind.PROGRAM) or self.city:
            return True
        return agency == self.agency or agency in self.branches

    @property
    def charge(self) -> Scope:
        """The agencies of ``acts_for`` as a scope: what one may do there, not only see."""
        if self.kind not in (ActorKind.PERSON, ActorKind.PROGRAM) or self.city:
            return self.scope
        return replace(self.scope, below=self.branches)

    def need_charge_of(self, agency: AgencyId) -> None:
        """Raise Forbidden ``agency-scope`` where this actor does not act for the agency."""
        if not self.acts_for(agency):
            raise Forbidden("agency-scope", "It belongs to another agency, which has to do this.")

    def sees_pictures_of(self, agency: AgencyId, officer: str | None, *, restricted: bool) -> bool:
        """Whether pictures and bytes of footage in scope are for this actor, if its role watches.

        Restricted footage is for the officer who made it and for supervisors of its own organ, as
        persons: for nobody above it, nobody who sees every agency, no program (R12, R69).
        """
        if not restricted:
            return True
        if self.kind is not ActorKind.PERSON:
            return False
        if self.role is Role.OFFICER:
            return self.officer is not None and self.officer == officer
        return self.role is Role.SUPERVISOR and (agency == self.agency or agency in self.branches)

    def need_pictures_of(self, agency: AgencyId, officer: str | None, *, restricted: bool) -> None:
        """Raise Forbidden ``footage-restricted`` unless ``sees_pictures_of``."""
        if not self.sees_pictures_of(agency, officer, restricted=restricted):
            raise Forbidden(
                "footage-restricted", "Who may watch this footage is restricted; you may not."
            )

    @property
    def sender(self) -> str:
        """Who this is as rows of uploads name their opener: nobody else continues one."""
        return f"{self.kind.value}:{self.id}"

    @property
    def scope(self) -> Scope:
        """What this actor may see: machines their own, people their agency's and all below it.

        An officer with a number sees the footage with that number only.
        """
        if self.kind in (ActorKind.WORKER, ActorKind.SERVICE, ActorKind.OPERATOR):
            return EVERYTHING
        agency = None if self.city else (self.agency or AgencyId(uuid.UUID(int=0)))
        if self.role is Role.DEVICE:
            return Scope(agency, device=self.device)
        if self.role is Role.DOCK:
            return Scope(agency, dock=self.dock)
        if self.role is Role.OFFICER:
            return Scope(agency, officer=self.officer, below=self.below)
        return Scope(agency, below=self.below)


NOBODY = Actor(ActorKind.NOBODY, "", "")
SERVICE = Actor(ActorKind.SERVICE, "service", "service")
OPERATOR = Actor(ActorKind.OPERATOR, "operator", "operator")


def worker(name: str) -> Actor:
    """The actor of one worker process."""
    return Actor(ActorKind.WORKER, name, name)
