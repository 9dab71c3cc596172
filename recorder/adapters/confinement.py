"""Limits that a child puts on itself before it touches hostile footage.

Run as a program it is a launcher: ``python -m recorder.adapters.confinement`` reads its limits
from the first argument (JSON), applies them and becomes the program in the rest. A launcher, not
``preexec_fn``: code between fork and exec in a process with threads can hang for ever.

Landlock (Linux 5.13 and later) closes the file system and TCP; where the kernel has none, the
other limits stand alone and ``apply`` says so.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SYS_CREATE_RULESET = 444
_SYS_ADD_RULE = 445
_SYS_RESTRICT_SELF = 446
_RULE_PATH = 1
_RULE_PORT = 2

# linux/landlock.h: bits of the rights to files, in the order in which versions added them.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_BIND, _NET_CONNECT = 1 << 0, 1 << 1
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

#: What a dynamically linked program needs to start.
SYSTEM_PATHS = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/dev/null",
    "/dev/urandom",
)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a child may use. Numbers of 0 mean: no limit of ours."""

    memory_bytes: int = 2 << 30
    cpu_s: int = 0
    file_bytes: int = 0
    nice: int = 10
    #: Files and folders it may read and execute, besides nothing; folders it may write.
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    #: The only TCP ports it may connect to.
    ports: tuple[int, ...] = ()
    #: The process it must not outlive; 0 for whichever started it.
    parent: int = 0

    def launch(self, program: Sequence[str]) -> list[str]:
        """The command that starts ``program`` under these limits."""
        limits = json.dumps(asdict(replace(self, parent=os.getpid())))
        return [sys.executable, "-E", "-s", "-m", "recorder.adapters.confinement", limits, *program]

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Confinement:
        """The limits that ``asdict`` and JSON made of one; unknown members raise TypeError."""
        members: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
        }
        return cls(**members)


def apply(limits: Confinement) -> str:
    """Confine this process for good, and name what is on: ``rlimits`` or ``rlimits+landlock-N``.

    Raises SystemExit when the parent is already dead.

    The process also dies with the thread that started it, so that a killed worker leaves
    nothing behind.
    """
    die_with(limits.parent)
    libc = ctypes.CDLL(None, use_errno=True)
    for name, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
    ):
        if value:
            _, hard = resource.getrlimit(name)
            ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(name, (ceiling, ceiling))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(limits.nice)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    version = _landlock(libc, limits)
    return f"rlimits+landlock-{version}" if version else "rlimits"


def die_with(parent: int) -> None:
    """Be killed when the thread that started this process ends; 0 for whichever did.

    Raises SystemExit when it is dead already.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent and os.getppid() != parent:
        # The parent died before the line above could tie us to it.
        raise SystemExit(1)


def landlock_version() -> int:
    """The kernel's Landlock version, 0 where there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_SYS_CREATE_RULESET, None, 0, 1)))


def _landlock(libc: ctypes.CDLL, limits: Confinement) -> int:
    version = landlock_version()
    if version == 0:
        return 0
    rights = next(bits for since, bits in sorted(_FS_RIGHTS.items(), reverse=True)
                  if since <= version)  # fmt: skip
    has_net = version >= 4
    attributes = struct.pack("=QQ", rights, _NET_BIND | _NET_CONNECT if has_net else 0)
    size = 16 if has_net else 8
    ruleset = libc.syscall(_SYS_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return 0
    try:
        reading = _EXECUTE | _READ_FILE | _READ_DIR
        writing = _WRITE_FILE | _READ_FILE | _READ_DIR | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
        for path in limits.readable:
            _allow_path(libc, ruleset, path, reading & rights)
        for path in limits.writable:
            _allow_path(libc, ruleset, path, writing & rights)
        for port in limits.ports if has_net else ():
            rule = struct.pack("=QQ", _NET_CONNECT, port)
            libc.syscall(_SYS_ADD_RULE, ruleset, _RULE_PORT, rule, 0)
        return version if libc.syscall(_SYS_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _allow_path(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    """Open ``path`` to the rules; one that is not there needs no permission."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, place)
        libc.syscall(_SYS_ADD_RULE, ruleset, _RULE_PATH, rule, 0)
    finally:
        os.close(place)


def launched() -> None:
    """Become what standard input names: ``{"limits": …, "program": […]}``; it gets an empty one."""
    request = json.load(sys.stdin)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    _become(Confinement.from_json(request["limits"]), request["program"])


def main(arguments: Sequence[str]) -> None:
    """Apply the limits in the first argument and become the program in the others."""
    _become(Confinement.from_json(json.loads(arguments[0])), arguments[1:])


def _become(limits: Confinement, program: Sequence[str]) -> None:
    apply(limits)
    os.execve(program[0], list(program), dict(os.environ))  # noqa: S606 - the list is our own.


if __name__ == "__main__":
    main(sys.argv[1:])
