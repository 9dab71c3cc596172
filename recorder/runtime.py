"""Deps and open_deps(): the one place where things are wired together."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.adapters.clock import Clock, SystemClock
from recorder.adapters.files import FolderObjects
from recorder.adapters.objects import Bucket, ObjectStore
from recorder.adapters.objects_measured import MeasuredObjects
from recorder.adapters.queue import Queue
from recorder.config import Config
from recorder.domain.people import Actor
from recorder.errors import InvalidInput
from recorder.ledger.note import NoteSigner
from recorder.store.change import Change, open_change
from recorder.store.connection import Database, open_database

if TYPE_CHECKING:
    from recorder.adapters.s3 import S3Objects


@dataclass(frozen=True, eq=False)
class Deps:
    """Everything a service function needs from outside; compared by identity."""

    config: Config
    database: Database
    objects: ObjectStore
    queue: Queue
    signer: NoteSigner
    clock: Clock
    #: Names this process among all replicas: lease holder, worker name.
    instance: str

    @asynccontextmanager
    async def change(
        self, actor: Actor, *, told_later: bool = False, patient: bool = False
    ) -> AsyncIterator[Change]:
        """A transaction that must record an event; workers are woken after its commit.

        ``told_later``: one event for many such transactions follows (``open_change``).
        ``patient``: hundreds of them may be waiting (``Database``).
        """
        async with open_change(
            self.database, actor, self.clock.now(), told_later=told_later, patient=patient
        ) as change:
            yield change
        if change.started:
            await self.queue.wake((queue.value, str(run)) for queue, run in change.started)


def open_objects(config: Config) -> MeasuredObjects:
    """The object store that the settings name; its calls are measured."""
    return MeasuredObjects(_plain_objects(config))


def _plain_objects(config: Config) -> FolderObjects | S3Objects:
    if config.objects_folder is not None and config.objects == "folder":
        return FolderObjects(
            config.objects_folder,
            threads=config.store_threads,
            floor_bytes=config.objects_floor_bytes,
        )
    if not (config.s3_endpoint and config.s3_access_key and config.s3_secret_key):
        raise InvalidInput("configuration-invalid", "The settings name no object store.")
    # Its library is long to load, and who keeps footage in a folder needs none of it.
    from recorder.adapters.s3 import S3Objects

    return S3Objects(
        config.s3_endpoint,
        config.s3_access_key,
        config.s3_secret_key.get_secret_value(),
        region=config.s3_region,
        secure=config.s3_secure,
        buckets={
            Bucket.ORIGINALS: config.s3_bucket_originals,
            Bucket.RENDITIONS: config.s3_bucket_renditions,
            Bucket.STAGING: config.s3_bucket_staging,
        },
        ca_file=config.s3_ca_file,
        threads=config.store_threads,
    )


def read_or_make_signer(path: Path, name: str) -> NoteSigner:
    """The service's signing key; made once, readable by its owner only.

    Raises InvalidInput ``signing-key-unreadable`` with a sentence when the file is no key.
    """
    try:
        return NoteSigner.from_text(path.read_text("utf-8").strip())
    except FileNotFoundError:
        pass
    except (OSError, InvalidInput) as error:
        raise InvalidInput(
            "signing-key-unreadable", f"The signing key {path} cannot be read: {error}."
        ) from error
    signer = NoteSigner.generate(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, f"{signer.to_text()}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # A link never overwrites: of two starting processes, the first one's key counts for both.
        os.link(draft, path)
    except FileExistsError:
        return NoteSigner.from_text(path.read_text("utf-8").strip())
    finally:
        draft.unlink()
    return signer


def instance_name() -> str:
    """Host, process and a random word: never the same twice."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


@asynccontextmanager
async def open_deps(config: Config, *, clock: Clock | None = None) -> AsyncIterator[Deps]:
    """Everything wired and reachable for the length of the block.

    Raises Unavailable when database or store do not answer.
    """
    async with AsyncExitStack() as stack:
        database = await open_database(
            config.database_url.get_secret_value(), largest=config.database_connections
        )
        stack.push_async_callback(database.close)
        store = _plain_objects(config)
        stack.push_async_callback(store.close)
        if not isinstance(store, FolderObjects) and config.s3_make_buckets:
            await store.ensure_buckets()
        queue = Queue(config.redis_url.get_secret_value() if config.redis_url else None)
        stack.push_async_callback(queue.close)
        signer = await asyncio.to_thread(
            read_or_make_signer, config.signing_key_file, config.service_name
        )
        yield Deps(
            config=config,
            database=database,
            objects=MeasuredObjects(store),
            queue=queue,
            signer=signer,
            clock=clock or SystemClock(),
            instance=instance_name(),
        )
