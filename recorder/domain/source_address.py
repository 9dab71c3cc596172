"""Addresses that livestreams are fetched from, and which networks may be reached for it.

An address holds a camera's user and password; whatever shows one shows ``host`` only. What may be
reached is asked with the numbers that are really connected to, never with names.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from recorder.errors import InvalidInput

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST = 2048
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class SourceProtocol(enum.StrEnum):
    """How media are fetched."""

    RTSP = "rtsp"
    HLS = "hls"


#: Scheme → protocol, usual port, whether TLS.
_SCHEMES: dict[str, tuple[SourceProtocol, int, bool]] = {
    "rtsp": (SourceProtocol.RTSP, 554, False),
    "rtsps": (SourceProtocol.RTSP, 322, True),
    "http": (SourceProtocol.HLS, 80, False),
    "https": (SourceProtocol.HLS, 443, True),
}


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """One address, taken apart."""

    protocol: SourceProtocol
    encrypted: bool
    name: str
    port: int
    #: The address without user and password.
    url: str = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def host(self) -> str:
        """What may be shown: neither user nor password, nor a path that may hold a key."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{name}:{self.port}"

    @property
    def is_number(self) -> bool:
        """Whether the host is told by its number and not by its name."""
        try:
            ipaddress.ip_address(self.name.partition("%")[0])
        except ValueError:
            return False
        return True

    @classmethod
    def parse(cls, text: str) -> SourceAddress:
        """Raises InvalidInput ``source-malformed``, which never quotes the address."""
        printable = len(text) <= _LONGEST and all(" " < each <= "~" for each in text)
        try:
            parts = urlsplit(text) if printable else None
            port = parts.port if parts else None
        except ValueError:
            parts = port = None
        if parts is None or parts.scheme not in _SCHEMES or not parts.hostname or port == 0:
            raise InvalidInput(
                "source-malformed",
                f"An address begins with {', '.join(f'{each}://' for each in _SCHEMES)} and names"
                " a host, in ASCII without spaces.",
            )
        protocol, usual, encrypted = _SCHEMES[parts.scheme]
        return cls(
            protocol=protocol,
            encrypted=encrypted,
            name=parts.hostname,
            port=port or usual,
            url=_bare(parts),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


def _bare(parts: SplitResult) -> str:
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=place, fragment="").geturl()


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses the service may connect to when somebody else names them."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Reach:
        """Networks with commas between. Raises ValueError."""
        words = [each.strip() for each in text.split(",")]
        return cls(tuple(ipaddress.ip_network(each) for each in words if each))

    def may(self, address: str, own: Iterable[str] = ()) -> bool:
        """Whether it may be connected to.

        Public addresses may, if they are not our own; every other one (this machine, private and
        link-local networks, where the metadata of clouds lie too) only if a setting names it.
        """
        try:
            found = _plain(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if any(found in network for network in self.allowed):
            return True
        if not found.is_global or found.is_multicast:
            return False
        return all(found != _plain(ipaddress.ip_address(each.partition("%")[0])) for each in own)


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address
