"""verify: read the pinned version back and decide, once, whether it is what arrived.

One pass gives the digests of the parts as they arrived, the whole SHA-256 and the SM3. Equal to
the list of what arrived and to what the device declared: sealed. Else kept, mismatched, alarm.
"""

from __future__ import annotations

from collections.abc import Sequence

from recorder.adapters.objects import Bucket
from recorder.domain.events import CustodyEvent, RecordingMismatched, RecordingSealed
from recorder.domain.recording import Flag, OriginalObject, Recording
from recorder.domain.upload import Part
from recorder.store import recordings, sealed_segments, upload_arrivals
from workers.context import StepContext, missing_is_alarming
from workers.steps import verify_livestream
from workers.steps.digests import DoubleDigest, absorb_object


async def verify(context: StepContext) -> Sequence[CustodyEvent]:
    """RecordingSealed or RecordingMismatched.

    Every object is read to its own end, not to the length in our rows: bytes that were added
    behind it are found as well. Raises IntegrityError ``original-missing`` when the pinned
    version is not in the store.
    """
    recording, objects, _ = await context.recording()
    async with context.deps.database.acquire() as connection:
        upload = await recordings.upload_of(connection, recording.id)
        parts = await upload_arrivals.parts(connection, upload) if upload else []
        members = await sealed_segments.arrived_in_volumes(connection, recording.id)
    spans = [
        [part.length for part in parts] or [each.length for each in members if each.n == stored.n]
        for stored in objects
    ]
    whole = DoubleDigest(spans[0] if len(spans) == 1 else ())
    digests = await _read_all(context, recording, objects, whole, spans)
    if recording.livestream is None:
        return [_verdict(recording, parts, whole, digests)]
    return [await verify_livestream.verdict(context, recording, whole, digests, members)]


async def _read_all(
    context: StepContext,
    recording: Recording,
    objects: Sequence[OriginalObject],
    whole: DoubleDigest,
    spans: Sequence[Sequence[int]],
) -> list[tuple[OriginalObject, DoubleDigest]]:
    """Every object with its own digests and those of its spans; ``whole`` takes in all of them."""
    digests: list[tuple[OriginalObject, DoubleDigest]] = []
    before = 0

    def show(length: int) -> None:
        context.progress["percent"] = min(100, 100 * (before + length) // max(1, recording.length))

    for stored, lengths in zip(objects, spans, strict=True):
        own = whole if len(objects) == 1 else DoubleDigest(lengths)
        into = [own] if own is whole else [own, whole]
        with missing_is_alarming(stored):
            await absorb_object(
                context.deps.objects, Bucket.ORIGINALS, stored.key, stored.version, into, show
            )
        digests.append((stored, own))
        before += own.length
    return digests


def _verdict(
    recording: Recording,
    parts: Sequence[Part],
    whole: DoubleDigest,
    digests: Sequence[tuple[OriginalObject, DoubleDigest]],
) -> CustodyEvent:
    differing = [
        part.offset
        for n, part in enumerate(parts)
        if n >= len(whole.spans) or whole.spans[n] != part.sha256
    ]
    reasons = []
    if whole.length != recording.length or any(
        digest.length != stored.length for stored, digest in digests
    ):
        reasons.append("length")
    if differing:
        reasons.append("arrival_digests")
    if recording.declared_sha256 not in (None, whole.sha256):
        reasons.append("declared_sha256")
    objects = tuple(_object_facts(stored, digest) for stored, digest in digests)
    declared = recording.declared_sha256.hex() if recording.declared_sha256 else None
    if reasons:
        return RecordingMismatched(
            subject=recording.id,
            agency=recording.agency,
            length=whole.length,
            sha256=whole.sha256.hex(),
            sm3=whole.sm3.hex(),
            declared_sha256=declared,
            differing_offsets=tuple(differing),
            reasons=tuple(reasons),
            objects=objects,
        )
    return RecordingSealed(
        subject=recording.id,
        agency=recording.agency,
        length=whole.length,
        sha256=whole.sha256.hex(),
        sm3=whole.sm3.hex(),
        device=recording.device_number,
        officer=recording.officer,
        original_name=recording.original_name,
        started_at=recording.started_at,
        ended_at=recording.ended_at,
        received_at=recording.received_at,
        device_clock_at=recording.device_clock_at,
        clock_offset_ms=recording.clock_offset_ms,
        objects=objects,
        incomplete=Flag.INCOMPLETE_UPLOAD in recording.flags,
        checks=("read_back", "arrival_digests", *(["declared_sha256"] if declared else [])),
    )


def _object_facts(stored: OriginalObject, digest: DoubleDigest) -> dict[str, object]:
    return {
        "key": stored.key,
        "version": stored.version,
        "length": digest.length,
        "sha256": digest.sha256.hex(),
        "sm3": digest.sm3.hex(),
    }
