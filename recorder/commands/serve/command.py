"""The arguments of ``recorder serve``, and one web service from its socket to its orderly end.

Binds, serves, and ends in order: nothing new is accepted, uploads in memory become durable,
requests under way end; then the process, after twenty seconds at the latest.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.commands.serve.listener import how_many, listener
from recorder.commands.serve.processes import Family, Parent, Place
from recorder.errors import InvalidInput, RecorderError, Unavailable
from recorder.loading import loading
from recorder.telemetry import begin_logging, log

if TYPE_CHECKING:
    from recorder.config import Config
    from recorder.web.siblings import Siblings

logger = logging.getLogger(__name__)

#: A service that cannot end in this time is ended; what was answered is durable anyway.
_LONGEST_END_S = 20.0
#: What a parent waits beyond that before it kills.
_GRACE_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder serve``."""
    parser.description = (
        "The web service, configured by RECORDER_… variables; with --embedded a whole server in"
        " one folder, which needs no configuration."
    )
    parser.add_argument("--embedded", action="store_true", help="everything in one process tree")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder of --embedded")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to listen; port 0: any free")
    parser.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="written by --embedded when it answers"
    )
    parser.add_argument(
        "--processes",
        type=how_many,
        default=1,
        metavar="N",
        help="web processes (one for each core)",
    )
    parser.add_argument("--tls-cert", type=Path, metavar="F", help="certificate chain, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="F", help="its private key, PEM")
    parser.add_argument("--listen-fd", type=int, metavar="N", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Place.from_text, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Exit 0 after an orderly end, 1 with a sentence otherwise."""
    if (args.tls_cert is None) != (args.tls_key is None):
        print("recorder serve: --tls-cert and --tls-key go together.", file=sys.stderr)
        return 2
    if args.embedded:
        return _embedded(args)
    if args.data is not None or args.ready_file is not None:
        print("recorder serve: --data and --ready-file need --embedded.", file=sys.stderr)
        return 2
    # Neither the parent of an embedded server nor a command that was misspelt reads settings.
    from recorder.config import read_config

    try:
        config = read_config()
        begin_logging(config.log_level)
        if args.processes > 1:
            return asyncio.run(_serve_together(config, args))
        return _run_loop(config, args)
    except RecorderError as error:
        print(f"recorder serve: {error}", file=sys.stderr)
        return 1


def _embedded(args: argparse.Namespace) -> int:
    if args.data is None:
        print("recorder serve: --embedded needs --data DIR, the folder to keep all.",
              file=sys.stderr)  # fmt: skip
        return 2
    from recorder.embedded.command import serve_embedded
    from recorder.embedded.stack import DEFAULT_LISTEN, Tls

    tls = Tls(args.tls_cert, args.tls_key) if args.tls_cert else None
    return serve_embedded(
        args.data,
        listen=args.listen or DEFAULT_LISTEN,
        ready_file=args.ready_file,
        tls=tls,
        processes=args.processes,
    )


async def _serve_together(config: Config, args: argparse.Namespace) -> int:
    """Several processes on one listener; each of them runs ``_serve``."""
    words = [
        word
        for name, path in (("--tls-cert", args.tls_cert), ("--tls-key", args.tls_key))
        if path is not None
        for word in (name, str(path))
    ]
    with listener(args.listen or config.listen, args.listen_fd) as bound:
        return await Family(
            args.processes,
            {"--listen-fd": bound},
            ["serve", *words],
            _LONGEST_END_S + _GRACE_S,
        ).serve()


def _run_loop(config: Config, args: argparse.Namespace) -> int:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, args))
    return 0


async def _serve(config: Config, args: argparse.Namespace) -> None:
    with loading():
        from recorder.runtime import open_deps
        from recorder.services import organs
        from recorder.store import migrate
        from recorder.web.app import build_app
        from recorder.web.server import serving

    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
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
    tls = _tls(args.tls_cert or config.tls_cert, args.tls_key or config.tls_key)
    bound = listener(args.listen or config.listen, args.listen_fd)
    with bound:
        async with open_deps(config) as deps:
            await organs.ensure_own_agency(deps)
            async with serving(build_app(deps, _siblings(place)), bound, tls):
                host, port = bound.getsockname()[:2]
                log(logger, logging.INFO, "the web service answers", host=host, port=port)
                if parent:
                    parent.tell_ready()
                await asked.wait()
                watchdog = loop.call_later(_LONGEST_END_S, _give_up)
            watchdog.cancel()


def _siblings(place: Place | None) -> Siblings | None:
    from recorder.web.siblings import Siblings

    if place is None:
        return None
    return Siblings(place.number, socket.socket(fileno=place.figures_fd), place.siblings)


def _give_up() -> None:
    print("recorder serve: did not end in time; ended now.", file=sys.stderr, flush=True)
    os._exit(1)


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            "tls-unreadable", f"{certificate} and {key} are no certificate and key: {error}."
        ) from error
    return context
