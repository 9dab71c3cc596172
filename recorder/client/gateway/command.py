"""What ``recorder live gateway`` runs: signals and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

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
