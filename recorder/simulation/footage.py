"""What the cameras made of a scene, and what their files say."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from recorder.domain.instant import CHINA
from recorder.simulation.calendar import Calendar
from recorder.simulation.dice import Dice
from recorder.simulation.model import Clip, Scene
from recorder.simulation.violations import WHOLE, Planted

#: Cameras begin a new file after this long.
_LONGEST_CLIP = timedelta(minutes=25)
_REASONS = ("电池耗尽后更换", "天气原因设备进水", "存储卡写满", "现场受阻镜头被遮挡")
_BYTES_PER_SECOND = 750_000
MARKS = ("announcement", "id_shown", "voice_statement")


def film(scene: Scene, dice: Dice, calendar: Calendar) -> None:
    """Put clips into the scene: whole, but for what is planted in it."""
    if scene.exempt or scene.planted == Planted.MISSING_RECORDING:
        return
    team = scene.case.team
    received = _arrival(scene, dice, calendar)
    both = scene.kind in WHOLE or dice.chance(0.15)
    takes = len(scene.officers) if both and scene.planted is None else 1
    for n in range(takes):
        officer = scene.officers[n]
        own = {team.officers[0]: 0, team.officers[1]: 1}.get(officer)
        device = team.spare_device if own is None else team.devices[own]
        clips = _take(scene, dice, device, officer.number, f"{scene.key}-R{n + 1}", received)
        _number(scene, clips, dice)
        scene.clips += clips
    _spoil(scene, dice, calendar)
    scene.clips[0].marks = _marks(scene, dice)


def _take(
    scene: Scene, dice: Dice, device: str, officer: str, key: str, received: datetime
) -> list[Clip]:
    """One camera's files, from a little before the arrival until a little after the leaving."""
    at = scene.began - timedelta(seconds=dice.whole(5, 20))
    end = scene.ended + timedelta(seconds=dice.whole(5, 20))
    clock = dice.between(-2.5, 2.5)
    clips: list[Clip] = []
    while at < end:
        stop = min(at + _LONGEST_CLIP, end)
        if end - stop < timedelta(minutes=1):
            stop = end
        clips.append(
            Clip(f"{key}-{len(clips) + 1}", device, officer, at, stop, received, clock_error=clock)
        )
        # Cameras lose up to a second between two files; that is no gap.
        at = stop + timedelta(milliseconds=dice.whole(0, 1000))
    return clips


def _number(scene: Scene, clips: list[Clip], dice: Dice) -> None:
    """Some officers choose the case in the dock, a few film its code; most do neither."""
    if dice.chance(0.25):
        for clip in clips:
            clip.case_number = scene.case.number
    elif dice.chance(0.1):
        clips[0].code = scene.case.scan or scene.case.number


def _spoil(scene: Scene, dice: Dice, calendar: Calendar) -> None:
    clips = scene.clips
    if scene.planted in (Planted.CLOCK_ERROR, Planted.CLOCK_UNKNOWN):
        error = dice.between(150, 900) * (1 if dice.chance(0.5) else -1)
        for clip in clips:
            clip.clock_error = error
            clip.clock_known = scene.planted == Planted.CLOCK_ERROR
    elif scene.planted == Planted.WRONG_DEVICE_USER:
        # Somebody else's number was left in the camera, or the camera is somebody else's.
        team = scene.case.team
        # On other days the other team may be at home, and nobody has its camera by the log.
        there = calendar.is_working(scene.began.astimezone(CHINA).date())
        is_borrowed = team.siblings > 1 and dice.chance(0.5) and there
        for clip in clips:
            if is_borrowed:
                clip.device = team.borrowed
            else:
                clip.named_officer = team.stand_in.number
    elif scene.planted in (Planted.UNEXPLAINED_GAP, Planted.EXPLAINED_GAP):
        _break(scene, dice)
    elif scene.planted in (Planted.LATE_START, Planted.EARLY_END):
        _shorten(scene, dice)


def _shorten(scene: Scene, dice: Dice) -> None:
    """Take two to not quite four minutes off the beginning or the end of the only take."""
    off = timedelta(seconds=dice.whole(120, 230))
    if scene.planted == Planted.LATE_START:
        scene.clips = [clip for clip in scene.clips if clip.ended > scene.began + off]
        scene.clips[0].began = max(scene.clips[0].began, scene.began + off)
    else:
        scene.clips = [clip for clip in scene.clips if clip.began < scene.ended - off]
        scene.clips[-1].ended = min(scene.clips[-1].ended, scene.ended - off)


def _break(scene: Scene, dice: Dice) -> None:
    """Cut a hole into the only take."""
    length = (scene.ended - scene.began).total_seconds()
    hole = dice.between(5, min(420, length / 3))
    start = scene.began + timedelta(seconds=dice.between(0.2 * length, 0.5 * length))
    stop = start + timedelta(seconds=hole)
    kept: list[Clip] = []
    for clip in scene.clips:
        if clip.ended <= start or clip.began >= stop:
            kept.append(clip)
            continue
        if clip.began < start:
            kept.append(_piece(clip, "a", clip.began, start))
        if clip.ended > stop:
            kept.append(_piece(clip, "b", stop, clip.ended))
    after = next(clip for clip in kept if clip.began >= stop)
    before = max(clip.ended for clip in kept if clip.ended <= start)
    if scene.planted == Planted.EXPLAINED_GAP:
        after.reason = (before, after.began, dice.pick(_REASONS))
    scene.clips = kept


def hole_of(scene: Scene) -> tuple[datetime, datetime]:
    """The longest time between two clips."""
    pairs = zip(scene.clips, scene.clips[1:], strict=False)
    return max(((a.ended, b.began) for a, b in pairs), key=lambda hole: hole[1] - hole[0])


def _piece(clip: Clip, sign: str, began: datetime, ended: datetime) -> Clip:
    return Clip(
        clip.key + sign, clip.device, clip.named_officer, began, ended, clip.received,
        clock_error=clip.clock_error, case_number=clip.case_number, code=clip.code,
    )  # fmt: skip


def _marks(scene: Scene, dice: Dice) -> list[tuple[str, int]]:
    at, marks = 20_000, []
    left_out = (
        {
            Planted.MISSING_ANNOUNCEMENT: "announcement",
            Planted.MISSING_STATEMENT: "voice_statement",
        }.get(Planted(scene.planted))
        if scene.planted
        else None
    )
    for kind in MARKS:
        at += dice.whole(2_000, 15_000)
        if kind != left_out:
            marks.append((kind, at))
    return marks


def _arrival(scene: Scene, dice: Dice, calendar: Calendar) -> datetime:
    """In the evening of the day or early on the next working day; planted lateness goes beyond."""
    day = scene.ended.astimezone(CHINA).date()
    if scene.planted == Planted.LATE_UPLOAD:
        # Late however the working day is counted: not before the second one is over.
        late = calendar.working_day_after(day, 3 + dice.whole(0, 4))
        return moment(late, 10 * 60 + dice.whole(0, 300))
    if calendar.is_working(day) and dice.chance(0.75):
        return moment(day, 19 * 60 + dice.whole(0, 90))
    return moment(calendar.working_day_after(day), 8 * 60 + dice.whole(0, 50))


def moment(day: date, minute: int) -> datetime:
    moment = datetime.combine(day, time(minute // 60, minute % 60), CHINA)
    return moment.astimezone(UTC)


def row(scene: Scene | None, clip: Clip, dice: Dice, agency: str) -> dict[str, object]:
    """What arrives of a clip: the camera's own words, by its own clock."""
    shift = timedelta(seconds=clip.clock_error)
    began, ended = clip.began + shift, clip.ended + shift
    stamp = began.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
    has_place = scene is not None and dice.chance(0.7)
    length = int((clip.ended - clip.began).total_seconds() * _BYTES_PER_SECOND) + 1
    return {
        "recording": clip.key,
        "agency": agency,
        "device": clip.device,
        "file_name": f"{clip.device}_{clip.named_officer}_{stamp}.mp4",
        "started_at": written(began),
        "ended_at": written(ended),
        "device_clock_at": written(clip.received + shift) if clip.clock_known else None,
        "received_at": written(clip.received),
        "case_number": clip.case_number,
        "latitude": round(scene.latitude + dice.between(-3e-4, 3e-4), 6)
        if scene and has_place
        else None,
        "longitude": round(scene.longitude + dice.between(-3e-4, 3e-4), 6)
        if scene and has_place
        else None,
        "length_bytes": length,
        "sha256": dice.digits(256),
        "code": clip.code,
        "marks": [{"kind": kind, "at_ms": at} for kind, at in clip.marks],
        "interruption": {
            "from": written(clip.reason[0] + shift),
            "to": written(clip.reason[1] + shift),
            "reason": clip.reason[2],
            "reported_at": written(clip.ended),
        }
        if clip.reason
        else None,
    }


def written(moment: datetime) -> str:
    """RFC 3339 with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
