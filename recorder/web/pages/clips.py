"""What the player needs to know of a recording, the same on the page of a case and its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recorder.domain.ids import RecordingId
from recorder.domain.media import MediaFacts, Showable, plan
from recorder.domain.people import Actor
from recorder.domain.recording import Integrity, Recording
from recorder.runtime import Deps
from recorder.services import card_copies, review
from recorder.services.casework import CaseRecording
from recorder.services.review import RecordingView

_USUAL_FPS_MILLI = 25_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One recording as a line of the list beside the player."""

    id: RecordingId
    name: str
    #: ready, pending, failed or none, as services/review says it, or restricted: not to the reader.
    playable: str
    #: video, audio, picture, or None while unknown.
    kind: str | None
    state: str
    #: ``quarantined`` hides the integrity in ``state``; both may need a banner.
    integrity: str
    has_poster: bool
    began: datetime
    #: Whether ``began`` is when it began, or only when it was received.
    began_is_known: bool
    ended: datetime | None
    length_ms: int
    #: Of the livestream it was; 1 for other footage.
    periods: int
    #: As browsers are asked whether they can play it; empty where they need not be.
    codec: str
    fps_milli: int
    flags: tuple[str, ...]
    device: str | None
    officer: str | None
    agency: str
    stage: str | None
    key_file: bool
    length: int
    #: failing when last read back, restored after a failure, or None.
    fixity: str | None
    #: Of fixed monitoring: awaited, passed or refused.
    review: str | None
    #: Of a live copy: the card copy that is shown in its place.
    preferred: Clip | None = None
    #: How much further ahead the device's clock was for that one; 0 where unknown.
    shift_ms: int = 0


def of_case(actor: Actor, recording: CaseRecording) -> Clip:
    """A line of a case's timeline, as this reader sees it."""
    profiles = set(recording.renditions)
    state, kind = _playable(recording.media, profiles)
    if recording.integrity == Integrity.SIMULATED:
        state = Integrity.SIMULATED.value
    clip = _clip(
        recording, recording.stage, state, kind, "poster" in profiles, recording.state,
        recording.fixity,
    )  # fmt: skip
    return _shown_to(actor, recording, clip)


def _shown_to(actor: Actor, found: CaseRecording | Recording, clip: Clip) -> Clip:
    if actor.sees_pictures_of(found.agency, found.officer, restricted=bool(found.restrictions)):
        return clip
    return replace(clip, playable="restricted", has_poster=False)


def of_view(actor: Actor, view: RecordingView) -> Clip:
    """The recording of a page of its own, as this reader sees it."""
    made = {rendition.profile for rendition in view.renditions}
    playable, found = view.playable, view.recording
    clip = _clip(
        found, found.stage, playable.state, playable.kind, "poster" in made, found.state,
        view.fixity,
    )  # fmt: skip
    clip = _shown_to(actor, found, clip)
    if view.stream is None or not view.stream.media_ms:
        return clip
    # Of a livestream its segments say how long it lasts, whatever the prober made of them joined.
    pictures = [period.video.codec for period in view.stream.periods if period.video]
    return replace(
        clip,
        length_ms=view.stream.media_ms,
        periods=len(view.stream.periods),
        codec=next((codec for codec in pictures if not codec.startswith("avc1.")), ""),
    )


async def with_preferred(deps: Deps, actor: Actor, found: Sequence[Clip]) -> list[Clip]:
    """The same clips, live copies with the card copy that is watched in their place."""
    preferred = await card_copies.preferred_of(deps, actor, [clip.id for clip in found])
    cards = {
        one.card: of_view(actor, await review.recording(deps, actor, one.card))
        for one in preferred.values()
    }
    return [
        replace(
            clip,
            preferred=cards[preferred[clip.id].card],
            shift_ms=preferred[clip.id].clock_shift_ms or 0,
        )
        if clip.id in preferred
        else clip
        for clip in found
    ]


def _clip(
    found: CaseRecording | Recording,
    stage: str | None,
    playable: str,
    kind: str | None,
    has_poster: bool,
    state: str,
    fixity: str | None,
) -> Clip:
    media = found.media or {}
    return Clip(
        id=found.id,
        name=found.original_name,
        playable=playable,
        kind=kind,
        state=state,
        integrity=str(found.integrity),
        has_poster=has_poster,
        began=found.started_at or found.received_at,
        began_is_known=found.started_at is not None,
        ended=found.ended_at,
        length_ms=_whole(media.get("length_ms")),
        periods=1,
        codec=_codec(media),
        fps_milli=_fps(media) or _USUAL_FPS_MILLI,
        flags=found.flags,
        device=found.device_number,
        officer=found.officer,
        agency=found.agency_code,
        stage=str(stage) if stage else None,
        key_file=found.key_file,
        length=found.length,
        fixity=fixity,
        review=found.review,
    )


def _playable(
    media: Mapping[str, object] | None, profiles: Collection[str]
) -> tuple[str, str | None]:
    """What can be shown, as far as a list knows it: whether work has failed it does not know."""
    if media is None:
        return "pending", None
    wanted = plan(MediaFacts.from_json(media))
    needed = "proxy" if wanted.needs_proxy else None
    match wanted.showable:
        case Showable.NONE:
            return "none", None
        case Showable.PICTURE:
            kind, needed = "picture", "poster"
        case Showable.AUDIO:
            kind = "audio"
        case _:
            kind = "video"
    return ("ready" if needed is None or needed in profiles else "pending"), kind


def _fps(media: Mapping[str, object]) -> int:
    streams = media.get("streams")
    if not isinstance(streams, list):
        return 0
    found = [_whole(s.get("fps_milli")) for s in streams if s.get("kind") == "video"]
    return found[0] if found else 0


def _codec(media: Mapping[str, object]) -> str:
    """H.265 that is played as it came; of other footage browsers get a form that they all play."""
    streams = media.get("streams")
    if not media.get("streamed") or not isinstance(streams, list):
        return ""
    return "hvc1" if any(stream.get("codec") == "hevc" for stream in streams) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


__all__ = ["Clip", "of_case", "of_view", "with_preferred"]
