"""The store's side: a proxy before a real S3 server that names requests and strikes at them."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from tests.support.faulty_s3 import FaultyS3
from tests.torture.schedule import Director

#: Objects of livestreams: ``…/live-{id}/p{period}/{number}-…`` and the documents beside them.
_LIVE = re.compile(r"/live-(?P<id>[0-9a-f-]{36})/(?P<name>.+)$")
_SEGMENT = re.compile(r"p\d+/\d{9}-")
_VOLUME = re.compile(r"volumes-[0-9a-f-]{36}/(?P<index>index-)?")
_INIT = re.compile(r"p\d+/init-")


#: Points at which segments are put: of devices, of phones, of what is fetched, of publishers.
PUSHED, CHUNKED, PULLED = "store.live_segment", "store.live_chunk", "store.pull_received"
_PUBLISHED = "store.live_received"


def point_of(method: str, path: str, ways: Mapping[str, str] | None = None) -> str | None:
    """The name of the request, None for what is no commit point of a job.

    ``ways``: see StoreProxy.
    """
    place = urlsplit(path)
    bucket, _, key = place.path.lstrip("/").partition("/")
    asked = parse_qs(place.query, keep_blank_values=True)
    found = _LIVE.search(key or asked.get("prefix", [""])[0])
    if found is not None and (volume := _VOLUME.match(found["name"])):
        return _volume_point(method, asked, volume["index"] is not None)
    if found is not None and key:
        return _live_point(method, asked, found["name"], (ways or {}).get(found["id"], _PUBLISHED))
    if "uploads" in asked:
        return {"POST": "store.create_multipart", "GET": "store.list_multiparts"}.get(method)
    if "partNumber" in asked:
        return "store.part"
    if "uploadId" in asked:
        return {"POST": "store.complete", "DELETE": "store.abort"}.get(method)
    if "retention" in asked and method == "PUT":
        return "store.lock"
    if "versions" in asked:
        of_footage = bucket.endswith("originals") and "original" in asked.get("prefix", [""])[0]
        return "store.versions" if of_footage else None
    names = {
        ("PUT", "staging"): "store.piece",
        ("GET", "staging"): "store.piece_read",
        ("DELETE", "staging"): "store.delete_piece",
        ("PUT", "renditions"): "store.rendition",
    }
    if key.endswith("/original") and method == "GET":
        return "store.read_original"
    if bucket.endswith("originals") and method == "PUT" and key[:4].isdigit():
        return "store.sidecar"
    return names.get((method, bucket.rpartition("-")[2])) if key else None


def _volume_point(method: str, asked: Mapping[str, list[str]], is_index: bool) -> str | None:
    """What a compaction asks of the store about a volume, or about its index."""
    if is_index:
        return "store.volume_index" if method == "PUT" and "retention" not in asked else None
    if "partNumber" in asked:
        return "store.volume_part"
    for word, names in (
        ("uploads", {"POST": "store.volume_create", "GET": "store.volume_open"}),
        ("uploadId", {"POST": "store.volume_complete", "DELETE": "store.volume_abort"}),
        ("versions", {"GET": "store.volume_versions"}),
    ):
        if word in asked:
            return names.get(method)
    is_read = method == "GET" and not asked.keys() - {"versionId"}
    return "store.volume_read" if is_read else None


def _live_point(method: str, asked: Mapping[str, list[str]], name: str, put: str) -> str | None:
    if "retention" in asked:
        return "store.live_lock" if method == "PUT" else None
    if method == "GET" and not asked.keys() - {"versionId"}:
        return "store.live_read"
    if method != "PUT":
        return None
    if name == "opened.json":
        return "store.live_opening"
    if name.startswith("sealed-"):
        return "store.live_manifest"
    if _INIT.match(name):
        return "store.live_init"
    return put if _SEGMENT.match(name) else None


class StoreProxy(FaultyS3):
    """Strikes where the director says so."""

    def __init__(self, upstream: str, director: Director, ways: Mapping[str, str]) -> None:
        super().__init__(upstream)
        self._director = director
        #: Locks that are extended now are kept ahead; else they belong to a completion.
        self.are_chores_at_work = False
        #: The connection breaks over each segment that is published.
        self.takes_nothing_published = False
        #: How the segments of a livestream come, by its id; whoever hears of it adds it. The
        #: others are published.
        self._ways = ways

    @override
    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        act = self.planned(handler.command, handler.path)
        if act is not None:
            self.do(handler, body, act)
            return
        point = point_of(handler.command, handler.path, self._ways)
        if point == _PUBLISHED and self.takes_nothing_published:
            handler.close_connection = True
            return
        if point == "store.lock" and self.are_chores_at_work:
            point = "store.lock_ahead"
        self._director.hold(point)
        fault = self._director.at(point)
        if self._director.strikes(fault, "before"):
            handler.close_connection = True
            return
        try:
            self.pass_on(handler, body, is_lost=lambda: self._director.strikes(fault, "after"))
        except (OSError, http.client.HTTPException):
            handler.close_connection = True
