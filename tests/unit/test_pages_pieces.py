"""The pure pieces of pages: the time axis, addresses to go back to, how values are written."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.web.pages import formats, forms, timeline
from recorder.web.pages.assets import assets

#: Packages whose files do not say which version they are.
SAY_NO_VERSION = {"qr"}
NOON = datetime(2026, 11, 9, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Shot:
    """Something on the axis."""

    at: datetime
    ended_at: datetime | None = None
    media: dict[str, object] | None = None


shots = st.lists(
    st.builds(
        lambda start, length: Shot(
            NOON + timedelta(seconds=start), NOON + timedelta(seconds=start + length)
        ),
        st.integers(0, 90 * 86400),
        st.integers(0, 5 * 3600),
    ),
    max_size=60,
)


@given(shots)
def test_every_recording_stands_on_the_axis_once_inside_its_group(taken: list[Shot]) -> None:
    axis = timeline.lay_out(taken)
    assert sorted(bar.item.at for group in axis.groups for bar in group.bars) == sorted(
        shot.at for shot in taken
    )
    for group in axis.groups:
        for bar in group.bars:
            assert bar.width > 0
            assert 0 <= bar.lane < axis.lanes <= timeline.MOST_LANES
            assert group.x - 1e-6 <= bar.x
            assert bar.x + bar.width <= group.x + group.width + timeline.NARROWEST_BAR + 1e-6


@given(shots)
def test_groups_follow_each_other_and_are_apart_by_half_an_hour(taken: list[Shot]) -> None:
    groups = timeline.lay_out(taken).groups
    for before, after in itertools.pairwise(groups):
        assert after.gap is not None
        assert after.gap > timeline.BREAK
        assert after.x > before.x + before.width
    if groups and len(groups) <= 30:
        assert groups[-1].x + groups[-1].width <= 100 + 1e-6


def test_recordings_at_the_same_time_lie_in_lanes_and_later_ones_use_them_again() -> None:
    def shot(start: int, length: int) -> Shot:
        return Shot(NOON + timedelta(seconds=start), NOON + timedelta(seconds=start + length))

    (group,) = timeline.lay_out([shot(0, 60), shot(30, 60), shot(60, 10)]).groups
    assert [bar.lane for bar in group.bars] == [0, 1, 0]


def test_a_recording_without_an_end_is_as_long_as_its_media_or_a_guess() -> None:
    assert timeline.end_of(Shot(NOON, media={"length_ms": 5000})) == NOON + timedelta(seconds=5)
    assert timeline.end_of(Shot(NOON)) == NOON + timeline.UNKNOWN
    # A device whose clock jumped back says an end before the beginning.
    assert timeline.end_of(Shot(NOON, NOON - timedelta(days=1))) == NOON + timeline.UNKNOWN


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(minutes=40), ("minutes", 40)),
        (timedelta(hours=5, minutes=59), ("hours", 5)),
        (timedelta(days=3, hours=2), ("days", 3)),
    ],
)
def test_a_gap_is_said_in_its_largest_unit(gap: timedelta, words: tuple[str, int]) -> None:
    assert timeline.spoken(gap) == words


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)",
        "evil", "", "/a\r\nSet-Cookie: x=1", "\\/evil.example", "/\t/evil.example",
    ],
)  # fmt: skip
def test_going_back_never_leaves_the_service(address: str) -> None:
    assert forms.local(address, "/home") == "/home"


@pytest.mark.parametrize("address", ["/", "/cases/1?q=a&b=c", "/recordings?q=%E6%A1%88"])
def test_going_back_reaches_pages_of_ours(address: str) -> None:
    assert forms.local(address, "/home") == address


def test_a_redirect_carries_its_word_and_forgets_older_ones() -> None:
    answer = forms.go("/recordings?linked=no&done=linked&error=x", error="refused", count=2)
    assert answer.status == 303
    assert answer.headers["Location"] == "/recordings?linked=no&error=refused&count=2"


def test_values_are_written_for_people() -> None:
    assert formats.moment(NOON) == "2026-11-09 12:00:00", "China's time"
    assert formats.iso(NOON) == "2026-11-09T04:00:00.000000Z"
    assert formats.moment(None) == ""
    assert formats.size(0) == "0 B"
    assert formats.size(1536) == "1.5 KB"
    assert formats.size(5 * 1024**4) == "5.0 TB"
    assert formats.duration(3_723_000) == "1:02:03"
    assert formats.duration(400) == "0:01"
    assert formats.duration(None) == ""
    assert formats.offset(-1250) == "-1.250 s"
    assert formats.offset(60_000) == "+1:00"
    assert formats.offset(-1_459_988_059) == "-405:33:08"
    assert formats.groups(bytes(8)) == "00000000 00000000"
    assert formats.fps({"fps_milli": 29970}) == "29.97"


def test_addresses_of_files_name_their_content() -> None:
    known = assets()
    assert known.address("base.css") == f"/static/{known.version}/base.css"
    assert "icons.svg" in known.files
    with pytest.raises(KeyError):
        known.address("../secrets")


def test_scripts_of_others_are_served_as_their_lock_file_pins_them() -> None:
    root = Path(__file__).parents[2]
    locked = json.loads((root / "package-lock.json").read_text())["packages"]
    for path in json.loads((root / "package.json").read_text())["served"]:
        package = path.partition("/")[0]
        assert not locked[f"node_modules/{package}"].get("dev"), package
        version = locked[f"node_modules/{package}"]["version"]
        # make venv has npm fetch them; most scripts name their version themselves.
        served = assets().files[Path(path).name]
        assert package in SAY_NO_VERSION or version.encode() in served, path
