"""RTSP's words (RFC 2326): answers out of bytes, requests into bytes, and who we are (RFC 7616)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from recorder.domain.source_address import SourceAddress
from recorder.live.rtmp.violation import ViolationError

_LONGEST_BODY = 256 << 10
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;]+))')
_HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or a request of the other side's (status 0)."""

    status: int
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, ("",))[0]


@dataclass(frozen=True, slots=True)
class Packet:
    """One interleaved packet."""

    channel: int
    content: bytes


Item: TypeAlias = Answer | Packet


async def read_item(reader: asyncio.StreamReader) -> Item:
    """The next answer or packet. Raises ViolationError, and IncompleteReadError at the end."""
    first = await reader.readexactly(1)
    while first in b"\r\n":
        first = await reader.readexactly(1)
    if first == b"$":
        head = await reader.readexactly(3)
        return Packet(head[0], await reader.readexactly(int.from_bytes(head[1:], "big")))
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ViolationError("its answer is too long") from error
    lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, tuple[str, ...]] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = (*headers.get(name.strip().lower(), ()), value.strip())
    length = headers.get("content-length", ("0",))[0]
    if not length.isascii() or not length.isdigit() or int(length) > _LONGEST_BODY:
        raise ViolationError("its answer has no sensible length")
    body = await reader.readexactly(int(length))
    match = re.match(r"RTSP/\d\.\d (\d{3})", lines[0])
    if match is None and not re.search(r" RTSP/\d\.\d$", lines[0]):
        raise ViolationError("it does not speak RTSP")
    return Answer(int(match[1]) if match else 0, headers, body)


def request(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """A request; what was taken from the other side's words cannot add a line to it."""
    if any(each <= " " or each > "~" for each in url):
        raise ViolationError("it names a place that is no address")
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1", "replace")


class Credentials:
    """Answers to challenges; the words of an address leave it as digests where they can."""

    def __init__(self, address: SourceAddress) -> None:
        self._user = address.user
        self._password = address.password
        self._challenge: dict[str, str] = {}
        self._is_basic = False
        self._count = 0

    @property
    def are_given(self) -> bool:
        return bool(self._user or self._password)

    def challenged(self, challenges: tuple[str, ...]) -> bool:
        """Keep the strongest challenge; False when none can be answered."""
        self._challenge, self._is_basic, self._count = {}, False, 0
        for text in challenges:
            scheme, _, rest = text.partition(" ")
            found = {m[1].lower(): m[2] if m[2] is not None else m[3]
                     for m in _PARAMETER.finditer(rest)}  # fmt: skip
            algorithm = found.get("algorithm", "MD5").lower()
            if scheme.lower() == "digest" and algorithm in _HASHES and "nonce" in found:
                if not self._challenge or algorithm == "sha-256":
                    self._challenge = {**found, "algorithm": algorithm}
            elif scheme.lower() == "basic":
                self._is_basic = True
        return self.are_given and bool(self._challenge or self._is_basic)

    def words(self, method: str, url: str) -> dict[str, str]:
        """The header for one request; none before a challenge."""
        if self._challenge:
            return {"Authorization": self._digest(method, url)}
        if self._is_basic:
            plain = f"{self._user}:{self._password}".encode()
            return {"Authorization": f"Basic {base64.b64encode(plain).decode()}"}
        return {}

    def _digest(self, method: str, url: str) -> str:
        asked = self._challenge
        make = _HASHES[asked["algorithm"]]

        def hashed(text: str) -> str:
            return make(text.encode()).hexdigest()

        nonce, realm = asked["nonce"], asked.get("realm", "")
        who, what = hashed(f"{self._user}:{realm}:{self._password}"), hashed(f"{method}:{url}")
        words = {"username": self._user, "realm": realm, "nonce": nonce, "uri": url}
        bare = {"algorithm": asked["algorithm"].upper()} if "algorithm" in asked else {}
        if "auth" in [each.strip() for each in asked.get("qop", "").split(",")]:
            self._count += 1
            count, own = f"{self._count:08x}", secrets.token_hex(8)
            words |= {"cnonce": own, "response": hashed(f"{who}:{nonce}:{count}:{own}:auth:{what}")}
            bare |= {"qop": "auth", "nc": count}
        else:
            words["response"] = hashed(f"{who}:{nonce}:{what}")
        if "opaque" in asked:
            words["opaque"] = asked["opaque"]
        quoted = [f'{name}="{value}"' for name, value in words.items()]
        return "Digest " + ", ".join(
            [*quoted, *(f"{name}={value}" for name, value in bare.items())]
        )
