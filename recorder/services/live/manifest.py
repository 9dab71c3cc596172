"""Manifests: the locked list of what a recording of a livestream consists of, in order.

Written once, before the recording's row; fields are only ever added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recorder.domain.ids import RecordingId
from recorder.domain.instant import Instant, format_utc
from recorder.domain.livestream import Gap, Livestream, Segment
from recorder.errors import IntegrityError, InvalidInput
from recorder.ledger import canonical
from recorder.services.live.opening import description


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says."""

    said: dict[str, Any]
    #: Numbers of its segments; init segments negative.
    numbers: frozenset[int]
    gaps: tuple[Gap, ...]


def around(
    livestream: Livestream, recording: RecordingId, gaps: Sequence[Gap], arrival_sha256: bytes
) -> tuple[bytes, bytes]:
    """What stands before and behind the segments in the canonical bytes of a manifest."""
    whole = canonical.encode(
        {
            "v": 1,
            **description(livestream),
            "recording": str(recording),
            "continues": str(livestream.recording) if livestream.recording else None,
            "last": livestream.last_number,
            "arrival_sha256": arrival_sha256.hex(),
            "gaps": [gap_to_json(gap) for gap in gaps],
            "segments": [],
        }
    )
    # An empty list at the name that no text can hold: quotes inside of text are escaped.
    head, tail = whole.split(b'"segments":[]', 1)
    return head + b'"segments":[', b"]" + tail


def lines(segments: Iterable[Segment]) -> bytes:
    """The canonical bytes of segments as they stand in the list of a manifest."""
    return b",".join(canonical.encode(_segment_to_json(segment)) for segment in segments)


def read(content: bytes) -> Manifest:
    """Understand a manifest; IntegrityError ``manifest-unreadable`` when it is none of ours."""
    try:
        said: Any = canonical.decode(content)
        return Manifest(
            said,
            frozenset(int(each["number"]) for each in said["segments"]),
            tuple(_gap_from_json(each) for each in said["gaps"]),
        )
    except (InvalidInput, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            "manifest-unreadable", f"The manifest of a livestream cannot be used: {error}"
        ) from error


def _segment_to_json(segment: Segment) -> dict[str, object]:
    return {
        "number": segment.number,
        "period": segment.period,
        "key": segment.key,
        "version": segment.version,
        "length": segment.length,
        "sha256": segment.sha256.hex(),
        "sm3": segment.sm3.hex(),
        "media_time_us": segment.media_time_us,
        "duration_us": segment.duration_us,
        "device_at": _said(segment.device_at),
        "arrived_at": _said(segment.arrived_at),
    }


def gap_to_json(gap: Gap) -> dict[str, object]:
    """A gap as plain values."""
    return {
        "begins_at": _said(gap.begins_at),
        "ends_at": _said(gap.ends_at),
        "clock": gap.clock,
        "cause": gap.cause,
        "first_missing": gap.first_missing,
        "last_missing": gap.last_missing,
    }


def _gap_from_json(said: dict[str, Any]) -> Gap:
    return Gap(
        _understood(said["begins_at"]),
        _understood(said["ends_at"]),
        str(said["clock"]),
        str(said["cause"]),
        said["first_missing"],
        said["last_missing"],
    )


def _said(moment: datetime | None) -> str | None:
    return format_utc(moment) if moment else None


def _understood(text: str | None) -> datetime | None:
    return Instant.parse(text).at if text else None
