"""codes: read the QR codes that officers film at the beginning (docs/design/attribution.md)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata

from recorder.domain import filmed_code
from recorder.domain.events import CodesFilmed, CustodyEvent
from workers.context import StepContext
from workers.steps.poster import first_shown


async def codes(context: StepContext) -> Sequence[CustodyEvent]:
    """CodesFilmed with what reads as a number or scan; nothing where no such code is seen."""
    recording, objects, _ = await context.recording()
    async with context.source(await first_shown(context, recording, objects)) as source:
        read = await context.media.codes(source)
    accepted = [code for text, ms in read if (code := filmed_code.accept(text, ms)) is not None]
    if not accepted:
        return []
    return [
        CodesFilmed(
            subject=recording.id,
            agency=recording.agency,
            codes=tuple({"text": code.text, "media_ms": code.media_ms} for code in accepted),
            tool="zxing-cpp",
            tool_version=metadata.version("zxing-cpp"),
        )
    ]
