"""``recorder live serve`` takes livestreams; ``recorder live gateway`` sends others' files.

The second one runs beside media servers of others and loads nothing of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.commands.live import gateway
from recorder.errors import InvalidInput, RecorderError, Unavailable
from recorder.loading import loading
from recorder.telemetry import begin_logging, log

if TYPE_CHECKING:
    from recorder.commands.serve.processes import Place
    from recorder.config import Config
    from recorder.live.serving import Ports

logger = logging.getLogger(__name__)

#: What a process needs at most until all that came is safe, and what its parent waits beyond.
_LONGEST_END_S = 20.0
_GRACE_S = 5.0


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
    serve.add_argument(
        "--processes", type=_how_many, default=1, metavar="N",
        help="processes behind the same ports (one for each core); SRT is one's alone",
    )  # fmt: skip
    serve.add_argument("--rtmp-fd", type=int, metavar="N", help=argparse.SUPPRESS)
    serve.add_argument("--rtmps-fd", type=int, metavar="N", help=argparse.SUPPRESS)
    serve.add_argument("--place", type=_place, help=argparse.SUPPRESS)
    serve.set_defaults(act=_run_here)
    beside = words.add_parser("gateway", help="send what a media server of others has written")
    gateway.add_arguments(beside)
    beside.set_defaults(act=gateway.run)
    caller = words.add_parser("srt", help="print what a device says to be let in by SRT")
    caller.add_argument("number", metavar="NUMBER")
    caller.set_defaults(act=_run_here)


def _how_many(text: str) -> int:
    from recorder.commands.serve.listener import how_many

    return how_many(text)


def _place(text: str) -> Place:
    from recorder.commands.serve.processes import Place

    return Place.from_text(text)


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
        if args.word == "serve" and args.processes > 1:
            return asyncio.run(_serve_together(config, args))
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


async def _serve_together(config: Config, args: argparse.Namespace) -> int:
    """Several processes on the same listening sockets; each of them runs ``_serve``."""
    from recorder.commands.serve.listener import listener
    from recorder.commands.serve.processes import Family

    wanted = {
        "rtmp": args.rtmp or config.live_rtmp_listen,
        "rtmps": args.rtmps or config.live_rtmps_listen,
    }
    with contextlib.ExitStack() as stack:
        bound = {
            protocol: stack.enter_context(listener(listen))
            for protocol, listen in wanted.items()
            if listen
        }

        def tell_ready() -> None:
            if args.ready_file is not None:
                ports = {protocol: each.getsockname()[1] for protocol, each in bound.items()}
                _write_ready(args.ready_file, {**ports, "pid": os.getpid()})

        words = ["live", "serve", *(("--srt", args.srt) if args.srt else ())]
        inherited = {f"--{protocol}-fd": each for protocol, each in bound.items()}
        return await Family(
            args.processes, inherited, words, _LONGEST_END_S + _GRACE_S, tell_ready
        ).serve()


async def _serve(config: Config, args: argparse.Namespace) -> None:
    with loading():
        from recorder.adapters import metrics_port
        from recorder.adapters.media import find_ffmpeg
        from recorder.commands.serve.processes import Parent
        from recorder.live.renewal import renewed
        from recorder.live.serving import ingesting
        from recorder.runtime import open_deps
        from recorder.services import figures
        from recorder.store import migrate

    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    place: Place | None = args.place
    parent = Parent.at(place.parent_fd) if place else None
    if parent:
        parent.on_death(asked)
    pending = await migrate.pending(config.database_url.get_secret_value())
    if pending:
        raise Unavailable(
            "migrations-pending",
            f"The database lacks {', '.join(pending)}: run `recorder migrate` first.",
        )
    tool = await find_ffmpeg(config.ffmpeg)
    ports = _ports(config, args)
    # Publishers are taken while the store is away as well; web processes and workers make buckets.
    config = config.model_copy(update={"s3_make_buckets": False})
    async with (
        open_deps(config) as deps,
        metrics_port.telling(_figures_at(config, place), lambda: figures.text(deps)),
        renewed(ports.tls, config.tls_cert, config.tls_key),
        ingesting(deps, tool, ports) as taken,
    ):
        log(logger, logging.INFO, "livestreams are taken", **taken)
        if args.ready_file is not None:
            _write_ready(args.ready_file, {**taken, "pid": os.getpid()})
        if parent:
            parent.tell_ready()
        await asked.wait()


def _ports(config: Config, args: argparse.Namespace) -> Ports:
    from recorder.live.serving import Ports

    place: Place | None = args.place
    inherited = {
        protocol: socket.socket(fileno=number)
        for protocol, number in (("rtmp", args.rtmp_fd), ("rtmps", args.rtmps_fd))
        if number is not None
    }
    rtmp, rtmps = "", ""
    if place is None:
        rtmp = args.rtmp or config.live_rtmp_listen
        rtmps = args.rtmps or config.live_rtmps_listen or ""
    # libsrt has one socket for all its callers, which no other process can accept from.
    srt = (args.srt or config.live_srt_listen or "") if place is None or not place.number else ""
    tls = _tls(config) if rtmps or "rtmps" in inherited else None
    return Ports(rtmp, rtmps, tls, srt, inherited)


def _figures_at(config: Config, place: Place | None) -> str | None:
    """Each process of several has a port of its own, one behind the other."""
    if config.metrics_listen is None or place is None or not place.number:
        return config.metrics_listen
    host, _, port = config.metrics_listen.rpartition(":")
    return f"{host}:{int(port) + place.number}"


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
