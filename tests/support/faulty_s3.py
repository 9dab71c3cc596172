"""A proxy in front of a real S3 server that fails chosen requests: by plan, never by chance.

For faults that no wrapper around the adapter can show: answers lost on the way, bodies cut
short, errors inside a 200 answer.
"""

from __future__ import annotations

import enum
import http.client
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from typing_extensions import override

from tests.support import s3

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_CHECKSUM = "x-amz-checksum-sha256"
_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code>'
    b"<Message>Planned.</Message><Resource>/</Resource><RequestId>1</RequestId></Error>"
)


class Act(enum.Enum):
    """What becomes of a request."""

    #: The connection breaks and the server never sees the request.
    DROP = "drop"
    #: The server does it, and the answer is lost.
    LOSE_ANSWER = "lose answer"
    #: 503 SlowDown; the server never sees the request.
    BUSY = "busy"
    #: 507 with a code that says so; the server never sees the request.
    FULL = "full"
    #: 200 with an error inside; the server never sees the request.
    ERROR_IN_OK = "error in 200"
    #: A page of HTML from some other machine.
    HTML = "html"
    #: Half of the body, then the connection breaks.
    CUT = "cut"
    #: 204, and nothing was done.
    PRETEND = "pretend"
    #: It is done, half a second later than it might have been.
    SLOW = "slow"
    #: 403 AccessDenied; the server never sees the request.
    DENY = "deny"
    #: One bit of the body changes on the way.
    FLIP = "flip"
    #: It is done, and the answer does not say that the checksum was looked at.
    UNCHECKED = "unchecked"


_SLOW_S = 0.5

#: Says for method and path (with query) whether this request is meant.
Meant = Callable[[str, str], bool]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in mid-request is nothing to tell; all else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class FaultyS3:
    """The proxy; use as a context manager and connect to ``server``."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.removeprefix("http://")
        self._faults: list[tuple[Meant, Act, int]] = []
        self._ended = threading.Event()
        #: Method and path with query of each request, oldest first.
        self.requests: list[str] = []
        #: What each of them says of its body for the signature.
        self.contents: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            @override
            def log_message(self, *_: object) -> None:
                """Say nothing: the test reads ``requests``."""

            def do_GET(self) -> None:
                proxy.answer(self)

            do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the base class's names.

        self._http = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self.server = s3.at(s3.url(self._http.server_address[1]))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def plan(self, act: Act, meant: Meant, times: int = 1) -> None:
        """The next ``times`` requests that are meant fail so."""
        self._faults.append((meant, act, times))

    def still_planned(self) -> int:
        """How many faults are still to come."""
        return sum(times for _, _, times in self._faults)

    def planned(self, method: str, path: str) -> Act | None:
        """What is to become of this request, which is counted by that."""
        for number, (meant, act, times) in enumerate(self._faults):
            if times and meant(method, path):
                self._faults[number] = (meant, act, times - 1)
                return act
        return None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Pass one request on, or do what is planned for it."""
        method, path = handler.command, handler.path
        self.requests.append(f"{method} {path}")
        self.contents.append(handler.headers.get("x-amz-content-sha256", ""))
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.do(handler, body, self.planned(method, path))

    def do(self, handler: BaseHTTPRequestHandler, body: bytes, act: Act | None) -> None:
        """Do this with a request; None passes it on."""
        if act is Act.DROP:
            handler.close_connection = True
        elif act is Act.BUSY:
            _send(handler, 503, {"Content-Type": "application/xml"}, _ERROR % b"SlowDown")
        elif act is Act.FULL:
            _send(handler, 507, {"Content-Type": "application/xml"}, _ERROR % b"XMinioStorageFull")
        elif act is Act.ERROR_IN_OK:
            _send(handler, 200, {"Content-Type": "application/xml"}, _ERROR % b"InternalError")
        elif act is Act.DENY:
            _send(handler, 403, {"Content-Type": "application/xml"}, _ERROR % b"AccessDenied")
        elif act is Act.HTML:
            _send(handler, 404, {"Content-Type": "text/html"}, b"<html>Not here</html>")
        elif act is Act.PRETEND:
            _send(handler, 204, {}, b"")
        else:
            if act is Act.SLOW:
                self._ended.wait(_SLOW_S)
            if act is Act.FLIP:
                body = bytes([body[0] ^ 1]) + body[1:]
            self.pass_on(handler, body, act)

    def pass_on(
        self,
        handler: BaseHTTPRequestHandler,
        body: bytes,
        act: Act | None = None,
        is_lost: Callable[[], bool] = lambda: False,
    ) -> None:
        """Have the server do it; ``is_lost`` is asked when it has, before its answer goes on."""
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            connection.putrequest(
                handler.command, handler.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in handler.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
            length = int(answer.headers.get("Content-Length") or len(content))
        finally:
            connection.close()
        if act is Act.UNCHECKED:
            headers = {k: v for k, v in headers.items() if k.lower() != _CHECKSUM}
        if is_lost() or act is Act.LOSE_ANSWER:
            handler.close_connection = True
            return
        if act is Act.CUT:
            handler.close_connection = True
            content = content[: len(content) // 2]
        _send(handler, answer.status, headers, content, length)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    headers: dict[str, str],
    content: bytes,
    length: int | None = None,
) -> None:
    handler.send_response_only(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if status != 204:
        handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)
