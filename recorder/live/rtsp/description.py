"""What a camera says it sends (SDP, RFC 4566; formats of RFC 3551, 3640, 6184, 7798)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

from recorder.live.flv import Track

#: Payload types that need no description.
_STATIC = {0: ("pcmu", 8000), 8: ("pcma", 8000)}
_CODECS = {
    "h264": Track.VIDEO, "h265": Track.VIDEO, "mpeg4-generic": Track.AUDIO,
    "pcmu": Track.AUDIO, "pcma": Track.AUDIO,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Described:
    """One track that can be recorded."""

    track: Track
    codec: str
    payload_type: int
    rate: int
    #: Where it is set up.
    control: str
    format: dict[str, str] = field(default_factory=dict)

    @property
    def parameter_sets(self) -> list[bytes]:
        """Those of the pictures that are said beforehand."""
        names = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")
        texts = [each for name in names for each in self.format.get(name, "").split(",") if each]
        found = []
        for text in texts:
            try:
                found.append(base64.b64decode(text, validate=True))
            except binascii.Error:
                continue
        return found

    @property
    def configuration(self) -> bytes:
        """AudioSpecificConfig of AAC."""
        try:
            return bytes.fromhex(self.format.get("config", ""))
        except ValueError:
            return b""


def read(text: str, base: str) -> tuple[list[Described], list[str]]:
    """The first track of each kind that can be recorded, and what is left out, by name."""
    found: dict[Track, Described] = {}
    left_out: list[str] = []
    session, *parts = re.split(r"(?m)^(?=m=)", text.replace("\r\n", "\n"))
    whole = _attribute(session, "control")
    root = base if whole in ("", "*") else urljoin(base, whole)
    for part in parts:
        media = re.match(r"m=(\w+) \d+\S* \S+ (\d+)", part)
        if media is None:
            continue
        payload_type = int(media[2])
        name, rate = _STATIC.get(payload_type, ("", 90_000))
        mapped = re.search(rf"(?m)^a=rtpmap:{payload_type} ([\w.-]+)/(\d+)", part)
        if mapped is not None:
            name, rate = mapped[1].lower(), int(mapped[2])
        fmtp = re.search(rf"(?m)^a=fmtp:{payload_type} (.*)$", part)
        words = dict(_words(fmtp[1])) if fmtp else {}
        track = _CODECS.get(name)
        usable = track is not None and track not in found and 0 < rate <= 1_000_000
        if name == "mpeg4-generic":
            usable = usable and words.get("mode", "").lower() == "aac-hbr" and "config" in words
        if track is None or not usable:
            left_out.append(f"{media[1]} {name or payload_type}")
            continue
        control = _joined(root, _attribute(part, "control"))
        found[track] = Described(track, name, payload_type, rate, control, words)
    return list(found.values()), left_out


def _attribute(part: str, name: str) -> str:
    match = re.search(rf"(?m)^a={name}:(.*)$", part)
    return match[1].strip() if match else ""


def _words(text: str) -> list[tuple[str, str]]:
    pairs = [each.strip().partition("=") for each in text.split(";")]
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs if name]


def _joined(root: str, control: str) -> str:
    """Cameras mean their control as something to hang on, and not as RFC 3986 would read it."""
    if "://" in control:
        return control
    return f"{root.rstrip('/')}/{control.lstrip('/')}" if control else root
