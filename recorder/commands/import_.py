"""``recorder import KIND FILE``: a registry's file, shown first or taken whole."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from recorder.domain.people import OPERATOR
from recorder.domain.registry_columns import RegistryKind
from recorder.embedded.installation import add_folder_argument, become_owner, settings_of
from recorder.errors import RecorderError
from recorder.runtime import open_deps
from recorder.services.importing import Outcome, import_file

#: Lines of each sort that are printed; --json prints all that are told.
_SHOWN = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder import``."""
    parser.description = (
        "Take a table (CSV in UTF-8 or GBK, XLSX, NDJSON) into a registry: every line or none."
        " The first line names the columns, in English or Chinese; docs/guide/registries.md."
    )
    parser.add_argument("kind", metavar="KIND", choices=list(RegistryKind), help="what it lists")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--agency", metavar="CODE", help="the agency of lines that name none")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what it would do, and change nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_folder_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the file was taken or has no effect, 1 when a line or the file is wrong."""
    try:
        content = args.file.read_bytes()
    except OSError as error:
        _say(f"{args.file}: {error.strerror}.")
        return 1
    try:
        become_owner(args.data)
        outcome = asyncio.run(_run(args, content))
    except RecorderError as error:
        _say(error.detail or error.code)
        return 1
    if args.json:
        print(json.dumps(_plain(outcome), ensure_ascii=False))
    else:
        print("\n".join(_told(outcome, dry_run=args.dry_run)))
    return 1 if outcome.faults else 0


async def _run(args: argparse.Namespace, content: bytes) -> Outcome:
    async with settings_of(args.data, _say) as config, open_deps(config) as deps:
        return await import_file(
            deps,
            OPERATOR,
            kind=args.kind,
            content=content,
            file_name=args.file.name,
            agency=args.agency,
            dry_run=args.dry_run,
        )


def _plain(outcome: Outcome) -> dict[str, object]:
    return dataclasses.asdict(outcome)


def _told(outcome: Outcome, *, dry_run: bool) -> Iterator[str]:
    for error in outcome.errors[:_SHOWN]:
        yield f"line {error.line}, {error.column or '-'}: {error.code}: {error.detail}"
    if outcome.faults > _SHOWN:
        yield f"… {outcome.faults} faults in all"
    for notice in outcome.notices[:_SHOWN]:
        yield f"line {notice.line}, {notice.column}: taken, but {notice.code}: {notice.detail}"
    if dry_run:
        for effect in outcome.effects[:_SHOWN]:
            yield f"line {effect.line}: {effect.fate.value}: {effect.key}"
    if outcome.ignored:
        yield f"columns without a meaning here: {', '.join(outcome.ignored)}"
    counts = (
        f"{outcome.rows} lines: {outcome.added} added, {outcome.changed} changed,"
        f" {outcome.ended} ended, {outcome.unchanged} as before"
    )
    if outcome.faults:
        yield f"{counts}; nothing was taken, {outcome.faults} faults are to be mended"
    elif dry_run:
        yield f"{counts}; a dry run, nothing was changed"
    else:
        yield f"{counts}; {'taken' if outcome.taken else 'nothing to do'}"


def _say(sentence: str) -> None:
    print(f"recorder import: {sentence}", file=sys.stderr)
