"""A small, strict tus 1.0.0 server that misbehaves on request: the other end of client tests.

It keeps everything in memory and writes down every breach of the protocol in ``violations``. It
shares no code with the service; only receipts are made by the ledger, as any service would.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from recorder.ledger import canonical, receipt
from recorder.ledger.note import NoteSigner

TOKEN = "peer-token"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Refuse:
    """Answer with this status, before anything takes effect."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    problem: dict[str, str] = field(default_factory=dict)


@dataclass
class Cut:
    """Break the connection after so many bytes of the body."""

    after_bytes: int


@dataclass
class LoseAnswer:
    """Do what was asked and break the connection instead of answering."""


@dataclass
class Corrupt:
    """Flip a bit of the body on its way, as a bad network card does."""


@dataclass
class Hold:
    """Say that the request is there and keep it waiting until released."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


Fault = Refuse | Cut | LoseAnswer | Corrupt | Hold


@dataclass
class Planned:
    step: str
    fault: Fault
    skip: int
    times: int


@dataclass
class PeerUpload:
    length: int
    metadata: dict[str, bytes]
    content: bytearray = field(default_factory=bytearray)
    recording: str | None = None


@dataclass
class PeerRecording:
    content: bytes
    name: bytes
    polls: int = 0


class TusPeer:
    """One server. ``plan`` faults, then look at ``uploads``, ``recordings`` and ``requests``."""

    def __init__(self) -> None:
        self.signer = NoteSigner.generate("peer.example")
        #: Signs receipts instead, if set: an impostor.
        self.receipt_signer: NoteSigner | None = None
        self.url = ""
        self.token = TOKEN
        self.uploads: dict[str, PeerUpload] = {}
        self.recordings: dict[str, PeerRecording] = {}
        self.requests: list[str] = []
        self.violations: list[str] = []
        self.body_bytes = 0
        self.busy_bodies = 0
        self.most_busy_bodies = 0
        self.polls_until_sealed = 1
        self.state_shown: str | None = None
        self.quarantine_reasons: list[str] = []
        self.integrity_shown = "sealed"
        self.receipt_changes: dict[str, object] = {}
        self._planned: list[Planned] = []
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application(middlewares=[self._guarded], client_max_size=64 * 1024 * 1024)
        app.router.add_post("/api/v1/uploads", self._create)
        app.router.add_head("/api/v1/uploads/{id}", self._head)
        app.router.add_patch("/api/v1/uploads/{id}", self._patch)
        app.router.add_get("/api/v1/recordings/{id}", self._recording, allow_head=False)
        app.router.add_get("/api/v1/recordings/{id}/receipt", self._receipt, allow_head=False)
        app.router.add_get("/api/v1/service-key", self._key, allow_head=False)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def serve_tls(self, context: ssl.SSLContext) -> None:
        """Listen on one more port, with TLS; ``url`` becomes that one."""
        assert self._runner is not None
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[-1][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def plan(self, step: str, fault: Fault, *, skip: int = 0, times: int = 1) -> None:
        """Misbehave at a step: create, head, patch, recording, receipt or key."""
        self._planned.append(Planned(step, fault, skip, times))

    def expire(self) -> None:
        """Forget all uploads that are not finished."""
        self.uploads = {key: up for key, up in self.uploads.items() if up.recording}

    def count(self, step: str) -> int:
        return self.requests.count(step)

    def _fault(self, step: str) -> Fault | None:
        self.requests.append(step)
        for planned in self._planned:
            if planned.step != step or planned.times == 0:
                continue
            if planned.skip:
                planned.skip -= 1
                continue
            planned.times -= 1
            return planned.fault
        return None

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _problem(401, "token-unknown", "Unknown token", "Nobody has this token.")
        response = await handler(request)
        if "uploads" in request.path:
            response.headers["Tus-Resumable"] = "1.0.0"
        return response

    async def _before(self, step: str, request: web.Request) -> tuple[Fault | None, web.Response]:
        """The fault of this step, and the answer if the fault is one."""
        fault = self._fault(step)
        if isinstance(fault, Hold):
            fault.reached.set()
            await fault.release.wait()
        if isinstance(fault, Refuse):
            answer = _problem(fault.status, "planned", "Planned trouble", "It was planned.")
            if fault.problem:
                answer = web.json_response(
                    fault.problem, status=fault.status, content_type="application/problem+json"
                )
            answer.headers.update(fault.headers)
            return fault, answer
        return fault, web.Response(status=500)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        fault, answer = await self._before("create", request)
        if isinstance(fault, Refuse):
            return answer
        self._demand_tus(request)
        length = request.headers.get("Upload-Length", "")
        if not length.isdigit():
            self.violations.append("POST without Upload-Length")
        upload = PeerUpload(int(length), _metadata(request.headers.get("Upload-Metadata", "")))
        key = uuid.uuid4().hex
        self.uploads[key] = upload
        self._complete_if_whole(upload)
        if isinstance(fault, LoseAnswer):
            return _broken(request)
        headers = {"Location": f"/api/v1/uploads/{key}", "Upload-Offset": "0"}
        return web.Response(status=201, headers=headers | _named(upload))

    async def _head(self, request: web.Request) -> web.StreamResponse:
        fault, answer = await self._before("head", request)
        if isinstance(fault, Refuse):
            return answer
        self._demand_tus(request)
        upload = self.uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404)
        headers = {
            "Upload-Offset": str(len(upload.content)),
            "Upload-Length": str(upload.length),
            "Cache-Control": "no-store",
        }
        return web.Response(status=200, headers=headers | _named(upload))

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        self.busy_bodies += 1
        self.most_busy_bodies = max(self.most_busy_bodies, self.busy_bodies)
        try:
            return await self._append(request)
        finally:
            self.busy_bodies -= 1

    async def _append(self, request: web.Request) -> web.StreamResponse:
        fault, answer = await self._before("patch", request)
        if isinstance(fault, Refuse):
            return answer
        self._demand_tus(request)
        upload = self.uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404)
        if request.content_type != "application/offset+octet-stream":
            self.violations.append(f"PATCH with {request.content_type}")
        if request.headers.get("Upload-Offset") != str(len(upload.content)):
            return _problem(409, "upload-offset-mismatch", "Offset", "It continues elsewhere.")
        body = bytearray()
        async for block in request.content.iter_any():
            self.body_bytes += len(block)
            body += block
            if isinstance(fault, Cut) and len(body) >= fault.after_bytes:
                return _broken(request)
        if isinstance(fault, Corrupt):
            body[len(body) // 2] ^= 1
        algorithm, _, expected = request.headers.get("Upload-Checksum", "").partition(" ")
        if algorithm != "sha256" or len(body) > 16 * 1024 * 1024:
            self.violations.append(f"PATCH of {len(body)} bytes with checksum {algorithm!r}")
        if base64.b64encode(hashlib.sha256(body).digest()).decode() != expected:
            return web.Response(status=460, reason="Checksum Mismatch")
        upload.content += body
        if len(upload.content) > upload.length:
            self.violations.append("more bytes than announced")
        self._complete_if_whole(upload)
        if isinstance(fault, LoseAnswer):
            return _broken(request)
        headers = {"Upload-Offset": str(len(upload.content))}
        return web.Response(status=204, headers=headers | _named(upload))

    async def _recording(self, request: web.Request) -> web.StreamResponse:
        fault, answer = await self._before("recording", request)
        if isinstance(fault, Refuse):
            return answer
        key = request.match_info["id"]
        recording = self.recordings.get(key)
        if recording is None:
            return _problem(404, "recording-unknown", "Unknown", "There is no such recording.")
        recording.polls += 1
        ready = recording.polls >= self.polls_until_sealed
        integrity = self.integrity_shown if ready else "received"
        shown = {
            "id": key,
            "integrity": integrity,
            "state": self.state_shown or integrity,
            "quarantine_reasons": self.quarantine_reasons,
        }
        return web.json_response(shown)

    async def _receipt(self, request: web.Request) -> web.StreamResponse:
        fault, answer = await self._before("receipt", request)
        if isinstance(fault, Refuse):
            return answer
        key = request.match_info["id"]
        leaf = canonical.encode(self._event(key, self.recordings[key].content))
        text = receipt.issue(leaf, self.receipt_signer or self.signer)
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    async def _key(self, request: web.Request) -> web.StreamResponse:
        fault, answer = await self._before("key", request)
        if isinstance(fault, Refuse):
            return answer
        return web.Response(text=self.signer.verifier.to_text() + "\n")

    def _event(self, key: str, content: bytes) -> dict[str, object]:
        facts: dict[str, object] = {
            "length": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "sm3": "0" * 64,
            "objects": [{"key": f"originals/{key}", "version": "1", "length": len(content)}],
        }
        facts |= self.receipt_changes
        return {
            "v": 1,
            "event": "RecordingSealed",
            "id": str(uuid.UUID(int=7)),
            "at": "2026-11-23T22:31:00.000000Z",
            "agency": str(uuid.UUID(int=1)),
            "subject": {"kind": "recording", "id": key},
            "facts": facts,
        }

    def _demand_tus(self, request: web.Request) -> None:
        if request.headers.get("Tus-Resumable") != "1.0.0":
            self.violations.append(f"{request.method} without Tus-Resumable")
        if request.headers.get("Content-Encoding"):
            self.violations.append(f"{request.method} with a content encoding")

    def _complete_if_whole(self, upload: PeerUpload) -> None:
        if len(upload.content) == upload.length and upload.recording is None:
            upload.recording = str(uuid.uuid4())
            self.recordings[upload.recording] = PeerRecording(
                bytes(upload.content), upload.metadata.get("filename", b"")
            )


def _named(upload: PeerUpload) -> dict[str, str]:
    return {"Recorder-Recording": upload.recording} if upload.recording else {}


def _metadata(header: str) -> dict[str, bytes]:
    fields = (pair.partition(" ") for pair in header.split(",") if pair)
    return {key: base64.b64decode(value, validate=True) for key, _, value in fields}


def _problem(status: int, code: str, title: str, detail: str) -> web.Response:
    fields = {"type": f"about:problems/{code}", "code": code, "title": title, "detail": detail}
    return web.json_response(fields, status=status, content_type="application/problem+json")


def _broken(request: web.Request) -> web.Response:
    """Reset the connection; whatever is answered afterwards reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
