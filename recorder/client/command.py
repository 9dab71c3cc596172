"""The command ``recorder upload``: arguments, signals and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import ssl
import sys
from datetime import datetime
from pathlib import Path

from recorder.client.backoff import RetryPolicy
from recorder.client.display import Display, open_display
from recorder.client.metadata import Metadata
from recorder.client.progress import FileProgress, FileResult
from recorder.client.state_folder import default_state_dir
from recorder.client.token_file import read_token_file
from recorder.client.uploader import Uploader
from recorder.client.wording import json_line
from recorder.domain.case import Stage
from recorder.domain.instant import Instant
from recorder.domain.provenance import Camera, ProvenanceKind
from recorder.errors import InvalidInput, RecorderError
from recorder.ledger.note import NoteVerifier

_EPILOG = """exit codes: 0 every file is sealed and its receipt was checked; 1 at least one is not;
2 the command cannot be understood; 130, 143 stopped by a signal (start again to continue)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder upload``."""
    parser.description = (
        "Send footage to the service and check the signed receipt of each file. "
        "May be killed at any moment and started again: it continues where it was."
    )
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="files, and folders with files")
    add("--server", required=True, metavar="URL", help="address of the service")
    add("--token-file", required=True, type=Path, metavar="F", help="file with the token")
    add("--case", action="append", default=[], metavar="NUMBER", help="case number; repeatable")
    add("--stage", choices=[stage.value for stage in Stage], help="legal stage of the case")
    add("--officer", metavar="NO", help="number of the officer who recorded")
    add("--device", metavar="NUMBER", help="number of the camera, if not in the file name")
    add("--note", metavar="TEXT", help="remark kept with the recordings")
    _add_origin(parser)
    add("--jobs", type=_positive, default=4, metavar="N", help="files at once (default 4)")
    add("--state", type=Path, metavar="DIR", help="folder of the journal and the receipts")
    add("--json", action="store_true", help="one line of JSON for each file on standard output")
    add("--key", metavar="VERIFIERKEY", help="public key of the service (NAME+ID+KEY)")
    add("--ca-file", type=Path, metavar="F", help="certificates to trust instead of the system's")
    add(
        "--give-up-after",
        type=_seconds,
        metavar="SECONDS",
        help="end when nothing went forward for so long (default: try for ever)",
    )
    add("--hash-first", action="store_true", help="declare the digest of long files too")
    add(
        "--delete-after-receipt",
        action="store_true",
        help="delete each local file once its receipt is checked and saved",
    )


def _add_origin(parser: argparse.ArgumentParser) -> None:
    """With what it was made, and where it comes from if a person brings it."""
    add = parser.add_argument
    add("--camera", choices=[one.value for one in Camera], help="with what it was made")
    add(
        "--provenance",
        choices=[one.value for one in ProvenanceKind],
        help="from whom or what it comes, where no device of the agency made it",
    )
    add("--provenance-reason", metavar="TEXT", help="why it is brought by hand")
    add("--provider", metavar="NAME", help="who handed it over")
    add("--handed-over-at", type=_moment, metavar="TIME", help="when (RFC 3339)")
    add("--provider-receipt", metavar="NO", help="number of the receipt they got")


def run(args: argparse.Namespace) -> int:
    """Run the command; answers with its exit code."""
    try:
        uploader, metadata = _prepared(args)
    except RecorderError as error:
        print(f"recorder upload: {error}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_upload(uploader, metadata, args.paths, json_lines=args.json))
    except RecorderError as error:
        print(f"recorder upload: {error}", file=sys.stderr)
        return 1


def _prepared(args: argparse.Namespace) -> tuple[Uploader, Metadata]:
    tokens = read_token_file(args.token_file)
    key = args.key or tokens.verifier_key
    uploader = Uploader(
        args.server,
        tokens.token,
        state_dir=args.state or default_state_dir(),
        verifier=NoteVerifier.from_text(key.strip()) if key else None,
        jobs=args.jobs,
        hash_first=args.hash_first,
        delete_after_receipt=args.delete_after_receipt,
        retry=RetryPolicy(give_up_after_seconds=args.give_up_after),
        tls=tls_context(args.ca_file),
    )
    metadata = Metadata(
        case_numbers=tuple(args.case),
        stage=Stage(args.stage) if args.stage else None,
        officer=args.officer,
        device=args.device,
        note=args.note,
        provenance=ProvenanceKind(args.provenance) if args.provenance else None,
        provenance_reason=args.provenance_reason,
        provider=args.provider,
        handed_over_at=args.handed_over_at,
        provider_receipt=args.provider_receipt,
        camera=Camera(args.camera) if args.camera else None,
    )
    return uploader, metadata


async def _upload(
    uploader: Uploader, metadata: Metadata, paths: list[Path], *, json_lines: bool
) -> int:
    work = asyncio.ensure_future(_with_display(uploader, metadata, paths, json_lines=json_lines))
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        work.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        results = await work
    except asyncio.CancelledError:
        if not received:
            raise
        print("Stopped. Start the same command again to continue.", file=sys.stderr)
        return 128 + received[0]
    if not results:
        print("There are no files to send.", file=sys.stderr)
    return 0 if all(result.done for result in results) else 1


async def _with_display(
    uploader: Uploader, metadata: Metadata, paths: list[Path], *, json_lines: bool
) -> list[FileResult]:
    display: Display = open_display(quiet=json_lines)

    def show(step: FileProgress) -> None:
        display.show(step)
        if json_lines and step.result is not None:
            print(json_line(step.result), flush=True)

    try:
        async with uploader:
            return await uploader.upload(paths, metadata=metadata, progress=show)
    finally:
        display.close()


def tls_context(ca_file: Path | None) -> ssl.SSLContext | None:
    """What connections trust. Raises InvalidInput ``ca-file-unusable``."""
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=os.fspath(ca_file))
    except OSError as error:
        raise InvalidInput(
            "ca-file-unusable", f"{ca_file} holds no certificates: {error.strerror or error}."
        ) from error


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("a positive number of seconds")
    return value


def _moment(text: str) -> datetime:
    try:
        return Instant.parse(text).at
    except InvalidInput as error:
        raise argparse.ArgumentTypeError("a time as RFC 3339 writes it") from error
