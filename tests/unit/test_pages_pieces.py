"""The pure pieces of pages: the time axis, addresses to go back to, how values are written."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.ids import AgencyId
from recorder.store.agencies import Agency
from recorder.web.pages import case_axis, formats, forms
from recorder.web.pages.assets import assets
from recorder.web.pages.choosing import code_of

#: Packages whose files do not say which version they are.
SAY_NO_VERSION = {"qr"}
NOON = datetime(2026, 11, 9, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(minutes=40), ("minutes", 40)),
        (timedelta(hours=5, minutes=59), ("hours", 5)),
        (timedelta(days=3, hours=2), ("days", 3)),
    ],
)
def test_a_gap_is_said_in_its_largest_unit(gap: timedelta, words: tuple[str, int]) -> None:
    assert case_axis.spoken(gap) == words


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
    assert formats.until(NOON) == "2026-11-09 12:00:00"
    assert formats.until(NOON + timedelta(hours=12)) == "2026-11-09 24:00", "as officials say"
    assert formats.until(None) == ""
    assert formats.size(0) == "0 B"
    assert formats.size(1536) == "1.5 KB"
    assert formats.size(5 * 1024**4) == "5.0 TB"
    assert formats.duration(3_723_000) == "1:02:03"
    assert formats.duration(400) == "0:01"
    assert formats.duration(None) == ""
    assert [formats.codec(each) for each in ("avc1.42c01e", "hvc1", "V_VP8", "mp4a")] == [
        "H.264", "H.265", "VP8", "mp4a",
    ]  # fmt: skip
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


def test_an_organisation_is_meant_by_its_code_or_by_a_name_that_it_alone_bears() -> None:
    named = {"A1": "南山区城管局", "A2": "第一大队", "A3": "第一大队", "第一大队": "B"}
    agencies = [Agency(AgencyId(uuid.uuid4()), code, name) for code, name in named.items()]
    assert code_of(agencies, " 南山区城管局 ") == "A1"
    assert code_of(agencies, "A2") == "A2"
    assert code_of(agencies[:3], "第一大队") == "第一大队", "two of that name: none of them"
    assert code_of(agencies, "第一大队") == "第一大队", "a code goes before a name"
    assert code_of(agencies, "nobody") == "nobody"
