"""``recorder live serve`` takes livestreams; ``recorder live gateway`` sends others' files.

The second one runs beside media servers of others and loads nothing of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.client.gateway import command as gateway
from recorder.errors import InvalidInput, RecorderError, Unavailable
from recorder.telemetry import begin_logging, log

if TYPE_CHECKING:
    from recorder.config import Config

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder live``."""
    parser.description = (
        "Takes livestreams: publishers come by RTMP, RTMPS or SRT, cameras are fetched from."
        " Configured by RECORDER_… variables; run as many as you want."
    )
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
    serve = words.add_parser("serve", help="take livestreams until SIGTERM")
    serve.add_argument("--rtmp", metavar="HOST:PORT", help="where to listen; port 0: any free")
    serve.add_argument("--rtmps", metavar="HOST:PORT", help="the same with TLS")
    serve.add_argument("--srt", metavar="HOST:PORT", help="where to take SRT, by UDP")
    serve.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="written when publishers may come"
    )
    serve.set_defaults(act=_run_here)
    beside = words.add_parser("gateway", help="send what a media server of others has written")
    gateway.add_arguments(beside)
    beside.set_defaults(act=gateway.run)
    caller = words.add_parser("srt", help="print what a device says to be let in by SRT")
    caller.add_argument("number", metavar="NUMBER")
    caller.set_defaults(act=_run_here)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT. Exit 0 after an orderly end, 1 with a sentence otherwise."""
    code: int = args.act(args)
    return code


def _run_here(args: argparse.Namespace) -> int:
    import uvloop

    from recorder.config import read_config

    try:
        config = read_config()
        begin_logging(config.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run((_serve if args.word == "serve" else _print_words)(config, args))
    except RecorderError as error:
        print(f"recorder live {args.word}: {error}", file=sys.stderr)
        return 1
    return 0


async def _print_words(config: Config, args: argparse.Namespace) -> None:
    from recorder.runtime import open_deps
    from recorder.services import live

    async with open_deps(config) as deps:
        found = await live.srt_words(deps, args.number)
    print(json.dumps({"stream_id": found.stream_id, "passphrase": found.passphrase}))


async def _serve(config: Config, args: argparse.Namespace) -> None:
    from recorder.adapters import metrics_port
    from recorder.adapters.media import find_ffmpeg
    from recorder.live.serving import Ports, ingesting
    from recorder.runtime import open_deps
    from recorder.services import figures
    from recorder.store import migrate

    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    pending = await migrate.pending(config.database_url.get_secret_value())
    if pending:
        raise Unavailable(
            "migrations-pending",
            f"The database lacks {', '.join(pending)}: run `recorder migrate` first.",
        )
    tool = await find_ffmpeg(config.ffmpeg)
    rtmps = args.rtmps or config.live_rtmps_listen or ""
    ports = Ports(
        args.rtmp or config.live_rtmp_listen,
        rtmps,
        _tls(config) if rtmps else None,
        args.srt or config.live_srt_listen or "",
    )
    async with (
        open_deps(config) as deps,
        metrics_port.telling(config.metrics_listen, lambda: figures.text(deps)),
        ingesting(deps, tool, ports) as taken,
    ):
        log(logger, logging.INFO, "livestreams are taken", **taken)
        if args.ready_file is not None:
            _write_ready(args.ready_file, {**taken, "pid": os.getpid()})
        await asked.wait()


def _tls(config: Config) -> ssl.SSLContext:
    if config.tls_cert is None or config.tls_key is None:
        raise InvalidInput("tls-unreadable", "RTMPS needs RECORDER_TLS_CERT and RECORDER_TLS_KEY.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            "tls-unreadable",
            f"{config.tls_cert} and {config.tls_key} are no certificate and key: {error}.",
        ) from error
    return context


def _write_ready(path: Path, told: dict[str, int]) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(told) + "\n")
    draft.rename(path)
