"""Import of a registry: officers with certificates and hand-overs, as CSV and XLSX, and again.

``--rows N`` (100,000). Read, checked, compared with what is known and written in one transaction by
the service's own function, on a database of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl

from recorder.domain.people import OPERATOR
from recorder.services.importing import Outcome, import_file
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish
from tests.support import postgres as databases
from tests.support.bureau import Bureau, open_bureau

_HEAD = ["编号", "姓名", "机构", "执法证号", "证件有效期起", "证件有效期至"]
_LONGEST_S = 20.0


def officers(rows: int, organisation: str, until: str) -> list[list[str]]:
    """Officers, each with a certificate."""
    return [
        [f"{n:06}", f"人员{n}", organisation, f"19{n:09}", "2024-01-01", until] for n in range(rows)
    ]


def as_text(head: list[str], lines: list[list[str]]) -> bytes:
    return "\n".join(",".join(line) for line in [head, *lines]).encode()


def as_spreadsheet(head: list[str], lines: list[list[str]]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in [head, *lines]:
        sheet.append(line)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


async def timed(bureau: Bureau, kind: str, content: bytes) -> tuple[float, Outcome]:
    began = time.perf_counter()
    outcome = await import_file(
        bureau.deps, OPERATOR, kind=kind, content=content, file_name="bench", agency="foreign"
    )
    return time.perf_counter() - began, outcome


async def measure(url: str, rows: int) -> list[Figure]:
    cluster = await databases.prepare(url)
    with TemporaryDirectory() as folder:
        async with (
            databases.clone(cluster) as name,
            open_bureau(cluster.url(name, databases.SERVICE), Path(folder)) as bureau,
        ):
            first = as_text(_HEAD, officers(rows, "", "2028-12-31"))
            figures = []
            for title, kind, content, does in (
                ("officers, all new", "officers", first, "added"),
                ("the same again", "officers", first, "unchanged"),
                ("every certificate changed, XLSX", "officers",
                 as_spreadsheet(_HEAD, officers(rows, "", "2029-12-31")), "changed"),
                ("devices, all new", "devices",
                 as_text(["产品序号", "单位编号"],
                         [[f"{n:07}", "440305000001"] for n in range(rows)]),
                 "added"),
                ("hand-overs", "handovers",
                 as_text(["设备", "人员", "领用时间"],
                         [[f"{n:07}", f"{n:06}", "2026-03-01 08:00"] for n in range(rows)]),
                 "added"),
            ):  # fmt: skip
                seconds, outcome = await timed(bureau, kind, content)
                # A notice for each serial is odd, an error is a mistake of this benchmark.
                assert getattr(outcome, does) == rows, outcome.errors[:3]
                print(f"{title}: {seconds:.1f} s", flush=True)
                figures.append(
                    Figure(title, seconds, "s", Bar(_LONGEST_S * rows / 100_000),
                           f"{rows / seconds:,.0f} lines/s")
                )  # fmt: skip
    return figures


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="import")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args(argv)
    at_start = conditions()
    server = databases.start()
    try:
        figures = asyncio.run(measure(databases.admin_url(server.port), options.rows))
    finally:
        server.stop()
    publish("Import of a registry", at_start, figures)
