"""What hostile senders send: names, files that point elsewhere, and requests byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json

from tests.support.web_service import PATCH

#: File names, as bytes before base64.
NAMES = {
    "climbing": b"../../../../etc/passwd",
    "absolute": b"/etc/passwd",
    "backslashes": b"..\\..\\windows\\system32\\x.mp4",
    "nul": b"a\x00b.mp4",
    "lines": b"a\r\nSet-Cookie: x=1\r\n\r\n<html>",
    "right to left": "\u202egpj.exe".encode(),
    "script": b"<script>alert(1)</script>.mp4",
    "long": ("长" * 3300 + "x" * 100 + ".mp4").encode(),
    "gbk": "执法记录.mp4".encode("gbk"),
    "no text": b"\xff\xfe\xed\xa0\x80\xf5",
    "percent": b"%2e%2e%2f%00.mp4",
    "sql": b"'; DROP TABLE recording; --.mp4",
    "format": b"{0.__class__}%s%n${jndi:ldap://x}.mp4",
    "dots": b"..",
    "empty": b"",
}

#: Files that name an address ({url}, {port}) or another file ({secret}).
LURES = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}/a.ts\n#EXTINF:1,\nfile://{secret}\n"
    "#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{secret}'\nfile '{url}/a.mp4'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
    ' mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{url}/a.mp4</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    '<image xlink:href="{url}/a.png"/><image xlink:href="file://{secret}"/></svg>',
}


def head(method: str, path: str, token: str, *lines: str) -> bytes:
    """The head of a tus request."""
    first = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}")
    return ("\r\n".join((*first, "Tus-Resumable: 1.0.0", *lines)) + "\r\n\r\n").encode()


def patch(place: str, token: str, offset: int, *lines: str) -> bytes:
    """The head of a PATCH."""
    more = (f"Upload-Offset: {offset}", f"Content-Type: {PATCH['Content-Type']}", *lines)
    return head("PATCH", place, token, *more)


async def raw(port: int, message: bytes) -> bytes:
    """Bytes on a socket, and all that comes back until the service closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(message)
            await writer.drain()
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def problem(answer: bytes) -> tuple[int, str]:
    """Status and code of the last answer on a connection."""
    head, _, body = answer[answer.rindex(b"HTTP/1.") :].partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return int(head.split()[1]), str(json.loads(body)["code"])
