"""As whom PostgreSQL runs, which refuses to be root, and who may talk to its socket.

Not as root there is nothing to decide. As root, in this order: the whole server becomes the owner
of the data folder (``become_owner``, before anything else happens); PostgreSQL runs in a user
namespace, where root has another number while its files stay root's; it runs as ``nobody``. Each
way is tried with the real binary before it is chosen, since kernels, containers and permissions
forbid each of them somewhere. It must not start anything that stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recorder.embedded.data_folder import user_name
from recorder.errors import Forbidden

#: The number by which a user namespace shows everybody whom it does not map.
_OVERFLOW_UID = 65534
_TRIAL_S = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """One way to run the database server."""

    title: str
    #: Words before the command.
    prefix: tuple[str, ...]
    #: User and group to become; None to stay what we are.
    uid: int | None
    gid: int | None
    #: Names by which the server sees those who may connect: us, and root.
    clients: tuple[str, ...]

    @property
    def owner(self) -> int:
        """The number of the user to whom the database's files belong on disk."""
        return os.geteuid() if self.uid is None else self.uid


def become_owner(path: Path, postgres: Path) -> None:
    """As root on another user's folder: be that user from here on, if he can run us at all.

    Then every file in the folder stays the owner's, and no root process writes below a folder
    that somebody else may rearrange. Otherwise nothing happens. Call it before threads start.
    """
    if os.geteuid() != 0 or not path.is_dir():
        return
    status = path.stat()
    if status.st_uid == 0:
        return
    try:
        owner = pwd.getpwuid(status.st_uid)
    except KeyError:
        return
    for command in (
        [str(postgres), "--version"],
        [sys.executable, "-c", "import recorder.embedded"],
        ["/bin/sh", "-c", 'test -w "$1"', "trial", str(path)],
    ):
        try:
            subprocess.run(
                command,
                user=status.st_uid,
                group=owner.pw_gid,
                extra_groups=[],
                check=True,
                capture_output=True,
                timeout=_TRIAL_S,
            )
        except (OSError, subprocess.SubprocessError):
            return
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    # Libraries look for settings in the home folder, and fail if they may not even look.
    os.environ.update(HOME=owner.pw_dir, USER=owner.pw_name, LOGNAME=owner.pw_name)


async def choose(path: Path, postgres: Path) -> Identity:
    """The first way that works for this folder and this binary.

    Raises Forbidden ``postgres-needs-a-user`` with a sentence when none does.
    """
    if os.geteuid() != 0 and _name(os.geteuid()):
        return plain()
    for identity in _alternatives(path):
        if await _works(identity, path, postgres):
            return identity
    raise Forbidden(
        "postgres-needs-a-user",
        f"PostgreSQL does not run as {user_name(os.geteuid())}, and here neither a user namespace"
        f" nor the user nobody can be used on {path}; start recorder as an ordinary user, or give"
        " the folder to one (chown) who can also read the installation.",
    )


def plain() -> Identity:
    """As ourselves."""
    return Identity("ourselves", (), None, None, tuple({_name(os.geteuid()), _name(0)} - {""}))


def in_namespace() -> Identity | None:
    """In a user namespace of one user; None where the system lacks the command."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    # Users outside the namespace all look like 65534 from inside, so we must not be that one,
    # or the server could not tell us from them. initdb wants a number that has a name.
    inner = next((p for p in pwd.getpwall() if p.pw_uid not in (0, _OVERFLOW_UID)), None)
    if inner is None:
        return None
    prefix = (unshare, "--user", f"--map-user={inner.pw_uid}", f"--map-group={inner.pw_gid}")
    return Identity("a user namespace", prefix, None, None, (inner.pw_name,))


def as_nobody() -> Identity | None:
    """As the user nobody, if there is one and we may become him."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return Identity("nobody", (), nobody.pw_uid, nobody.pw_gid, (_name(0) or "root",))


def _alternatives(path: Path) -> Iterator[Identity]:
    if namespace := in_namespace():
        yield namespace
    if nobody := as_nobody():
        # He has to pass through our folder to his own; all folders in it are closed to him.
        with contextlib.suppress(OSError):
            path.chmod(path.stat().st_mode | 0o011)
        yield nobody


async def _works(identity: Identity, path: Path, postgres: Path) -> bool:
    script = 'test -x "$1" && exec "$2" --version'
    trial = await asyncio.create_subprocess_exec(
        *identity.prefix,
        *("/bin/sh", "-c", script, "trial", str(path), str(postgres)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=identity.uid,
        group=identity.gid,
        extra_groups=None if identity.gid is None else [],
    )
    try:
        async with asyncio.timeout(_TRIAL_S):
            return await trial.wait() == 0
    except TimeoutError:
        trial.kill()
        await trial.wait()
        return False


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
