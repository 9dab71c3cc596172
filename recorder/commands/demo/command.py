"""The demo's story: a server, a case, a camera, a bad network, evidence by case number."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from recorder.commands.demo import casework as casework_told
from recorder.commands.demo.city import City, found_city, is_told
from recorder.commands.demo.city_report import city_table
from recorder.commands.demo.footage import make_clips
from recorder.commands.demo.livestream import Streamed, stream
from recorder.commands.demo.relay import BadNetwork
from recorder.commands.demo.visitor import Visitor
from recorder.config import read_config
from recorder.domain.people import OPERATOR, Role
from recorder.embedded.stack import Embedded, Running
from recorder.errors import IntegrityError, InvalidInput, RecorderError, Unavailable
from recorder.runtime import open_deps
from recorder.services import accounts, casework, registry

_CHINA = timezone(timedelta(hours=8))
_PATIENCE_S = 600.0
#: A smaller file is through before a cut could be seen.
_WORTH_CUTTING_BYTES = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder demo``."""
    parser.description = "The main job, visibly, on a server of its own in one folder."
    parser.add_argument("--footage", type=Path, metavar="DIR", help="your own files")
    parser.add_argument("--once", action="store_true", help="end after the report")
    parser.add_argument(
        "--data", type=Path, default=Path("recorder-demo"), metavar="DIR", help="data folder"
    )
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when every file is sealed, found by case number and equal to the local one."""
    try:
        return asyncio.run(Demo(args).tell())
    except RecorderError as error:
        Console(stderr=True).print(f"recorder demo: {error}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part."""

    device: str
    device_token: str
    case_number: str
    #: Looks like a person, so each look is a custody event; the camera asks for states unrecorded.
    supervisor: Visitor
    camera: Visitor
    login_link: str


class Demo:
    """One run of the demo."""

    def __init__(self, args: argparse.Namespace):
        self._args = args
        self._data: Path = args.data.absolute()
        # Piped into a file there is no width to keep to.
        self._say = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
        self._began = time.monotonic()
        #: The page of the case, once findings are there.
        self._page = ""

    async def tell(self) -> int:
        """The whole story; the server ends with it."""
        self._step(f"Starting PostgreSQL, Redis, web service and worker in {self._data}")
        async with Embedded(self._data, listen=self._args.listen) as running:
            self._step(f"The server answers at {running.url}")
            cast = await self._cast(running)
            city = await self._city(running) if self._args.footage is None else None
            clips = await self._clips(running, cast)
            await self._upload(running, cast, clips)
            rows = await self._until_playable(cast, clips)
            streamed = await self._stream(running, cast) if self._args.footage is None else None
            self._report(rows, cast)
            if streamed is not None:
                self._report_livestream(streamed, cast)
                await self._casework(running, cast, rows)
            if city is not None:
                self._say.print(city_table(city))
            await self._farewell(running, cast, city, streamed)
            if not self._args.once:
                await self._stay()
        return 0

    def _step(self, sentence: str) -> None:
        elapsed = time.monotonic() - self._began
        self._say.print(f"[{elapsed:6.1f} s] {sentence}", markup=False, soft_wrap=True)

    async def _cast(self, running: Running) -> Cast:
        number = f"D{secrets.randbelow(10**6):06d}"
        case = f"深市监罚〔{datetime.now(_CHINA):%Y}〕{secrets.randbelow(9000) + 1000}号"
        async with open_deps(read_config(running.environment)) as deps:
            await casework.open_case(deps, OPERATOR, number=case, title="演示案件")
            device = await registry.add_device(deps, OPERATOR, number=number)
            login = f"demo-{secrets.token_hex(3)}"
            await accounts.add_person(
                deps, OPERATOR, login=login, role=Role.SUPERVISOR,
                password=secrets.token_urlsafe(16), name="演示督察员",
            )  # fmt: skip
            link = await accounts.make_login_link(deps, OPERATOR, login=login)
            program = await registry.add_token(
                deps, OPERATOR, name=f"demo {number}", role=Role.SUPERVISOR
            )
        self._step(f"Made case {case}, camera {number} and a supervisor")
        return Cast(
            device=number,
            device_token=device.token,
            case_number=case,
            supervisor=Visitor(running.url, program.secret),
            camera=Visitor(running.url, device.token),
            login_link=f"{running.url}/login/{link}",
        )

    async def _city(self, running: Running) -> City | None:
        """An invented city, once in each data folder."""
        folder = self._data / "city"
        if is_told(folder):
            self._step(f"The invented city of an earlier run is there; its labels: {folder}")
            return None
        begun = "Going on telling" if folder.exists() else "Telling"
        self._step(f"{begun} the service of an invented city: registries, lists, cases, footage")
        async with open_deps(read_config(running.environment)) as deps:
            city = await found_city(deps, folder)
        self._step(
            f"{city.cases} cases of {city.first} to {city.last} were held against"
            f" {city.recordings} simulated recordings: {city.findings} findings"
        )
        return city

    async def _clips(self, running: Running, cast: Cast) -> list[Path]:
        if self._args.footage is not None:
            found = sorted(
                path for path in self._args.footage.rglob("*")
                if path.is_file() and not path.name.startswith(".")
            )  # fmt: skip
            if not found:
                raise InvalidInput("demo-footage", f"There are no files in {self._args.footage}.")
            self._step(f"Taking {len(found)} files from {self._args.footage}")
            return found
        self._step("Making clips as a body camera writes them (H.264, H.265, MPEG-TS, cut off)")
        return await make_clips(
            running.environment["RECORDER_FFMPEG"],
            self._data / "clips" / cast.device,
            cast.device,
            datetime.now(_CHINA) - casework_told.AGO,
        )

    # --- sending ------------------------------------------------------------------------------

    async def _upload(self, running: Running, cast: Cast, clips: list[Path]) -> None:
        largest = max(clips, key=lambda path: path.stat().st_size)
        size = largest.stat().st_size
        asked = urlsplit(running.url)
        async with BadNetwork(asked.hostname or "", asked.port or 0, cut_after=size // 2) as net:
            if size >= _WORTH_CUTTING_BYTES:
                await self._cut_and_kill(net, cast, largest)
            else:
                net.mend()
            self._step(f"Sending {len(clips)} files with `recorder upload`")
            client = await self._client(net.url, cast, clips)
            code = await client.wait()
            if code != 0:
                raise Unavailable("demo-upload", f"recorder upload ended with exit code {code}.")

    async def _cut_and_kill(self, net: BadNetwork, cast: Cast, clip: Path) -> None:
        size = clip.stat().st_size
        self._step(f"Sending {clip.name} ({size / 1e6:.1f} MB) over a network that breaks")
        client = await self._client(net.url, cast, [clip])
        await asyncio.wait_for(net.has_cut.wait(), _PATIENCE_S)
        client.send_signal(signal.SIGKILL)
        await client.wait()
        self._step(
            f"Cut the connection after {net.sent_up / 1e6:.1f} MB and killed the client (kill -9)"
        )
        net.mend()
        self._step("Starting the client again: it asks where it was and goes on from there")
        again = await self._client(net.url, cast, [clip])
        if await again.wait() != 0:
            raise Unavailable("demo-upload", "The client did not finish after its restart.")
        if net.sent_up >= size:
            raise IntegrityError("demo-resume", "The client sent the whole file again.")
        self._step(
            f"It sent the missing {net.sent_up / 1e6:.1f} MB,"
            f" not {size / 1e6:.1f}, and holds the signed receipt"
        )

    async def _client(self, url: str, cast: Cast, clips: list[Path]) -> asyncio.subprocess.Process:
        token = self._data / "clips" / f"{cast.device}.token"
        token.parent.mkdir(parents=True, exist_ok=True)
        token.touch(mode=0o600)
        token.write_text(cast.device_token)
        command = [
            sys.executable, "-m", "recorder", "upload", "--server", url,
            "--token-file", str(token), "--case", cast.case_number, "--stage", "investigation",
            "--device", cast.device, "--state", str(self._data / "clips" / "state"),
            *map(str, clips),
        ]  # fmt: skip
        return await asyncio.create_subprocess_exec(
            *command, env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        )

    # --- finding ------------------------------------------------------------------------------

    async def _until_playable(self, cast: Cast, clips: list[Path]) -> list[dict[str, Any]]:
        """Wait until the case's footage is sealed and ready to view; then compare every byte."""
        digits = cast.case_number.replace("〔", "[").replace("〕", "]")
        self._step(f"Asking for the case as people type it: {digits}")
        deadline = time.monotonic() + _PATIENCE_S
        shown = ""
        ids = await self._find(cast, digits)
        while True:
            rows = [await cast.camera.get(f"/recordings/{each}") for each in ids]
            line = ", ".join(f"{r['state']}/{_work_left(r) or 'ready'}" for r in rows)
            if line != shown:
                self._step(f"{len(rows)} recordings: {line}")
                shown = line
            if rows and all(r["state"] != "received" and not _work_left(r) for r in rows):
                break
            if time.monotonic() > deadline:
                raise Unavailable("demo-patience", "The footage was not ready in ten minutes.")
            await asyncio.sleep(0.5)
        local = {await asyncio.to_thread(_sha256, path): path for path in clips}
        for row in rows:
            given = await cast.supervisor.digest(f"/recordings/{row['id']}/original")
            if given not in local or given != row["digests"]["sha256"]:
                raise IntegrityError("demo-compare", f"{row['original_name']} came back changed.")
            row["same_as"] = local.pop(given).name
        if local:
            raise IntegrityError("demo-compare", "Some files were not found by case number.")
        self._step("Downloaded every original: each is byte for byte the local file")
        return rows

    async def _find(self, cast: Cast, number: str) -> list[str]:
        """Ids of the case's recordings, by its number."""
        found = await cast.supervisor.get("/cases", number=number)
        if len(found["items"]) != 1:
            raise IntegrityError("demo-find", f"{len(found['items'])} cases carry this number.")
        timeline = await cast.supervisor.get(
            f"/cases/{found['items'][0]['id']}/recordings", limit="200"
        )
        return [row["id"] for row in timeline["items"]]

    async def _stream(self, running: Running, cast: Cast) -> Streamed:
        """A livestream that breaks off and goes on; its recording must be found in the case."""
        streamed = await stream(
            running, cast.camera, cast.device, cast.device_token, cast.case_number, self._step
        )
        if streamed.recording["id"] not in await self._find(cast, cast.case_number):
            raise IntegrityError("demo-find", "The livestream is not in its case.")
        return streamed

    async def _casework(self, running: Running, cast: Cast, rows: list[dict[str, Any]]) -> None:
        """What should have been recorded, told by a case system, and what was."""
        self._step("A case system tells of a seizure, from when to when")
        found = await casework_told.tell(
            running, cast.supervisor, cast.case_number, cast.device, rows
        )
        self._step("Held the footage against what had to be recorded")
        table = Table(title=f"Findings of {cast.case_number}")
        for heading in ("finding", "severity", "from", "rule"):
            table.add_column(heading, no_wrap=heading != "rule", overflow="fold")
        for one in found.findings:
            at = datetime.fromisoformat(one["began_at"]).astimezone(_CHINA)
            table.add_row(one["kind"], one["severity"], f"{at:%Y-%m-%d %H:%M:%S}", one["rule"])
        self._say.print(table)
        self._page = f"{running.url}/cases/{found.case}"

    def _report(self, rows: list[dict[str, Any]], cast: Cast) -> None:
        table = Table(title=f"{cast.case_number} · camera {cast.device}")
        for heading in ("file", "state", "MB", "shown as", "flags", "SHA-256"):
            table.add_column(heading, no_wrap=heading != "flags", overflow="fold")
        for row in rows:
            table.add_row(
                row["original_name"],
                row["state"],
                f"{row['length'] / 1e6:.1f}",
                str((row.get("media") or {}).get("showable", "")),
                " ".join(row["flags"]),
                row["digests"]["sha256"][:16] + "…",
            )
        self._say.print(table)

    def _report_livestream(self, streamed: Streamed, cast: Cast) -> None:
        table = Table(title=f"Livestream of camera {cast.device}")
        for heading in ("recording", "state", "case", "segments", "gap, its cause", "SHA-256"):
            table.add_column(heading, no_wrap=True)
        table.add_row(
            streamed.recording["id"][-12:],
            streamed.recording["state"],
            cast.case_number,
            str(streamed.livestream["segments"]),
            "\n".join(map(_gap, streamed.livestream["gaps"])),
            streamed.recording["digests"]["sha256"][:16] + "…",
        )
        self._say.print(table)

    async def _farewell(
        self, running: Running, cast: Cast, city: City | None, streamed: Streamed | None
    ) -> None:
        self._step(f"Done. Everything lies in {self._data}")
        if self._args.once:
            return
        told = [("Web address, signs you in once:", cast.login_link)]
        if self._page:
            told.append(("Then its case, with the hole on its axis:", self._page))
        if streamed is not None:
            place = f"{running.url}/livestreams/{streamed.livestream['id']}"
            told.append(("Its livestream, with the gap and what became of it:", place))
        if city is not None:
            told += await self._doors(running, city)
        for sentence, address in told:
            self._say.print(f"\n{sentence}\n  {address}", soft_wrap=True)

    async def _doors(self, running: Running, city: City) -> list[tuple[str, str]]:
        """Where to look at the city, and as whom; in other windows, one signs in once by each."""
        async with open_deps(read_config(running.environment)) as deps:
            links = [
                await accounts.make_login_link(deps, OPERATOR, login=login)
                for login in (city.supervisor, city.clerk)
            ]
        seen, clerk = (f"{running.url}/login/{link}" for link in links)
        days = f"from={city.first}&to={city.last}"
        return [
            ("The city as its supervisor sees it, signs in once (in a private window):", seen),
            ("Then what burns there, over these weeks:", f"{running.url}/coverage?{days}"),
            ("And one agency as its clerk sees it, signs in once:", clerk),
            ("Then its open findings:", f"{running.url}/findings"),
            ("What was planted, line by line:", str(self._data / "city" / "labels.ndjson")),
        ]

    async def _stay(self) -> None:
        asked = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
        self._say.print("The server stays up until Ctrl-C.")
        await asked.wait()
        self._step("Stopping")


def _gap(gap: dict[str, Any]) -> str:
    began, ended = (datetime.fromisoformat(gap[side]) for side in ("from", "to"))
    return f"{(ended - began).total_seconds():.1f} s, {gap['cause']}"


def _work_left(row: dict[str, Any]) -> str:
    left = [t["task"] for t in row["tasks"] if t["state"] in ("pending", "claimed")]
    return "+".join(left)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
