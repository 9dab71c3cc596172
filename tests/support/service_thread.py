"""A running web service in a thread of its own, for programs that ask it without asyncio."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.support import postgres as databases
from tests.support.web_service import WebService, open_web_service

T = TypeVar("T")
_PATIENCE_S = 120


class ServiceThread:
    """A web service whose event loop runs beside the asker."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, name="service")
        self.service: WebService

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that ran where the service runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    async def _open(self, cluster: databases.Cluster, settings: dict[str, object]) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        name = await self._stack.enter_async_context(databases.clone(cluster))
        url = cluster.url(name, databases.SERVICE)
        opened = open_web_service(url, folder, **settings)
        self.service = await self._stack.enter_async_context(opened)

    @classmethod
    @contextmanager
    def running(cls, cluster: databases.Cluster, **settings: object) -> Iterator[ServiceThread]:
        """A service on an empty database; it has ended in order afterwards."""
        made = cls()
        made._thread.start()
        try:
            made.run(made._open(cluster, settings))
            yield made
        finally:
            made.run(made._stack.aclose())
            made._loop.call_soon_threadsafe(made._loop.stop)
            made._thread.join()
            made._loop.close()


__all__ = ["ServiceThread"]
