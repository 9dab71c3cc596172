"""QR codes filmed at the beginning: read from real clips, kept as facts, weighed as evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool, MediaSource
from recorder.domain.people import OPERATOR
from recorder.services import casework, review
from tests.support.bureau import Bureau
from tests.support.filmed import film
from tests.support.workshop import camera, deliver, events_of, runs, work_off

NUMBER = "深市监罚〔2026〕0876号"


@pytest.mark.parametrize(
    ("how", "gop"),
    [
        ("null", 25),
        ("rotate=0.5:ow=rotw(0.5):oh=roth(0.5):c=white", 25),
        ("scale=90:-1,noise=alls=25:allf=t", 25),
        # One keyframe for the whole clip: pictures between are looked at.
        ("negate", 1000),
    ],
    ids=["upright", "rotated", "small and noisy", "inverted, one keyframe"],
)
async def test_a_code_is_read_however_it_is_held(
    tool: FfmpegTool, tmp_path: Path, how: str, gop: int
) -> None:
    read = await tool.codes(MediaSource(path=film(tmp_path, NUMBER, how=how, gop=gop)))
    assert [text for text, _ in read] == [NUMBER]
    assert 2000 <= read[0][1] <= 4000


async def test_footage_without_a_code_and_files_that_are_none_have_none(
    tool: FfmpegTool, tmp_path: Path, footage: Path
) -> None:
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    for clip in (footage / "08_faststart.mp4", footage / "50_powercut_no_moov.mp4",
                 footage / "14_audio_only.m4a", tmp_path / "playlist.mp4"):  # fmt: skip
        assert await tool.codes(MediaSource(path=clip)) == [], clip


async def test_a_filmed_number_links_the_footage_and_a_filmed_address_says_nothing(
    bureau: Bureau, tool: FfmpegTool, tmp_path: Path
) -> None:
    case = await casework.open_case(bureau.deps, OPERATOR, number=NUMBER)
    actor = await camera(bureau)
    sent = film(tmp_path, NUMBER).read_bytes()
    hostile = film(tmp_path, f"https://evil.example/{NUMBER}").read_bytes()
    filmed = await deliver(bureau, actor, sent, "1.mp4")
    fooled = await deliver(bureau, actor, hostile, "2.mp4")
    assert await casework.attribute_footage(bureau.deps) == 0, "codes are read first"
    await work_off(bureau.deps, tool)
    await casework.attribute_footage(bureau.deps)
    view = await review.recording(bureau.deps, bureau.actor(), filmed)
    assert [(code.text, 2000 <= code.media_ms <= 4000) for code in view.filmed_codes] == [
        (NUMBER, True)
    ]
    assert [(linked.case, linked.link.reason) for linked in view.cases] == [
        (case.id, "code_filmed")
    ]
    assert (await events_of(bureau, filmed)).count("CodesFilmed") == 1
    other = await review.recording(bureau.deps, bureau.actor(), fooled)
    assert (other.filmed_codes, other.cases) == ((), ())
    assert (await runs(bureau, fooled))["codes"].state == "done"
