"""``recorder report`` over a real database: what stands in it, what is told, what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from io import BytesIO
from pathlib import Path

from recorder.domain.case import Scheme
from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR, Role
from recorder.domain.reporting import read_map
from recorder.domain.restriction import RestrictionGround
from recorder.services import casework, review
from recorder.services.reporting import Asked, write_report
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import OFFICERS, a_case, a_source, at, footage, happened

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "reports" / "example.toml"
DAYS = ("--from", "2026-02-23", "--to", "2026-02-23")


IDS = b'form = "ndjson"\n[[column]]\nname = "id"\nsource = "recording_id"'


def report(
    environment: Mapping[str, str], *words: str | Path
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "recorder", "report", *map(str, words)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/", **environment},
        capture_output=True,
        timeout=100,
        check=False,
    )


async def sealed(bureau: Bureau, *recordings: RecordingId) -> None:
    await bureau.value(
        "UPDATE recording SET integrity = 'sealed', sealed_at = now(), sm3 = sha256('sm3'),"
        " sha256 = sha256(id::text::bytea) WHERE id = ANY($1)",
        list(recordings),
    )


async def certified(bureau: Bureau, number: str, certificate: str) -> None:
    await bureau.value(
        "WITH named AS (INSERT INTO officer (id, number, agency_id, name, valid_from, valid_to,"
        " noted_at) VALUES (gen_random_uuid(), $1, $2, $1 || '名', '-infinity', 'infinity', now()))"
        " INSERT INTO officer_certificate (id, officer, number, valid_from, valid_to, noted_at)"
        " VALUES (gen_random_uuid(), $1, $3, '2026-01-01', '2026-12-31', now())",
        number,
        bureau.ours,
        certificate,
    )


async def a_day(bureau: Bureau) -> tuple[RecordingId, ...]:
    """Two recordings of a case, the second restricted, one of no case, one of another agency.

    All are sealed. Others are not, or of another day.
    """
    await a_source(bureau)
    case = await a_case(bureau, "深城管案〔2026〕7号")
    await casework.amend_case(
        bureau.deps, OPERATOR, case, add_identifiers=[(Scheme.FILING, "深城管立〔2026〕8号")]
    )
    await happened(bureau, case)
    for officer in OFFICERS:
        await certified(bureau, officer, f"register-{officer}")
    first = await footage(bureau, case, 0, 30)
    second = await footage(bureau, case, 30, 61)
    alone = await bureau.recording(started_at=at(0))
    await footage(bureau, case, 61, 62)
    later = await footage(bureau, case, 24 * 60, 24 * 60 + 1)
    foreign = await bureau.recording(agency=bureau.theirs, started_at=at(0))
    await sealed(bureau, first, second, alone, later, foreign)
    await review.restrict(
        bureau.deps, bureau.actor(), second, ground=RestrictionGround.MINOR, basis="行政处罚法 50"
    )
    return first, second, alone, foreign


async def test_a_report_tells_of_all_sealed_footage_of_the_days_once(
    database_url: str, tmp_path: Path
) -> None:
    environment = {
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
        "RECORDER_PUBLIC_URL": "https://example.test/",
    }
    async with open_bureau(database_url, tmp_path) as bureau:
        first, second, alone, foreign = await a_day(bureau)
        out = tmp_path / "report.csv"
        done = report(environment, "--map", EXAMPLE, *DAYS, "--output", out)
        assert done.returncode == 0, done.stderr
        content = out.read_bytes()
        lines = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
        assert [line["唯一标识"] for line in lines] == [str(first), str(second)]
        shown = lines[0]
        assert shown["立案号"] == "深城管立〔2026〕8号"
        assert (shown["执法人员"], shown["执法证号"]) == ("A1名;A2名", "register-A1;19A2")
        assert (shown["行为种类"], shown["时长（秒）"]) == ("03", "1800")
        assert (shown["开始时间"], shown["结束时间"]) == (
            "2026-02-23 09:00:00", "2026-02-23 09:30:00",
        )  # fmt: skip
        assert shown["音像链接"] == f"https://example.test/recordings/{first}"
        assert shown["SHA-256"] == hashlib.sha256(str(first).encode()).hexdigest()
        said = done.stderr.decode()
        assert "2 lines of 2 recordings, 1 of them restricted" in said
        assert "Not in it: 1 received, 2 of no case." in said
        assert await told(bureau) == {
            "map": "example",
            "map_sha256": hashlib.sha256(EXAMPLE.read_bytes()).hexdigest(),
            "first_day": "2026-02-23",
            "last_day": "2026-02-23",
            "recordings": 2,
            "restricted": 1,
            "lines": 2,
            "length": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        again = report(environment, "--map", EXAMPLE, *DAYS, "--output", out)
        assert again.returncode == 1
        assert out.read_bytes() == content
        await pages_are_read_on(bureau, [first, second, alone])
        one_agency_to_standard_output(environment, tmp_path, foreign)
        refusals_tell_nothing(environment, tmp_path)
        assert (await bureau.event_names()).count("FootageReported") == 3


async def told(bureau: Bureau) -> object:
    return await bureau.value("SELECT facts FROM custody_event WHERE name = 'FootageReported'")


async def pages_are_read_on(bureau: Bureau, expected: list[RecordingId]) -> None:
    """One at a time, nothing is left out or said twice; a supervisor's has the own agency only."""
    shape = read_map(IDS)
    out = BytesIO()
    day = date(2026, 2, 23)
    asked = Asked(shape=shape, map_sha256="", first=day, last=day)
    await write_report(bureau.deps, bureau.actor(Role.SUPERVISOR), asked, out, page=1)
    assert sorted(json.loads(line)["id"] for line in out.getvalue().splitlines()) == sorted(
        map(str, expected)
    )


def one_agency_to_standard_output(
    environment: Mapping[str, str], folder: Path, recording: RecordingId
) -> None:
    (folder / "ids.toml").write_bytes(IDS)
    done = report(environment, "--map", folder / "ids.toml", *DAYS, "--agency", "foreign")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"id": str(recording)}), done.stderr


def refusals_tell_nothing(environment: Mapping[str, str], folder: Path) -> None:
    """A bad map, a word without a code, an unknown agency: no file, no event, and the reason."""
    bad, unknown = folder / "bad.toml", folder / "unknown.toml"
    bad.write_text('form = "csv"\n\n[[column]]\nname = "x"\nsource = "hash"\n')
    unknown.write_text(
        'form = "csv"\n[codes.organ.words]\nnobody = "1"\n[[column]]\nname = "机关"\n'
        'source = "agency_code"\ncodes = "organ"\n'
    )
    for code, words, complaint in (
        (2, ("--map", bad, *DAYS), "bad.toml: line 5: column 1: there is no field 'hash'"),
        (1, ("--map", unknown, *DAYS), "column 1 (机关): [codes.organ] says nothing for"),
        (1, ("--map", EXAMPLE, *DAYS, "--agency", "NO-1"), "There is no agency NO-1."),
        (2, ("--map", EXAMPLE, "--from", "2026-03-02", "--to", "2026-03-01"), "lies before"),
        (2, ("--map", folder / "none.toml", *DAYS), "No such file"),
    ):
        done = report(environment, *words, "--output", folder / "none.csv")
        assert (done.returncode, done.stdout) == (code, b"")
        assert complaint in done.stderr.decode()
    assert not list(folder.glob("*none.csv*"))
