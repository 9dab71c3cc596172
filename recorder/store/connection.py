"""The pool and the Connection; what asyncpg raises becomes ours here and nowhere else."""

from __future__ import annotations

import asyncio
import json
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import asyncpg

from recorder.errors import Conflict, InternalError, InvalidInput, Unavailable

Row = asyncpg.Record
T = TypeVar("T")


@contextmanager
def translated() -> Iterator[None]:
    """Turn asyncpg's failures into RecorderErrors.

    A unique key hit is a Conflict ``already-exists`` with the constraint's name; text that no
    column holds (NUL, half a surrogate) is InvalidInput; anything that a second try may mend is
    Unavailable; the rest is a mistake of ours.
    """
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            "already-exists",
            "There is one like it already.",
            constraint=str(error.constraint_name or ""),
        ) from error
    except (
        asyncpg.PostgresConnectionError,
        asyncpg.CannotConnectNowError,
        asyncpg.AdminShutdownError,
        asyncpg.CrashShutdownError,
        asyncpg.TooManyConnectionsError,
        asyncpg.DeadlockDetectedError,
        asyncpg.SerializationError,
        asyncpg.LockNotAvailableError,
        asyncpg.QueryCanceledError,
        asyncpg.IdleInTransactionSessionTimeoutError,
        asyncpg.InsufficientResourcesError,
        asyncpg.InterfaceError,
        # A connection that was cut in the middle of an exchange.
        asyncpg.InternalClientError,
        OSError,
    ) as error:
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            # What asyncpg raises for an argument that its type cannot hold.
            raise _not_storable() from error
        raise Unavailable("database-unavailable", "The database does not answer.") from error
    except asyncpg.DataError as error:
        raise _not_storable() from error
    except asyncpg.PostgresError as error:
        raise InternalError("database-refused", f"{type(error).__name__}: {error}") from error


def _not_storable() -> InvalidInput:
    return InvalidInput(
        "text-not-storable", "It holds a character or a number that cannot be stored or asked for."
    )


class Connection:
    """One database connection: reading, and writing what is no evidence.

    Rows that are no evidence and so may be written with a plain Connection: sessions, login
    links, failed sign-ins, playback grants, embeds, upload offsets with their parts and pieces,
    leases and progress of task runs, tries to deliver messages, turns, places of audits, cases that
    are due to be evaluated, when
    the case of footage was last looked for and what was proposed, and when originals were last
    read back. All other writes take a ``Change``.
    """

    def __init__(self, raw: asyncpg.pool.PoolConnectionProxy[Row] | asyncpg.Connection[Row]):
        self._raw = raw

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        with translated():
            return await self._raw.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: object) -> Row | None:
        with translated():
            return await self._raw.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        with translated():
            return await self._raw.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run a statement and give the number of rows it touched."""
        with translated():
            status = await self._raw.execute(sql, *arguments)
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def executemany(self, sql: str, arguments: Sequence[Sequence[object]]) -> None:
        with translated():
            await self._raw.executemany(sql, arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """All or nothing; nested use makes a savepoint."""
        with translated():
            async with self._raw.transaction():
                yield

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """All readings in the block see the database as it was at the first of them."""
        with translated():
            async with self._raw.transaction(isolation="repeatable_read", readonly=True):
                yield


class Database:
    """The pool. ``acquire`` gives one Connection for the length of a block.

    ``patient`` work, of which hundreds may be waiting, leaves some connections to the others and
    waits in a line of its own, without a limit: whoever only asks something comes before it.
    """

    def __init__(self, pool: asyncpg.Pool[Row], url: str):
        self._pool = pool
        self._url = url
        self._line = asyncio.Semaphore(max(1, pool.get_max_size() * 3 // 5))

    @asynccontextmanager
    async def acquire(self, *, patient: bool = False) -> AsyncIterator[Connection]:
        if patient:
            async with self._line, self.acquire() as connection:
                yield connection
            return
        with translated():
            raw = await self._living()
        try:
            yield Connection(raw)
        finally:
            # One that cannot be made clean is thrown away by the pool; the work itself is done.
            with suppress(
                asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError
            ):
                await self._pool.release(raw)

    async def _living(self) -> asyncpg.pool.PoolConnectionProxy[Row]:
        """A connection of the pool that the server has not ended since its last use.

        The end of a server or a session stands in the socket before the event loop has heard of
        it; whoever got such a connection would be told that the database does not answer.
        """
        while True:
            raw = await self._pool.acquire(timeout=10)
            if not _has_news(raw):
                return raw
            # As many as the pool has at most: a new one has no news.
            raw.terminate()
            await self._pool.release(raw)

    @asynccontextmanager
    async def transaction(self, *, patient: bool = False) -> AsyncIterator[Connection]:
        async with self.acquire(patient=patient) as connection, connection.transaction():
            yield connection

    async def listen(
        self, channel: str, heard: Callable[[str], None], until: Awaitable[object]
    ) -> None:
        """Call ``heard`` with each notification's text until ``until`` ends, on its own connection.

        Raises Unavailable when the connection is lost; the caller begins again.
        """
        waiting = asyncio.ensure_future(until)
        lost = asyncio.Event()
        losing = asyncio.create_task(lost.wait())
        try:
            with translated():
                raw = await asyncpg.connect(self._url, timeout=10)
            raw.add_termination_listener(lambda _connection: lost.set())
            try:
                with translated():
                    await raw.add_listener(channel, lambda _c, _p, _ch, text: heard(str(text)))
                await _first_of(waiting, losing)
                if not waiting.done():
                    raise Unavailable("database-unavailable", "The database does not answer.")
            finally:
                with translated():
                    await raw.close(timeout=2)
        finally:
            waiting.cancel()
            losing.cancel()

    async def close(self) -> None:
        """Let the connections end their work, at most five seconds."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


def _has_news(raw: asyncpg.pool.PoolConnectionProxy[Row]) -> bool:
    """Whether bytes wait to be read although nothing was asked: a server says only good-bye so."""
    # asyncpg tells nobody its socket.
    transport = raw._con._transport  # type: ignore[attr-defined]
    poll = select.poll()
    try:
        poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    except (AttributeError, OSError, ValueError):
        return True
    return bool(poll.poll(0))


async def _first_of(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def _prepare(raw: asyncpg.Connection[Row]) -> None:
    await raw.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _leave(_raw: asyncpg.Connection[Row]) -> None:
    """What a connection does before it goes back to the pool: nothing."""


async def open_database(url: str, *, largest: int = 10) -> Database:
    """Open a pool; raises Unavailable when the database does not answer within ten seconds."""
    with translated():
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=largest,
            timeout=10,
            command_timeout=60,
            init=_prepare,
            # Open transactions are ended all the same. Nothing here leaves anything else in a
            # session, so asking the server to forget it would be one round trip for each block.
            reset=_leave,
            server_settings={
                "application_name": "recorder",
                "timezone": "UTC",
                # A process that is stopped in the middle of a transaction keeps its row locks;
                # whoever takes over must not wait until it wakes (docs/design/processes.md).
                "idle_in_transaction_session_timeout": "10s",
                # Filters are optional arguments, so only a plan for the values given can use the
                # right index; compiling a plan costs more than any of our queries.
                "plan_cache_mode": "force_custom_plan",
                "jit": "off",
            },
        )
    return Database(pool, url)
