"""When a file of a media server is finished: nobody has it open for writing, says the kernel.

A guess by time alone could cut a file whose stream was silent for a while. A read lease (fcntl,
F_SETLEASE) is given only while nobody has the file open for writing, in whatever container; it is
given back at once. Where it cannot be had (a network file system, a file of another user without
CAP_LEASE), only software that renames its finished files is believed.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recorder.client.source import Identity
from recorder.domain.gateway import GatewayKind

#: Write under another name (.tmp; a leading dot) and rename when they have closed the file.
RENAMES = frozenset({GatewayKind.SRS, GatewayKind.ZLMEDIAKIT})


class Writer(enum.Enum):
    NONE = "none"
    SOMEBODY = "somebody"
    #: The kernel does not say.
    UNKNOWN = "unknown"


def writer_of(path: Path) -> Writer:
    """Whether somebody has the file open for writing. Raises OSError when it cannot be opened."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return Writer.SOMEBODY if error.errno == errno.EAGAIN else Writer.UNKNOWN
    else:
        with contextlib.suppress(OSError):
            fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return Writer.NONE
    finally:
        os.close(opened)


@dataclass(slots=True)
class _Look:
    identity: Identity
    since: float


class Closing:
    """What was seen of files that are not finished yet."""

    def __init__(
        self,
        kind: GatewayKind,
        settle_s: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
        writer: Callable[[Path], Writer] = writer_of,
    ) -> None:
        self._renames = kind in RENAMES
        self._settle_s = settle_s
        self._monotonic = monotonic
        self._writer = writer
        self._looks: dict[Path, _Look] = {}
        #: Files about which the kernel says nothing, and which nobody renames.
        self.unknown: set[Path] = set()

    def is_closed(self, path: Path) -> bool:
        """Whether the file is finished: unchanged between two looks, and nobody writes to it.

        False as well for a file that cannot be looked at.
        """
        try:
            identity = Identity.of(os.lstat(path))
            now = self._monotonic()
            look = self._looks.get(path)
            if look is None or look.identity != identity:
                look = self._looks[path] = _Look(identity, now)
            if now - look.since < self._settle_s:
                return False
            writer = self._writer(path)
        except OSError:
            self.forget(path)
            return False
        self.unknown.discard(path)
        if writer is Writer.UNKNOWN and not self._renames:
            self.unknown.add(path)
            return False
        return writer is not Writer.SOMEBODY

    def forget(self, path: Path) -> None:
        """It is finished, or gone."""
        self._looks.pop(path, None)
        self.unknown.discard(path)
