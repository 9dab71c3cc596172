"""HTTP/1.1 requests as a client sends them, taken apart while they pass by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a request."""

    method: str
    path: str
    headers: dict[str, str]

    def count(self, name: str) -> int:
        """A header that holds a number; 0 without one."""
        return int(self.headers.get(name, "0"))


class Requests:
    """Takes bytes as they come; says where each request begins and what belongs to its body.

    Bodies have a Content-Length: every client of the stand gives one.
    """

    def __init__(self) -> None:
        self._head = b""
        self._body_left = 0

    def take(self, block: bytes) -> Iterator[tuple[Head | None, bytes]]:
        """Pieces of the block in order: a head with its bytes, or bytes of a body without one."""
        while block:
            if self._body_left:
                part, block = block[: self._body_left], block[self._body_left :]
                self._body_left -= len(part)
                yield None, part
                continue
            whole = self._head + block
            end = whole.find(b"\r\n\r\n")
            if end < 0:
                assert len(whole) < _LONGEST_HEAD, whole[:200]
                self._head = whole
                return
            self._head, block = b"", whole[end + 4 :]
            head = _parse(whole[:end])
            self._body_left = head.count("content-length")
            yield head, whole[: end + 4]


def _parse(text: bytes) -> Head:
    first, *rest = text.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = (line.partition(":") for line in rest)
    return Head(method, path, {name.strip().lower(): value.strip() for name, _, value in fields})
