"""The legend of marks on the page of a recording, and its form for a reason (R5)."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.gap_reason import InterruptionCause, InterruptionPlace
from recorder.domain.ids import RecordingId
from recorder.domain.mark import TEN_STEPS, MarkKind
from recorder.errors import InvalidInput
from recorder.services import review
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, posted, read_form

#: The kinds in the order of the legend; their titles stand in _marks.html.
MARK_GROUPS: tuple[tuple[str, tuple[MarkKind, ...]], ...] = (
    (
        "law",
        (
            MarkKind.ANNOUNCEMENT,
            MarkKind.VOICE_STATEMENT,
            MarkKind.EVIDENCE,
            MarkKind.SEIZURE,
        ),
    ),
    ("steps", TEN_STEPS),
    ("others", (MarkKind.VIOLATION, MarkKind.PERSON, MarkKind.IMPORTANT, MarkKind.OTHER)),
)


@posted("/recordings")
async def give_gap_reason(request: web.Request) -> web.StreamResponse:
    """Write down why media are missing at a place."""
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    name, _, number = form.text("place").partition("-")
    reason, reported = form.text("reason"), form.instant("reported_at")
    if name not in list(InterruptionPlace) or reason not in list(InterruptionCause):
        raise InvalidInput("form-invalid", "The form names an unknown place or reason.")
    if number and not (number.isascii() and number.isdigit() and len(number) < 7):
        raise InvalidInput("form-invalid", "The form names an unknown gap.")
    await review.give_gap_reason(
        request.app[DEPS], request[ACTOR], recording,
        place=InterruptionPlace(name), gap=int(number) if number else None,
        cause=InterruptionCause(reason), note=form.text("note")[:1000],
        reported_at=reported.at if reported else None,
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="reason-given")
