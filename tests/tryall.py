"""Every role on every route, and every foreign agency, against a running deployment.

    python -m tests.tryall URL [--ca FILE]       on its machine, with the settings of the service
    python -m tests.tryall URL --tokens FILE     from elsewhere, with tokens that are there

The first form makes what it needs by ``recorder admin``: a token for each role of two agencies of
its own (TRYALL-OURS, TRYALL-THEIRS), one case and one recording of five bytes, and revokes the
tokens at the end. FILE is JSON, all roles of two agencies:
``{"ours": {"device": "rec_…", …}, "theirs": {…}}``.

Only what must be refused is asked of routes that change something, so nothing is changed unless it
was not refused; that is a finding. Exit 1 with a line for each finding, 0 without one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from recorder.domain.people import Permission, Role
from recorder.web.route import Route
from recorder.web.routes import ROUTES
from tests.support.role_table import Question, is_wrong, may, name, question, sort_of

Tokens = dict[Role, str]
AGENCIES = {"ours": "TRYALL-OURS", "theirs": "TRYALL-THEIRS"}
_TUS = {"Tus-Resumable": "1.0.0"}
#: Where one thing of each sort is found, and who may look.
_LISTS = (
    ("cases", "/api/v1/cases?limit=1", Role.SUPERVISOR),
    ("recordings", "/api/v1/recordings?limit=1", Role.SUPERVISOR),
    ("alarms", "/api/v1/alarms?limit=1&open=false", Role.SUPERVISOR),
    ("work", "/api/v1/work/failed?limit=1", Role.SUPERVISOR),
    ("livestreams", "/api/v1/livestreams?limit=1", Role.SUPERVISOR),
    ("devices", "/api/v1/devices?limit=1", Role.ADMINISTRATOR),
    ("tokens", "/api/v1/tokens?limit=1", Role.ADMINISTRATOR),
    ("gateways", "/api/v1/gateways", Role.SUPERVISOR),
    ("findings", "/api/v1/findings?limit=1", Role.SUPERVISOR),
    ("merge-proposals", "/api/v1/merge-proposals?limit=1", Role.SUPERVISOR),
    ("duty-lists", "/api/v1/duty-lists", Role.SUPERVISOR),
    ("approvals", "/api/v1/approvals?limit=1&show=open", Role.SUPERVISOR),
    ("webhooks", "/api/v1/webhooks", Role.ADMINISTRATOR),
)


@dataclass
class Trial:
    """A running deployment, and what was found there."""

    url: str
    session: aiohttp.ClientSession
    tls: ssl.SSLContext | bool
    ours: Tokens
    theirs: Tokens
    things: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    findings: list[str] = field(default_factory=list)

    async def ask(self, asked: Question, token: str | None) -> tuple[int, bytes]:
        """Status of the answer, and its body unless it is long."""
        headers = {**asked.headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self.session.request(
            asked.method, self.url + asked.path, headers=headers, json=asked.json, ssl=self.tls,
            allow_redirects=False,
        ) as answer:  # fmt: skip
            self.asked += 1
            return answer.status, b"" if asked.is_long else await answer.read()

    async def try_row(self, row: Route) -> None:
        """Everybody who must be refused, and everybody who may where asking changes nothing."""
        asked = question(row, self.things)
        for who, token in (("nobody", None), ("a wrong token", "rec_wrong")):
            if row.permission is not Permission.PUBLIC or row.method == "GET":
                status, _ = await self.ask(asked, token)
                self._note(row, who, status, wrong=is_wrong(row, None, status))
        for role in Role:
            if not may(row, role) or (row.method == "GET" and not row.is_upload):
                for whose, tokens in (("our", self.ours), ("a foreign", self.theirs)):
                    status, body = await self.ask(asked, tokens[role])
                    self._note(row, f"{whose} {role}", status, wrong=is_wrong(row, role, status))
                    if tokens is self.theirs and "{" not in row.path:
                        self._note_shown(row, role, body)
            if self.is_of_ours(row) and may(row, role):
                status, _ = await self.ask(asked, self.theirs[role])
                self._note(row, f"a foreign {role}, about ours", status, wrong=status != 404)

    def is_of_ours(self, row: Route) -> bool:
        """Whether a foreign agency must be told that the thing does not exist."""
        guarded = row.permission is not Permission.PUBLIC and "{id}" in row.path
        drawn = row.path.startswith("/api/") or (row.method == "GET" and "poster" not in row.path)
        return guarded and drawn

    def _note(self, row: Route, who: str, status: int, *, wrong: bool) -> None:
        if wrong:
            self.findings.append(f"{name(row)} as {who}: {status}")

    def _note_shown(self, row: Route, role: Role, body: bytes) -> None:
        """A list that shows a foreign agency a thing of ours is a finding."""
        shown = [sort for sort, thing in self.things.items() if thing.encode() in body]
        if shown:
            self.findings.append(f"{name(row)} shows a foreign {role} our {', '.join(shown)}")

    async def look_around(self) -> None:
        """Find one thing of ours of each sort; what is not there cannot be tried."""
        opened = Question("POST", "/api/v1/uploads", {**_TUS, "Upload-Length": "9"})
        async with self.session.request(
            opened.method, self.url + opened.path, ssl=self.tls,
            headers={**opened.headers, "Authorization": f"Bearer {self.ours[Role.DEVICE]}"},
        ) as answer:  # fmt: skip
            answer.raise_for_status()
            self.things["uploads"] = answer.headers["Location"].rpartition("/")[2]
        for sort, path, role in _LISTS:
            status, body = await self.ask(Question("GET", path), self.ours[role])
            items = json.loads(body).get("items") if status == 200 else None
            if items:
                self.things[sort] = items[0]["id"]

    async def leave(self) -> None:
        """Nothing stays open."""
        if "approvals" in self.things:
            place = f"/api/v1/approvals/{self.things['approvals']}/withdraw"
            await self.ask(Question("POST", place), self.ours[Role.SUPERVISOR])
        place = f"/api/v1/uploads/{self.things['uploads']}"
        await self.ask(Question("DELETE", place, dict(_TUS)), self.ours[Role.DEVICE])
        if "webhooks" in self.things:
            place = f"/api/v1/webhooks/{self.things['webhooks']}/stop"
            asked = Question("POST", place, json={"reason": "The trial is over."})
            await self.ask(asked, self.ours[Role.ADMINISTRATOR])


async def fill(trial: Trial) -> None:
    """Our agency has a case, a recording, a livestream that was never begun, and so on."""
    asked = Question("POST", "/api/v1/cases", json={"number": f"TRYALL-{os.urandom(4).hex()}"})
    status, body = await trial.ask(asked, trial.ours[Role.SUPERVISOR])
    assert status == 201, body
    headers = {
        **_TUS, "Upload-Length": "5", "Content-Type": "application/offset+octet-stream",
        "Authorization": f"Bearer {trial.ours[Role.DEVICE]}",
    }  # fmt: skip
    async with trial.session.post(
        f"{trial.url}/api/v1/uploads", headers=headers, data=os.urandom(5), ssl=trial.tls
    ) as answer:
        answer.raise_for_status()
    livestream = Question("POST", "/api/v1/livestreams", json={"title": "tryall"})
    status, body = await trial.ask(livestream, trial.ours[Role.DEVICE])
    assert status == 201, body
    named = {"name": f"TRYALL-{os.urandom(4).hex()}", "kind": "srs"}
    gateway = Question("POST", "/api/v1/gateways", json=named)
    webhook = Question("POST", "/api/v1/webhooks", json={
        "url": "https://tryall.invalid/", "topics": ["sealed"],
    })  # fmt: skip
    for asked in (gateway, webhook):
        status, body = await trial.ask(asked, trial.ours[Role.ADMINISTRATOR])
        assert status == 201, body
    drafted = {"title": named["name"], "valid_from": "2100-01-01"}
    asked = Question("POST", "/api/v1/duty-lists", json=drafted)
    for _ in range(2):
        status, body = await trial.ask(asked, trial.ours[Role.SUPERVISOR])
        assert status == 201, body
    place = f"/api/v1/duty-lists/{json.loads(body)['id']}/propose"
    status, body = await trial.ask(Question("POST", place), trial.ours[Role.SUPERVISOR])
    assert status == 200, body


def make_tokens() -> dict[str, Tokens]:
    """A token for each role of both agencies, by ``recorder admin`` with our own environment."""
    made: dict[str, Tokens] = {}
    for side, agency in AGENCIES.items():
        mark = f"{agency}-{os.urandom(4).hex()}"
        words = {
            Role.DEVICE: ["device", "add", mark],
            Role.DOCK: ["dock", "add", mark],
            Role.SOURCE: ["feed", "add", mark.lower()],
            **{
                role: ["token", "add", f"{mark}-{role}", "--role", role.value]
                for role in (
                    Role.OFFICER,
                    Role.SUPERVISOR,
                    Role.ADMINISTRATOR,
                    Role.READER,
                    Role.EMBEDDER,
                )
            },
        }
        made[side] = {
            role: _admin(*line, "--agency", agency)["token"] for role, line in words.items()
        }
    return made


def _admin(*words: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "recorder", "admin", *words, "--json"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"recorder admin {' '.join(words)}: {done.stderr.strip()}")
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


async def revoke(trial: Trial) -> None:
    """No token of the two agencies is worth anything any more; the administrators' own go last."""
    for tokens in (trial.ours, trial.theirs):
        administrator, own = tokens[Role.ADMINISTRATOR], []
        _, body = await trial.ask(Question("GET", "/api/v1/tokens?limit=200"), administrator)
        for line in json.loads(body)["items"]:
            if line["revoked_at"] is not None:
                continue
            place = f"/api/v1/tokens/{line['id']}/revoke"
            asked = Question("POST", place, json={"reason": "The trial is over."})
            if line["role"] == Role.ADMINISTRATOR:
                own.append(asked)
            else:
                await trial.ask(asked, administrator)
        for asked in own:
            await trial.ask(asked, administrator)


async def run(
    url: str,
    ca: Path | None,
    given: Mapping[str, Tokens] | None,
    rows: Sequence[Route] = ROUTES,
) -> int:
    """Ask everything about these rows; 1 if something was found."""
    tokens = given or make_tokens()
    tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=str(ca)) if ca else True
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        trial = Trial(url.rstrip("/"), session, tls, tokens["ours"], tokens["theirs"])
        if given is None:
            await fill(trial)
        try:
            await trial.look_around()
            for row in rows:
                await trial.try_row(row)
            await trial.leave()
        finally:
            if given is None:
                await revoke(trial)
    sorts = {sort_of(row) for row in rows if trial.is_of_ours(row)}
    missing = sorted(sorts - trial.things.keys())
    sys.stdout.writelines(f"{line}\n" for line in trial.findings)
    print(
        f"{len(rows)} routes, {trial.asked} questions, {len(trial.findings)} findings."
        + (
            f" Nothing of ours was there to be asked about: {', '.join(missing)}."
            if missing
            else ""
        )
    )
    return int(bool(trial.findings))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tryall", description=__doc__)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificate to trust, PEM")
    parser.add_argument("--tokens", type=Path, metavar="FILE")
    args = parser.parse_args()
    given = None
    if args.tokens is not None:
        told = json.loads(args.tokens.read_text())
        given = {side: {Role(r): t for r, t in told[side].items()} for side in AGENCIES}
    return asyncio.run(run(args.url, args.ca, given))


if __name__ == "__main__":
    sys.exit(main())
