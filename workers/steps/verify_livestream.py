"""verify, for a recording that was a livestream: thousands of objects, told by one locked list.

Each object must be what it was when it arrived, in both digests, and the manifest must list just
these objects. Then the seal names the manifest by its digest instead of repeating it: the receipt
of a day stays small, and says as much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from recorder.adapters.digests import both_digests
from recorder.adapters.objects import Bucket
from recorder.domain.events import CustodyEvent, RecordingMismatched, RecordingSealed
from recorder.domain.recording import OriginalObject, Recording
from recorder.errors import IntegrityError
from recorder.services.live import manifest
from recorder.store import livestream_segments, recordings, sealed_segments
from recorder.store.sealed_segments import ArrivedObject
from workers.context import StepContext, missing_is_alarming
from workers.steps.digests import DoubleDigest


async def verdict(
    context: StepContext,
    recording: Recording,
    whole: DoubleDigest,
    digests: Sequence[tuple[OriginalObject, DoubleDigest]],
    members: Sequence[ArrivedObject],
) -> CustodyEvent:
    """RecordingSealed, or RecordingMismatched with those objects that differ.

    ``members`` are what its volumes hold, of a recording that lies in volumes.
    """
    async with context.deps.database.acquire() as connection:
        arrived = members or await sealed_segments.arrived(connection, recording.id)
        sidecar = await recordings.sidecar_of(connection, recording.id)
        gaps = await livestream_segments.gaps_of(connection, recording.id)
    if members:
        differing = [each for each in digests if not _holds(*each, members)]
    else:
        differing = [each for n, each in enumerate(digests) if not _is(*each, arrived[n : n + 1])]
    listing = await _read_manifest(context, sidecar)
    sha256, sm3 = await both_digests(listing)
    reasons = []
    if whole.length != recording.length:
        reasons.append("length")
    if differing:
        reasons.append("arrival_digests")
    if not await asyncio.to_thread(_lists, listing, arrived):
        reasons.append("manifest")
    if reasons:
        return _mismatched(recording, whole, digests, differing, reasons)
    key, version = sidecar
    listed = {
        "key": key,
        "version": version,
        "length": whole.length,
        "listed": len(arrived),
        "sha256": sha256.hex(),
        "sm3": sm3.hex(),
    }
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
        objects=(listed,),
        incomplete=False,
        checks=("read_back", "arrival_digests", "manifest"),
        gaps=len(gaps),
    )


async def _read_manifest(context: StepContext, sidecar: tuple[str, str]) -> bytes:
    key, version = sidecar
    with missing_is_alarming(OriginalObject(0, key, version, 0, None, None)):
        blocks = context.deps.objects.read(Bucket.ORIGINALS, key, version)
        return b"".join([block async for block in blocks])


def _is(stored: OriginalObject, digest: DoubleDigest, arrived: Sequence[ArrivedObject]) -> bool:
    """Whether the object is the one thing that arrived for it."""
    read = (digest.length, digest.sha256, digest.sm3)
    return [read] == [(stored.length, each.sha256, each.sm3) for each in arrived]


def _holds(stored: OriginalObject, digest: DoubleDigest, members: Sequence[ArrivedObject]) -> bool:
    """Whether the volume is what its index says, and its members are what arrived."""
    read = (digest.length, digest.sha256, digest.sm3)
    arrived = [each.sha256 for each in members if each.n == stored.n]
    return read == (stored.length, stored.sha256, stored.sm3) and digest.spans == arrived


def _lists(listing: bytes, arrived: Sequence[ArrivedObject]) -> bool:
    """Whether the manifest names what arrived, in this order."""
    try:
        said = manifest.read(listing).said["segments"]
    except IntegrityError:
        return False
    named = [(each["key"], each["length"], each["sha256"], each["sm3"]) for each in said]
    return named == [(each.key, each.length, each.sha256.hex(), each.sm3.hex()) for each in arrived]


def _mismatched(
    recording: Recording,
    whole: DoubleDigest,
    digests: Sequence[tuple[OriginalObject, DoubleDigest]],
    differing: Sequence[tuple[OriginalObject, DoubleDigest]],
    reasons: Sequence[str],
) -> RecordingMismatched:
    wrong = {stored.n for stored, _ in differing}
    offsets, begins = [], 0
    for stored, digest in digests:
        if stored.n in wrong:
            offsets.append(begins)
        begins += digest.length
    return RecordingMismatched(
        subject=recording.id,
        agency=recording.agency,
        length=whole.length,
        sha256=whole.sha256.hex(),
        sm3=whole.sm3.hex(),
        declared_sha256=None,
        differing_offsets=tuple(offsets),
        reasons=tuple(reasons),
        objects=tuple(
            {
                "n": stored.n,
                "key": stored.key,
                "version": stored.version,
                "length": digest.length,
                "sha256": digest.sha256.hex(),
                "sm3": digest.sm3.hex(),
            }
            for stored, digest in differing
        ),
    )
