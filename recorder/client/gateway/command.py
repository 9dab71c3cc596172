"""The command ``recorder live gateway``: arguments, signals and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recorder.client.backoff import RetryPolicy
from recorder.client.command import tls_context
from recorder.client.gateway.closing import Closing
from recorder.client.gateway.pushing import Folder, Pusher
from recorder.client.progress import FileProgress
from recorder.client.state_folder import default_state_dir
from recorder.client.token_file import read_token_file
from recorder.client.uploader import Uploader
from recorder.client.wording import json_line
from recorder.domain.gateway import GatewayKind
from recorder.errors import InvalidInput, RecorderError
from recorder.ledger.note import NoteVerifier

#: A file that cannot be sent now waits no longer than so; others come before it is tried again.
_GIVE_UP_S = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder live gateway``."""
    parser.description = (
        "Sends what a media server has finished writing, as the gateway whose token is given, until"
        " SIGTERM. May be killed at any moment and started again: it continues where it was."
    )
    add = parser.add_argument
    add("--dir", required=True, type=Path, metavar="DIR", help="where the media server writes")
    add("--kind", required=True, choices=[kind.value for kind in GatewayKind])
    add("--server", required=True, metavar="URL", help="address of the service")
    add("--token-file", required=True, type=Path, metavar="F", help="file with the gateway's token")
    add("--state", type=Path, metavar="DIR", help="folder of the journal and the receipts")
    add("--jobs", type=int, default=4, metavar="N", help="files at once (default 4)")
    add("--zone", type=_zone, metavar="NAME", help="time zone of names that say none")
    add("--device", type=_pattern, metavar="REGEX", help="group `device` of a stream's name")
    add("--every", type=float, default=2.0, metavar="SECONDS", help="between looks (default 2)")
    add("--once", action="store_true", help="end when everything that is there is done")
    add("--key", metavar="VERIFIERKEY", help="public key of the service (NAME+ID+KEY)")
    add("--ca-file", type=Path, metavar="F", help="certificates to trust instead of the system's")
    add(
        "--delete-after-receipt",
        action="store_true",
        help="delete each file once its receipt is checked and saved",
    )


def run(args: argparse.Namespace) -> int:
    """Exit 0 when it was stopped in order, or with ``--once`` when everything is done."""
    # A writer that meets our lease makes the kernel send this signal, which would end us.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        return asyncio.run(_push(args))
    except RecorderError as error:
        print(f"recorder live gateway: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidInput) else 1


async def _push(args: argparse.Namespace) -> int:
    if not args.dir.is_dir():
        raise InvalidInput("folder-missing", f"{args.dir} is no folder.")
    if args.every <= 0:
        raise InvalidInput("interval-invalid", "Look at least every so many seconds, above 0.")
    tokens = read_token_file(args.token_file)
    key = args.key or tokens.verifier_key
    state = Path(os.path.abspath(args.state or default_state_dir()))
    place, kind = Path(os.path.abspath(args.dir)), GatewayKind(args.kind)
    uploader = Uploader(
        args.server,
        tokens.token,
        state_dir=state,
        verifier=NoteVerifier.from_text(key.strip()) if key else None,
        jobs=args.jobs,
        delete_after_receipt=args.delete_after_receipt,
        retry=RetryPolicy(give_up_after_seconds=_GIVE_UP_S),
        tls=tls_context(args.ca_file),
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with uploader:
        folder = Folder(place=place, kind=kind, zone=args.zone, device=args.device)
        pusher = Pusher(folder, uploader, Closing(kind), _tell, skip=state)
        return await _until_stopped(pusher, stopped, args.every, once=args.once)


async def _until_stopped(
    pusher: Pusher, stopped: asyncio.Event, every_s: float, *, once: bool
) -> int:
    told: set[Path] = set()
    while not stopped.is_set():
        work = asyncio.ensure_future(pusher.look())
        ending = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not work.done():
            work.cancel()
        results = (await asyncio.gather(work, return_exceptions=True))[0]
        if isinstance(results, Exception):
            raise results
        for path in sorted(pusher.closing.unknown - told):
            told.add(path)
            _say(
                f"{path} waits: the kernel does not say whether somebody writes to it. Run this"
                " as the owner of the files or with CAP_LEASE, on a local file system."
            )
        if once:
            waiting = await asyncio.to_thread(pusher.waiting)
            failed = isinstance(results, list) and any(not result.done for result in results)
            if not waiting or failed or pusher.closing.unknown:
                return 1 if waiting else 0
        try:
            async with asyncio.timeout(every_s):
                await stopped.wait()
        except TimeoutError:
            continue
    return 0


def _tell(step: FileProgress) -> None:
    if step.result is not None:
        print(json_line(step.result), flush=True)
    elif step.notice:
        _say(f"{step.path}: {step.notice}")


def _say(sentence: str) -> None:
    print(f"recorder live gateway: {sentence}", file=sys.stderr, flush=True)


def _zone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise argparse.ArgumentTypeError("a zone like Asia/Shanghai") from error


def _pattern(text: str) -> re.Pattern[str]:
    try:
        found = re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"no regular expression: {error}") from error
    if "device" not in found.groupindex:
        raise argparse.ArgumentTypeError("has no group (?P<device>…)")
    return found
