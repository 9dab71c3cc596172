"""Officers' certificates, and the codes of devices by GA/T 947 and GB/T 28181."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

LONGEST_CERTIFICATE = 32
_GB28181 = re.compile(r"\d{20}")
#: Whoever entrusts the device with a name gives at most so many bytes.
_NAME_BYTES = 32


@dataclass(frozen=True, slots=True)
class Certificate:
    """An enforcement certificate (执法证) and its days, both included (domain/validity.py)."""

    number: str
    valid_from: date
    valid_to: date

    def valid_on(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_to


def is_gb28181(code: str) -> bool:
    """Whether it is a device's id by GB/T 28181: 8 digits centre, 2 trade, 3 type, 7 serial."""
    return _GB28181.fullmatch(code) is not None


def device_name(raw: bytes) -> str:
    """A name as a device holds it (GA/T 947): GBK padded with NUL; what fits nothing is marked."""
    return raw[:_NAME_BYTES].split(b"\0", 1)[0].decode("gb18030", "replace").strip()
