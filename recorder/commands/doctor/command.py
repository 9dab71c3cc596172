"""``recorder doctor``: look for what would keep the service from working, and say what to do.

Changes nothing but the canary, which it writes to the store and which ends by itself. What is
looked at is shown whatever is found, so that one run names everything that is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recorder.commands.doctor.findings import Finding, risk_findings, srt_findings
from recorder.config import Config, read_config
from recorder.errors import RecorderError

_GIB = 1 << 30
#: Beyond the first a log is hard to read, beyond the second times in evidence are wrong.
_CLOCK_WARNING_S, _CLOCK_FAILING_S = 1.0, 30.0
_OLDEST_POSTGRES = 15
_CERTIFICATE_WARNING = timedelta(days=14)
#: A worker's folder holds a rendition of each media job, and the longest are some gigabytes.
_WORK_BYTES = 10 * _GIB


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder doctor``."""
    parser.description = "Look for what would keep the service from working. Exit 1 if anything."
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--data", type=Path, metavar="DIR", help="of an embedded server")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when nothing is failing, 1 otherwise."""
    try:
        if args.data is not None:
            _become_owner(args.data)
        findings = asyncio.run(_examine(args.data))
    except RecorderError as error:
        findings = [Finding("data folder", "failing", str(error))]
    for finding in findings:
        if args.json:
            print(json.dumps(asdict(finding), ensure_ascii=False))
        else:
            print(
                f"{finding.state:<8} {finding.name:<12} {finding.detail} {finding.advice}".strip()
            )
    return 1 if any(finding.state == "failing" for finding in findings) else 0


def _become_owner(data: Path) -> None:
    from recorder.embedded import identity, postgres

    os.umask(0o077)
    identity.become_owner(data, postgres.binaries() / "postgres")


async def _examine(data: Path | None) -> list[Finding]:
    findings = [_python(), _sm3()]
    if data is not None:
        return findings + await _examine_folder(data)
    try:
        config = read_config()
    except RecorderError as error:
        advice = "Mend the environment of the service; deploy/env.example explains each setting."
        return [*findings, Finding("settings", "failing", str(error), advice)]
    return [*findings, *await examine_service(config)]


async def _examine_folder(folder: Path) -> list[Finding]:
    from recorder.embedded.stack import addresses_of, service_environment

    async with addresses_of(folder) as addresses:
        config = read_config(service_environment(folder.absolute(), addresses, base=os.environ))
        return await examine_service(config)


async def examine_service(config: Config) -> list[Finding]:
    """Everything that the settings lead to; nothing is raised for what is wrong."""
    findings = [Finding("settings", "ok", "Read and understood.")]
    looks: list[tuple[str, Callable[[Config], Awaitable[list[Finding]]], str]] = [
        ("database", _database, "Look whether PostgreSQL runs and RECORDER_DATABASE_URL fits."),
        ("store", _store, "Look whether the object store runs and its settings fit."),
        ("redis", _redis, ""),
        ("signing key", _signing_key, "Put the key back from its copy."),
        ("ffmpeg", _ffmpeg, "Install ffmpeg, or name its path in RECORDER_FFMPEG."),
        ("srt", srt_findings, ""),
        ("work folder", _work_folder, ""),
        ("addresses", _addresses, ""),
    ]
    for name, look, advice in looks:
        try:
            findings += await look(config)
        except RecorderError as error:
            findings.append(Finding(name, "failing", str(error), advice))
    return findings


# --- this machine ----------------------------------------------------------------------------


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    well = sys.version_info >= (3, 11)
    return Finding("python", "ok" if well else "failing", f"{found}; 3.11 or newer is needed.")


def _sm3() -> Finding:
    if "sm3" in hashlib.algorithms_available:
        return Finding("sm3", "ok", "By this machine's OpenSSL.")
    return Finding("sm3", "warning", "Not in this machine's OpenSSL; a slower one is used.")


async def _ffmpeg(config: Config) -> list[Finding]:
    """That it runs under the limits that hostile footage gets, and can make what is played."""
    from recorder.adapters import media_process
    from recorder.adapters.confinement import SYSTEM_PATHS, Confinement
    from recorder.adapters.media import FfmpegTool, find_ffmpeg

    program = await find_ffmpeg(config.ffmpeg)
    versions = await FfmpegTool(program).versions()
    lines: list[str] = []

    async def on_line(line: str) -> bool:
        lines.append(line)
        return True

    confined = Confinement(readable=(*SYSTEM_PATHS, str(program)))
    done = await media_process.run(
        confined.launch([str(program), "-hide_banner", "-encoders"]), on_line=on_line, time_s=30
    )
    what = f"{program} {versions['ffmpeg']}, PyAV {versions['pyav']}."
    found = Finding("ffmpeg", "ok", what)
    if done.code != 0:
        found = Finding(
            "ffmpeg",
            "failing",
            f"{what} It does not run under the worker's limits.",
            f"Install it in a usual place: {done.complaints[-200:]}",
        )
    elif not all(any(f" {name} " in line for line in lines) for name in ("libx264", "aac")):
        found = Finding(
            "ffmpeg",
            "failing",
            f"{what} It cannot write H.264 and AAC.",
            "Install a build with libx264, such as Debian's.",
        )
    return [found, hevc_finding(versions["ffmpeg"]), confinement_finding(versions["confinement"])]


def hevc_finding(version: str) -> Finding:
    """Whether ffmpeg can copy HEVC out of FLV, which it does since 6.1.

    Asked for that is what we do not write ourselves: HEVC beside sound that is not AAC.
    """
    if [int(number) for number in re.findall(r"\d+", version)[:2]] >= [6, 1]:
        return Finding("hevc by rtmp", "ok", "This ffmpeg reads it.")
    advice = "Use ffmpeg 6.1 or newer if devices stream HEVC with sound that is not AAC."
    what = f"ffmpeg {version} cannot read it beside sound that is not AAC."
    return Finding("hevc by rtmp", "warning", what, advice)


def confinement_finding(confinement: str) -> Finding:
    """What keeps hostile footage from the rest of the machine."""
    if "landlock" in confinement:
        return Finding("confinement", "ok", f"{confinement}.")
    return Finding(
        "confinement",
        "warning",
        f"{confinement} only: files are not closed to ffmpeg.",
        "Use Linux 5.13 or newer with Landlock, and let the container or the unit"
        " allow its system calls.",
    )


async def _work_folder(config: Config) -> list[Finding]:
    place = config.work_folder or Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
        free = shutil.disk_usage(place).free
    except OSError as error:
        return [
            Finding(
                "work folder",
                "failing",
                f"{place}: {error.strerror}.",
                "Make it, writable for the worker, or set RECORDER_WORK_FOLDER.",
            )
        ]
    return [work_folder_finding(place, free, config.worker_media_jobs)]


def work_folder_finding(place: Path, free: int, jobs: int) -> Finding:
    """Whether the media jobs have room to write."""
    what = f"{place} has {free / _GIB:.1f} GiB free."
    if free < _WORK_BYTES * jobs:
        advice = "Long footage needs more: make room, or set RECORDER_WORK_FOLDER to a larger disk."
        return Finding("work folder", "warning", what, advice)
    return Finding("work folder", "ok", what)


async def _addresses(config: Config) -> list[Finding]:
    """How people reach the service; it cannot be seen from here whether a proxy stands before."""
    findings = []
    if not (config.public_url or "").startswith("https:") and config.tls_cert is None:
        findings.append(
            Finding(
                "addresses",
                "warning",
                "Neither TLS nor an https:// public address is set.",
                "Behind a proxy with TLS set RECORDER_PUBLIC_URL, else RECORDER_TLS_CERT and"
                " RECORDER_TLS_KEY; passwords and tokens pass in the clear otherwise.",
            )
        )
    elif config.public_url and config.tls_cert is None and not config.trusted_proxies:
        findings.append(
            Finding(
                "addresses",
                "warning",
                "A proxy is used and none is trusted.",
                "Set RECORDER_TRUSTED_PROXIES, else all people share one limit for wrong"
                " passwords.",
            )
        )
    else:
        findings.append(Finding("addresses", "ok", config.public_url or config.listen))
    if config.tls_cert is not None:
        findings.append(_certificate(config.tls_cert))
    return findings


def _certificate(path: Path) -> Finding:
    from cryptography import x509

    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return Finding("certificate", "failing", f"{path}: {error}.", "Name a PEM file.")
    return certificate_finding(ends, datetime.now(UTC))


def certificate_finding(ends: datetime, now: datetime) -> Finding:
    """Whether clients still believe the certificate, and for how long."""
    what = f"Valid until {ends:%Y-%m-%d}."
    if ends <= now:
        return Finding("certificate", "failing", what, "Replace it: no client trusts it any more.")
    if ends - now < _CERTIFICATE_WARNING:
        return Finding("certificate", "warning", what, "Replace it before that day.")
    return Finding("certificate", "ok", what)


# --- what the service stands on --------------------------------------------------------------


async def _database(config: Config) -> list[Finding]:
    from recorder.store import migrate, server_facts

    url = config.database_url.get_secret_value()
    pending = await migrate.pending(url)
    before = datetime.now(UTC)
    facts = await server_facts.look(url)
    after = datetime.now(UTC)
    what = f"PostgreSQL {facts.version}, {facts.connections} of {facts.max_connections} connections"
    if facts.major < _OLDEST_POSTGRES:
        found = Finding("database", "failing", f"{what}.", "Take PostgreSQL 15 or newer.")
    elif pending:
        found = Finding(
            "database",
            "failing",
            f"{what}; it lacks {', '.join(pending)}.",
            "Run `recorder migrate`.",
        )
    elif facts.may_too_much:
        found = Finding(
            "database",
            "warning",
            f"{what}; our login may change the schema.",
            "Sign in as a plain member of recorder_service (postgres/roles.sql).",
        )
    else:
        found = Finding("database", "ok", f"{what}, with the newest schema.")
    return [found, durability_finding(facts.durable), clock_finding(before, facts.now, after)]


def durability_finding(durable: bool) -> Finding:
    """Whether a commit, and so each answered byte, survives a loss of power."""
    if durable:
        return Finding("durability", "ok", "Commits survive a loss of power.")
    advice = "Set fsync and synchronous_commit of PostgreSQL to on."
    return Finding("durability", "warning", "A loss of power loses commits.", advice)


def clock_finding(before: datetime, theirs: datetime, after: datetime) -> Finding:
    """Compare a foreign clock that was read between two looks at our own."""
    off = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    what = f"{off:.1f} s between this machine and the database."
    advice = "Let chrony or another NTP client run on both machines."
    if off > _CLOCK_FAILING_S:
        return Finding("clock", "failing", what, advice)
    if off > _CLOCK_WARNING_S:
        return Finding("clock", "warning", what, advice)
    return Finding("clock", "ok", what)


async def _store(config: Config) -> list[Finding]:
    from recorder.runtime import open_objects

    objects = open_objects(config)
    try:
        report = await objects.self_test(datetime.now(UTC))
        room = objects.room_bytes()
    finally:
        await objects.close()
    if report.problems:
        found = Finding(
            "store",
            "failing",
            " ".join(report.problems),
            "Take no footage before this is mended; docs/guide/install.md says how"
            " the buckets must be.",
        )
    else:
        found = Finding("store", "ok", f"{report.kind}: versions and locks are kept.")
    rooms = [] if room is None else [room_finding(room)]
    return [found, *risk_findings(report.risks), *rooms]


def room_finding(room: int) -> Finding:
    """Whether footage still fits, above the floor that is left alone."""
    what = f"Room for {room / _GIB:.1f} GiB of footage."
    if room == 0:
        return Finding("disk", "failing", what, "Make room: uploads are put off until then.")
    if room < 20 * _GIB:
        return Finding("disk", "warning", what, "Make room soon, or move to a larger disk.")
    return Finding("disk", "ok", what)


async def _redis(config: Config) -> list[Finding]:
    from recorder.adapters.queue import Queue

    late = "Workers find work within two seconds."
    if config.redis_url is None:
        return [
            Finding(
                "redis",
                "warning",
                f"None is set. {late}",
                "Set RECORDER_REDIS_URL to have them start at once.",
            )
        ]
    queue = Queue(config.redis_url.get_secret_value())
    try:
        if await queue.answers():
            return [Finding("redis", "ok", "Answers.")]
    finally:
        await queue.close()
    return [Finding("redis", "warning", f"Does not answer. {late}", "Start it; it may be empty.")]


async def _signing_key(config: Config) -> list[Finding]:
    from recorder.runtime import read_or_make_signer

    path = config.signing_key_file
    if not path.exists():
        return [
            Finding(
                "signing key",
                "warning",
                f"{path} is not there; the first start makes it.",
                "If the service ran before, put the key back from its copy first.",
            )
        ]
    signer = await asyncio.to_thread(read_or_make_signer, path, config.service_name)
    key = signer.verifier.to_text()
    if path.stat().st_mode & 0o077:
        return [
            Finding(
                "signing key", "warning", f"{key}; others can read {path}.", f"chmod 600 {path}"
            )
        ]
    return [Finding("signing key", "ok", key)]
