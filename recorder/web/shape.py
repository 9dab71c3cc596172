"""What every JSON shape of an answer is, and how a page of a list becomes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from recorder.services.paging import Page

T = TypeVar("T")
S = TypeVar("S", bound="Shape")


class Shape(BaseModel):
    """A JSON object of an answer."""

    # The rules of a shape are made when the first one is: a start needs none of the two hundred.
    model_config = ConfigDict(frozen=True, defer_build=True)


class ListShape(Shape, Generic[T]):
    """Some lines of a list; `next` asks for those behind them, null at the end."""

    items: tuple[T, ...]
    next: str | None = None


def page_shape(page: Page[T], shape: Callable[[T], S]) -> ListShape[S]:
    """A page of a service as a list of shapes."""
    return ListShape[S](items=tuple(shape(item) for item in page.items), next=page.next)
