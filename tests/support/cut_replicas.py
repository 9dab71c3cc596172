"""Replicas in network namespaces of their own: database and store lie behind a line to be cut."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from typing_extensions import override

from tests.support.compacting import s3_settings
from tests.support.lossy_line import THERE, on_a_unix_socket
from tests.support.product import short_folder
from tests.support.replica_processes import ReplicaProcess, Site, open_site, start_replica
from tests.support.s3 import S3Server

_DATABASE, _STORE = 5432, 9000


@dataclass(frozen=True)
class CutReplica(ReplicaProcess):
    """A web service whose clients reach it, however it stands with database and store."""

    @property
    @override
    def pid(self) -> int:
        """The child of the program that runs the line; the far end of the line is the other."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in children.read_text().split():
            if b"lossy_line" not in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        raise AssertionError("the service is gone")

    def cut(self) -> None:
        """From now on no packet of it reaches database or store, and none comes back."""
        os.kill(self.process.pid, signal.SIGUSR1)

    def mend(self) -> None:
        """Packets pass again; what is sent anew by TCP comes through."""
        os.kill(self.process.pid, signal.SIGUSR2)


@asynccontextmanager
async def open_cut_site(
    database_url: str, owner_database_url: str, server: S3Server, folder: Path
) -> AsyncIterator[Site]:
    """Two of them that answer, on one database and one S3 server."""
    database = urlsplit(database_url)
    host, _, store_port = server.host.partition(":")
    assert (database.hostname, host) == ("127.0.0.1", "127.0.0.1")
    async with AsyncExitStack() as stack:
        place = stack.enter_context(short_folder())
        sockets = {_DATABASE: place / "d", _STORE: place / "s"}
        for port, behind in ((_DATABASE, database.port), (_STORE, int(store_port))):
            assert behind is not None
            await stack.enter_async_context(on_a_unix_socket(sockets[port], behind))
        places = ",".join(f"{port}={socket}" for port, socket in sockets.items())
        there = database_url.replace(database.netloc, f"{database.username}@{THERE}:{_DATABASE}")

        async def begin(settings: Mapping[str, str]) -> ReplicaProcess:
            return await start_replica(
                {
                    **settings,
                    "RECORDER_DATABASE_URL": there,
                    "RECORDER_S3_ENDPOINT": f"{THERE}:{_STORE}",
                },
                *("unshare", "--user", "--map-root-user", "--net"),
                *(sys.executable, "-m", "tests.support.lossy_line"),
                *(places, "/dev/null", "0", "--"),
                kind=CutReplica,
            )

        yield await stack.enter_async_context(
            open_site(database_url, owner_database_url, folder, s3_settings(server), begin=begin)
        )
