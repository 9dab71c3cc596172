"""What the name of a file says about its device, officer and time (GA/T 947, R45, R46).

Names are hostile input and often wrong: what is read here fills missing fields, never overrules
what a sender states, and the original name is kept for ever beside it. Nothing here raises for
any text or bytes. All numbers are text, zeros included (R44).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.instant import CHINA

#: Numbers that recorders and docks write when none was set (R25).
PLACEHOLDER_DEVICES = frozenset({"0000000", "99999"})
PLACEHOLDER_OFFICERS = frozenset({"000000"})

#: Encodings of names in the field, in the order in which they are tried.
NAME_ENCODINGS = ("utf-8", "gbk", "gb18030")

MAX_SAFE_BYTES = 200
_FALLBACK_NAME = "recording"
#: Names that Windows takes for devices, whatever extension follows.
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DeviceFileName:
    """What a name says. Not what is true: the device may be unknown, its clock wrong."""

    device_number: str
    #: None when the name has no officer or the placeholder.
    officer_number: str | None
    #: The device's wall clock, read as China time (+08:00), which the name does not say (R47).
    started_at_local: datetime
    #: The officer marked the file as important with the IMP suffix (R46).
    key_file: bool
    #: The device or the officer is one of the numbers that mean "not set" (R25).
    placeholder: bool
    #: Which row of ``PATTERNS`` read the name.
    vendor: str

    @property
    def device_is_placeholder(self) -> bool:
        return self.device_number in PLACEHOLDER_DEVICES


@dataclass(frozen=True, slots=True)
class NamePattern:
    """One way of naming files. Groups: device and stamp; officer and key are optional."""

    vendor: str
    expression: re.Pattern[str]


def _pattern(vendor: str, expression: str) -> NamePattern:
    # GA/T 947 names are ASCII; a full-width digit is not a digit of a serial number.
    return NamePattern(vendor, re.compile(expression, re.ASCII | re.IGNORECASE))


_DEVICE = r"(?P<device>[0-9A-Z]{7}|99999)"
_OFFICER = r"(?P<officer>[0-9A-Z]{6})"
_STAMP = r"(?P<stamp>[0-9]{14})"
_KEY = r"(?P<key>_?IMP)?"
_EXTENSION = r"\.[0-9A-Z]{1,8}"

#: The registry, tried in order. A site appends its own rows and passes them to :func:`parse`.
PATTERNS: tuple[NamePattern, ...] = (
    _pattern("gat947", f"{_DEVICE}_{_OFFICER}_{_STAMP}{_KEY}{_EXTENSION}"),
    # Long recordings are cut by the device; some makers count the pieces of one start time.
    _pattern("gat947-numbered", f"{_DEVICE}_{_OFFICER}_{_STAMP}_[0-9]{{1,5}}{_KEY}{_EXTENSION}"),
    # A maker's or product mark before the standard fields, as in DSJ_ (执法记录仪).
    _pattern(
        "gat947-marked",
        f"[A-Z]{{2,8}}_{_DEVICE}_{_OFFICER}_{_STAMP}(?:_[0-9]{{1,5}})?{_KEY}{_EXTENSION}",
    ),
    # No officer set, and the field left out instead of filled with zeros.
    _pattern("gat947-no-officer", f"{_DEVICE}_{_STAMP}(?:_[0-9]{{1,5}})?{_KEY}{_EXTENSION}"),
)


def parse(name: str, patterns: Sequence[NamePattern] = PATTERNS) -> DeviceFileName | None:
    """Read a file name, or the last component of a path of any system; None when it says nothing.

    A date that does not exist, or lies outside 1970 to 2099, makes the whole name unreadable:
    then the other fields are luck as well.
    """
    last = re.split(r"[/\\]", name)[-1]
    for pattern in patterns:
        match = pattern.expression.fullmatch(last)
        started_at = _moment(match["stamp"]) if match else None
        if match is None or started_at is None:
            continue
        fields = match.groupdict()
        device, officer = fields["device"], fields.get("officer")
        unset = officer in PLACEHOLDER_OFFICERS
        return DeviceFileName(
            device_number=device,
            officer_number=None if unset else officer,
            started_at_local=started_at,
            key_file=fields.get("key") is not None,
            placeholder=unset or device in PLACEHOLDER_DEVICES,
            vendor=pattern.vendor,
        )
    return None


def decode_name(raw: bytes) -> tuple[str, str]:
    """The text of a name given as bytes, and the encoding that fitted: utf-8, gbk or gb18030.

    Docks send both (R44). When none fits the encoding is ``unknown`` and the unreadable bytes are
    U+FFFD. The text never holds NUL (it becomes U+FFFD too) or a lone surrogate, so databases and
    canonical bytes can hold it. It may not lead back to the bytes: whoever calls keeps those.
    """
    for encoding in NAME_ENCODINGS:
        try:
            return raw.decode(encoding).replace("\0", "\ufffd"), encoding
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd"), "unknown"


def safe_file_name(text: str) -> str:
    """A name that is safe in a Content-Disposition and on any file system, like the one given.

    Without control, invisible and direction characters, separators and what Windows forbids; at
    most 200 bytes of UTF-8, the extension kept where it is short; never empty, hidden or reserved.
    """
    kept = "".join(_safe_character(c) for c in text)
    name = unicodedata.normalize("NFC", kept).strip(" .") or _FALLBACK_NAME
    if _RESERVED.match(name):
        name = "_" + name
    if len(name.encode()) <= MAX_SAFE_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    is_short = bool(stem) and len(extension.encode()) <= 16
    head, tail = (stem, dot + extension) if is_short else (name, "")
    room = MAX_SAFE_BYTES - len(tail.encode())
    return head.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + tail


def _safe_character(character: str) -> str:
    if character in '/\\:*?"<>|':
        return "_"
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return ""
    return " " if category == "Zs" else character


def _moment(stamp: str) -> datetime | None:
    try:
        moment = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)
    except ValueError:
        return None
    return moment if 1970 <= moment.year <= 2099 else None
