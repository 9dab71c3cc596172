"""The legend of marks on the page of a recording, and its form for a reason (R5)."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from recorder.domain.gap_reason import InterruptionCause, InterruptionPlace
from recorder.domain.ids import RecordingId
from recorder.domain.mark import FOCUS, SPOKEN, TEN_STEPS, MarkKind
from recorder.errors import InvalidInput
from recorder.services import review
from recorder.store.marks import ShownKind
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, posted, read_form

#: The kinds in the order of the legend; their titles stand in _marks.html.
MARK_GROUPS: tuple[tuple[str, tuple[MarkKind, ...]], ...] = (
    ("law", SPOKEN),
    ("focus", FOCUS),
    ("steps", TEN_STEPS),
    ("others", (MarkKind.VIOLATION, MarkKind.IMPORTANT, MarkKind.OTHER)),
)


def shown_groups(
    shown: Sequence[ShownKind], coercion: bool
) -> list[tuple[str, list[tuple[MarkKind, ShownKind | None]]]]:
    """What the footage of a case shows and what nobody marked, as the legend groups it.

    The ten steps are those of acts of coercion; elsewhere they stand only once one is marked.
    """
    by_kind = {each.kind: each for each in shown}
    groups = [
        (title, [(kind, by_kind.get(kind)) for kind in kinds])
        for title, kinds in MARK_GROUPS
        if title != "others"
    ]
    return [
        (title, row)
        for title, row in groups
        if title != "steps" or coercion or any(each for _, each in row)
    ]


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
