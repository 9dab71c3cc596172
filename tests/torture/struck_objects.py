"""An object store in the stand's own process, some of whose calls are points of the director's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from typing_extensions import override

from recorder.adapters.objects import ObjectStore
from recorder.errors import Unavailable
from tests.support.faulty_objects import FaultyObjects
from tests.torture.schedule import Director

T = TypeVar("T")


class StruckObjects(FaultyObjects):
    """``ObjectStore`` around a real one; ``points``: the name of each call that may be struck."""

    def __init__(self, inner: ObjectStore, director: Director, points: Mapping[str, str]) -> None:
        super().__init__(inner)
        self._director = director
        self._points = points

    @override
    async def _through(self, call: str, act: Callable[[], Awaitable[T]]) -> T:
        fault = self._director.at(self._points.get(call))
        if self._director.strikes(fault, "before"):
            raise Unavailable("store-unavailable", f"Struck before {call}.")
        result = await super()._through(call, act)
        if self._director.strikes(fault, "after"):
            raise Unavailable("store-unavailable", f"Struck after {call}.")
        return result
