"""A camera: GStreamer's RTSP server in a process of its own, by the system's Python.

Each client gets a clip from its beginning, in real time. The words are read from standard input,
so that no process list of a test run shows a password.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import cache, live_clips

PYTHON = "/usr/bin/python3"
USER, PASSWORD = "guard", "s3cr3t&p@ss"
#: Cameras have keys in their paths too.
PATH = "/live/k3y"

#: Run by the system's Python, which has GStreamer's bindings.
_SERVER = """
import json, sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer as Rtsp
told = json.loads(sys.stdin.readline())
Gst.init(None)
server = Rtsp.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(str(told["port"]))
factory = Rtsp.RTSPMediaFactory()
factory.set_launch(told["launch"])
if told["user"]:
    auth = Rtsp.RTSPAuth()
    token = Rtsp.RTSPToken()
    token.set_string("media.factory.role", "user")
    if told["digest"]:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(told["user"], told["password"], token)
    else:
        auth.add_basic(Rtsp.RTSPAuth.make_basic(told["user"], told["password"]), token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string(
            "user, media.factory.access=true, media.factory.construct=true"))
server.get_mount_points().add_factory(told["path"], factory)
server.attach(None)
print(json.dumps({"port": server.get_bound_port()}), flush=True)
GLib.MainLoop().run()
"""


@dataclass(slots=True)
class RtspCamera:
    """A running camera."""

    child: asyncio.subprocess.Process
    port: int

    def url(self, user: str = USER, password: str = "s3cr3t%26p%40ss") -> str:
        return f"rtsp://{user}:{password}@127.0.0.1:{self.port}{PATH}"

    async def kill(self) -> None:
        if self.child.returncode is None:
            self.child.send_signal(signal.SIGKILL)
        await self.child.wait()


def clip(codec: str = "h264", seconds: int = 6) -> Path:
    """A clip as MP4."""
    flv = live_clips.clip(codec, seconds=seconds)

    def make(place: Path) -> None:
        tag = ["-tag:v", "hvc1"] if codec == "hevc" else []
        live_clips.run(["-i", str(flv), "-c", "copy", *tag, str(place / "clip.mp4")])

    return cache.once(f"rtsp-2-{codec}-{seconds}", make) / "clip.mp4"


@asynccontextmanager
async def camera(
    file: Path, *, port: int = 0, digest: bool = True, payer: str = "rtph264pay"
) -> AsyncIterator[RtspCamera]:
    """A camera that asks for user and password."""
    launch = (
        f"( filesrc location={file} ! qtdemux name=d"
        f" d.video_0 ! queue ! {payer} pt=96 name=pay0"
        " d.audio_0 ! queue ! rtpmp4gpay pt=97 name=pay1 )"
    )
    told = {"port": port, "launch": launch, "user": USER, "password": PASSWORD, "digest": digest,
            "path": PATH}  # fmt: skip
    child = await asyncio.create_subprocess_exec(
        PYTHON, "-c", _SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(told).encode() + b"\n")
    try:
        line = await asyncio.wait_for(child.stdout.readline(), 60)
        yield RtspCamera(child, int(json.loads(line)["port"]))
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
        await child.wait()
