"""``recorder import``: what it prints and exits with, and that a killed one has done nothing."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
TREE = "机构代码,机构名称,类型,备注\nSZ,某市,市,\n"
OFFICERS = "编号,姓名,机构,执法证号\nO1,甲,SZ,19030112345\nO2,乙,SZ,19030112346\n"


async def begun(
    environment: Mapping[str, str], kind: str, file: Path, *words: str
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recorder", "import", kind, str(file), *words,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def told(
    environment: Mapping[str, str], kind: str, file: Path, *words: str
) -> tuple[int | None, str]:
    process = await begun(environment, kind, file, *words)
    out, complaint = await process.communicate()
    return process.returncode, (out or complaint).decode()


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "objects").mkdir()
    return {
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
    }


async def test_a_killed_import_has_done_nothing_and_the_next_one_does_all(
    environment: dict[str, str], owner_database_url: str, tmp_path: Path
) -> None:
    tree, file = tmp_path / "机构.csv", tmp_path / "人员.csv"
    tree.write_text(TREE, "gb18030")
    file.write_text(OFFICERS, "utf-8-sig")
    shown = await told(environment, "organisations", tree, "--dry-run")
    assert shown[0] == 0
    assert shown[1].splitlines() == [
        "line 2: added: SZ",
        "columns without a meaning here: 备注",
        "1 lines: 1 added, 0 changed, 0 ended, 0 as before; a dry run, nothing was changed",
    ]
    assert (await told(environment, "organisations", tree))[0] == 0
    owner = await asyncpg.connect(owner_database_url)
    try:
        transaction = owner.transaction()
        await transaction.start()
        # Officers are written before their certificates: there it stands, half done.
        await owner.execute("LOCK TABLE officer_certificate IN ACCESS EXCLUSIVE MODE")
        process = await begun(environment, "officers", file)

        async def stands() -> bool:
            found: bool = await owner.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                " AND relation = 'officer_certificate'::regclass)"
            )
            return found

        held: bool = await eventually(stands, within=60, what="the import waits for the table")
        assert held
        process.kill()
        await process.communicate()
        await transaction.rollback()

        async def rows() -> list[int]:
            return [
                await owner.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - constant names
                for table in ("officer", "officer_certificate", "registry_import")
            ]

        assert await rows() == [0, 0, 1]
        code, line = await told(environment, "officers", file, "--json")
        outcome = json.loads(line)
        assert (code, outcome["added"], outcome["taken"], outcome["errors"]) == (0, 2, True, [])
        assert await rows() == [2, 2, 2]
    finally:
        await owner.close()


async def test_faults_are_told_by_line_and_column_and_nothing_is_taken(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "人员.csv"
    file.write_text("编号,姓名,机构\nO1,,NOWHERE\n", "utf-8")
    code, out = await told(environment, "officers", file)
    assert code == 1
    assert out.splitlines()[0] == "line 2, 姓名: cell-missing: There must be something here."
    file.write_bytes(b"\xff\xff\xff")
    code, out = await told(environment, "officers", file)
    assert (code, out.startswith("recorder import: It is neither a spreadsheet nor text")) == (
        1,
        True,
    )
