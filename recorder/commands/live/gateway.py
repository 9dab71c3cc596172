"""The word ``recorder live gateway``: its arguments. The client behind it is loaded to run it."""

from __future__ import annotations

import argparse
import re
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recorder.domain.gateway import GatewayKind


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
    """See ``recorder.client.gateway.command``."""
    from recorder.client.gateway import command

    return command.run(args)


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
