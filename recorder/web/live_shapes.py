"""What answers about livestreams hold."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from recorder.domain.livestream import Form, Gap, Livestream
from recorder.services.live import Caution, LivestreamView, PulledFrom, Receipt, Sight
from recorder.web.shape import Shape


class GapShape(Shape):
    """Where media are missing or do not join."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    from_: datetime | None = Field(serialization_alias="from")
    to: datetime | None
    clock: str = Field(description="whose clock both times are of: device or arrival")
    cause: str
    first_missing: int | None
    last_missing: int | None

    @classmethod
    def of(cls, gap: Gap) -> GapShape:
        return cls(
            from_=gap.begins_at,
            to=gap.ends_at,
            clock=gap.clock,
            cause=gap.cause,
            first_missing=gap.first_missing,
            last_missing=gap.last_missing,
        )


class PublishShape(Shape):
    """An address to deliver to."""

    protocol: str = Field(description="segments or chunks by HTTP; rtmp")
    url: str = Field(description="for rtmp: behind the ingest's host and port, with a key")


class PullShape(Shape):
    """Where the service fetches a livestream from; neither user, password nor path are told."""

    protocol: str
    host: str
    trouble: str | None = Field(description="why nothing comes from there at the moment")
    trouble_at: datetime | None

    @classmethod
    def of(cls, source: PulledFrom) -> PullShape:
        return cls(
            protocol=source.protocol,
            host=source.host,
            trouble=source.trouble,
            trouble_at=source.trouble_at,
        )


class LivestreamLineShape(Shape):
    """A livestream as lists show it."""

    id: uuid.UUID
    state: str = Field(description="open, live, interrupted, closing or closed")
    form: str = Field(description="pushed, chunked: the sender numbers what it sends; or received")
    media_type: str | None = Field(description="of what its chunks are slices; null: segments")
    title: str
    agency: str
    device: str | None
    officer: str | None
    stage: str | None
    case_numbers: tuple[str, ...]
    recording: uuid.UUID | None = Field(description="null until it is closed")
    segments: int
    highest: int = Field(description="the highest number that is here")
    length: int = Field(description="bytes of segments and init segments")
    last: int | None = Field(description="what the sender said is its last number")
    created_at: datetime
    first_arrival_at: datetime | None
    last_arrival_at: datetime | None
    interrupted_at: datetime | None
    closing_at: datetime | None
    closed_at: datetime | None
    flags: tuple[str, ...]
    quarantine_reasons: tuple[str, ...]
    continues: uuid.UUID | None = Field(
        description="the livestream that was over when its publisher came back into this one, or"
        " whose numbers were taken before what waited of it was here"
    )

    @classmethod
    def of(cls, found: Livestream) -> LivestreamLineShape:
        return cls(**_line(found))


class LivestreamShape(LivestreamLineShape):
    """One livestream with its gaps."""

    publish: tuple[PublishShape, ...]
    pull: PullShape | None = Field(description="where the service fetches it from, if it does")
    gaps: tuple[GapShape, ...]
    copies: tuple[uuid.UUID, ...] = Field(description="recordings that a gateway wrote of it")
    left_out: tuple[str, ...] = Field(description="what its source offers and is not taken")
    continued_by: tuple[uuid.UUID, ...] = Field(
        description="livestreams in which its publisher went on when this one was over, and those"
        " of what waited in a spool while its numbers were given away"
    )

    @classmethod
    def of_view(cls, view: LivestreamView) -> LivestreamShape:
        found = view.livestream
        place = f"/api/v1/livestreams/{found.id}"
        kinds = {
            Form.PUSHED: ("segments", place),
            Form.CHUNKED: ("chunks", place),
            Form.RECEIVED: ("rtmp", f"/live/{found.id}"),
        }
        protocol, url = kinds[found.form]
        return cls(
            **_line(found),
            publish=() if found.is_pulled else (PublishShape(protocol=protocol, url=url),),
            pull=PullShape.of(view.pulled_from) if view.pulled_from else None,
            gaps=tuple(GapShape.of(gap) for gap in view.gaps),
            copies=view.copies,
            left_out=found.left_out,
            continued_by=(*view.continued_by, *view.set_beside),
        )


class PushKeyShape(Shape):
    """A key that delivers one livestream and does nothing else; it is told once."""

    key: str = Field(description="send it as `Authorization: Bearer KEY`")
    expires_at: datetime


class SegmentShape(Shape):
    """What became of a segment or an init segment; it is durable."""

    number: int = Field(description="negative: the init segment of that period")
    period: int
    length: int
    sha256: str
    sm3: str
    arrived_at: datetime

    @classmethod
    def of(cls, receipt: Receipt) -> SegmentShape:
        segment = receipt.segment
        return cls(
            number=segment.number,
            period=segment.period,
            length=segment.length,
            sha256=segment.sha256.hex(),
            sm3=segment.sm3.hex(),
            arrived_at=segment.arrived_at,
        )


class CautionShape(Shape):
    """What a person should know of a running livestream."""

    code: str = Field(
        description="no_keyframe, clock_off, long_segments (value: seconds), store_slow (segments),"
        " sound_missing, tracks_left_out (how many)"
    )
    value: int

    @classmethod
    def of(cls, caution: Caution) -> CautionShape:
        return cls(code=caution.code, value=caution.value)


class SightShape(Shape):
    """A running livestream as the wall shows it."""

    id: uuid.UUID
    state: str
    title: str
    agency: str
    device: str | None
    officer: str | None
    stage: str | None
    case_numbers: tuple[str, ...]
    latitude: float | None
    longitude: float | None
    recording: uuid.UUID | None
    segments: int
    highest: int
    length: int
    last_arrival_at: datetime | None
    interrupted_at: datetime | None
    bit_rate: int | None = Field(description="bits for each second of media; null unless live")
    age_ms: int | None = Field(description="how old the newest durable picture is")
    clock_offset_ms: int | None
    waiting: int = Field(description="segments that wait for the store")
    codec: str | None
    width: int | None
    height: int | None
    restricted: bool = Field(description="only some may watch it")
    marks: int = Field(description="how many marks there are on it, 500 at most")
    cautions: tuple[CautionShape, ...]

    @classmethod
    def of(cls, sight: Sight) -> SightShape:
        found, video = sight.livestream, sight.video
        own = {"bit_rate", "age_ms", "clock_offset_ms", "waiting", "codec", "width", "height"}
        shared = (
            set(cls.model_fields)
            - own
            - {"cautions", "latitude", "longitude", "marks", "restricted"}
        )
        line = _line(found)
        return cls(
            **{name: line[name] for name in shared},
            latitude=found.latitude,
            longitude=found.longitude,
            bit_rate=sight.bit_rate,
            age_ms=sight.age_ms,
            clock_offset_ms=sight.clock_offset_ms,
            waiting=sight.waiting,
            codec=video.codec if video else None,
            width=video.width if video else None,
            height=video.height if video else None,
            restricted=found.is_restricted,
            marks=sight.marks,
            cautions=tuple(CautionShape.of(caution) for caution in sight.cautions),
        )


class WallShape(Shape):
    """Every running livestream in scope at a moment."""

    livestreams: tuple[SightShape, ...]

    @classmethod
    def of(cls, sights: Sequence[Sight]) -> WallShape:
        return cls(livestreams=tuple(map(SightShape.of, sights)))


def _line(found: Livestream) -> dict[str, Any]:
    return {
        "id": found.id,
        "state": found.state.value,
        "form": found.form.value,
        "media_type": found.media_type,
        "title": found.title,
        "agency": found.agency_code,
        "device": found.device_number,
        "officer": found.officer,
        "stage": found.stage,
        "case_numbers": found.case_numbers,
        "recording": found.recording,
        "segments": found.segments,
        "highest": found.highest_number,
        "length": found.length,
        "last": found.last_number,
        "created_at": found.created_at,
        "first_arrival_at": found.first_arrival_at,
        "last_arrival_at": found.last_arrival_at,
        "interrupted_at": found.interrupted_at,
        "closing_at": found.closing_at,
        "closed_at": found.closed_at,
        "flags": found.flags,
        "quarantine_reasons": found.quarantine_reasons,
        "continues": found.continues,
    }
