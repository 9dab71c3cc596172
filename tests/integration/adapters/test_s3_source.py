"""A bucket of somebody else's that answers too much, too slowly, wrongly or from elsewhere."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from aiohttp import web
from minio import Minio

from recorder.adapters.s3_source import (
    MAX_OBJECT_BYTES,
    PATIENCE_S,
    BucketPlace,
    BucketSource,
    ListedObject,
)
from recorder.domain.source_address import Reach
from recorder.errors import InvalidInput, RecorderError
from tests.support.s3 import S3Server

REACH = Reach.parse("127.0.0.0/8")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
HERE = ListedObject("rows/a.ndjson", "tag", 6)


def place(url: str, access: str = "access", secret: str = "secret") -> BucketPlace:
    return BucketPlace.of(url, "us-east-1", access, secret)


@dataclass
class Store:
    """A server that answers as it is told."""

    url: str
    answer: Answer | None = None

    async def page(
        self, answer: Answer, following: str = "", patience_s: float = PATIENCE_S
    ) -> RecorderError:
        """What asking for a page ends with."""
        self.answer = answer
        source = BucketSource(place(f"{self.url}/cases"), REACH, patience_s=patience_s)
        with pytest.raises(RecorderError) as refused:
            await asyncio.to_thread(source.page, following)
        source.close()
        return refused.value

    async def copy(
        self, answer: Answer, listed: ListedObject = HERE, patience_s: float = PATIENCE_S
    ) -> bytes:
        self.answer = answer
        source = BucketSource(place(f"{self.url}/cases"), REACH, patience_s=patience_s)
        into = io.BytesIO()
        try:
            await asyncio.to_thread(source.copy, listed, into)
        finally:
            source.close()
        return into.getvalue()


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    kept = Store("")

    async def answer(request: web.Request) -> web.StreamResponse:
        assert kept.answer is not None
        return await kept.answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kept.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield kept
    await runner.cleanup()


def said(body: str | bytes, status: int = 200, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        content = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=content, status=status, headers=named)

    return answer


def endless(piece: bytes, pause_s: float = 0.0) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(piece)
            await asyncio.sleep(pause_s)

    return answer


async def never(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


def listing(inner: str) -> str:
    return f"<ListBucketResult><EncodingType>url</EncodingType>{inner}</ListBucketResult>"


def one(size: str) -> str:
    return listing(f"<Contents><Key>a.csv</Key><ETag>x</ETag><Size>{size}</Size></Contents>")


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><x>&i;</x>"
)
CIRCLE = listing("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>")
LONG = listing(
    f"<IsTruncated>true</IsTruncated><NextContinuationToken>{'t' * 5000}</NextContinuationToken>"
)


@pytest.mark.parametrize(
    ("answer", "following", "told"),
    [
        (said("no XML"), "", "malformed"),
        (said(BOMB), "", "malformed"),
        (said(one("-1")), "", "malformed"),
        (said(one("9" * 5000)), "", "malformed"),
        (said(one("many")), "", "malformed"),
        (said(LONG), "", "malformed"),
        (said(CIRCLE), "t", "circle"),
        (endless(b"x" * 65536), "", "too long"),
        (said("", 307, Location="http://127.0.0.1:1/"), "", "307"),
        (said("<Error><Code>AccessDenied</Code></Error>", 403), "", "AccessDenied"),
        (said("<Error><Code>geheim\0</Code></Error>", 500), "", "500"),
    ],
)
async def test_a_list_that_is_none_is_told_in_words_and_ends(
    store: Store, answer: Answer, following: str, told: str
) -> None:
    error = await store.page(answer, following)
    assert (error.code, told in error.detail) == ("pull-unreachable", True), error.detail


async def test_a_token_that_is_not_known_any_more_begins_the_list_anew(store: Store) -> None:
    assert (await store.page(said("", 400), "old")).code == "pull-place-lost"


@pytest.mark.parametrize("answer", [never, endless(b"x", 0.01)])
async def test_who_answers_slowly_or_never_is_cut_off(store: Store, answer: Answer) -> None:
    assert (await store.page(answer, patience_s=0.3)).code == "pull-unreachable"


@pytest.mark.parametrize(
    ("answer", "listed", "told"),
    [
        (said(b"abcdefg", ETag='"tag"'), HERE, "length"),
        (said(b"abcde", ETag='"tag"'), HERE, "length"),
        (said(b"abcdef", ETag='"other"'), HERE, "replaced"),
        (said(b"abcdef", ETag='"tag"', Content_Encoding="gzip"), HERE, "compressed"),
        (said(b"", 404), HERE, "refused"),
        (said(b"", 403), HERE, "refused"),
        (endless(b"x" * 65536), HERE, "length"),
        (said(b""), ListedObject("a.csv", "", MAX_OBJECT_BYTES + 1), "more than"),
    ],
)
async def test_an_object_that_is_not_what_was_listed_is_left_alone(
    store: Store, answer: Answer, listed: ListedObject, told: str
) -> None:
    with pytest.raises(RecorderError) as refused:
        await store.copy(answer, listed)
    error = refused.value
    assert (error.code, told in error.detail) == ("pull-object-refused", True), error.detail


async def test_a_copy_is_what_was_listed_and_one_that_drips_is_cut_off(store: Store) -> None:
    assert await store.copy(said(b"abcdef", ETag='"tag"')) == b"abcdef"
    with pytest.raises(RecorderError) as refused:
        await store.copy(endless(b"x", 0.01), ListedObject("a.csv", "", 1 << 18), patience_s=0.2)
    assert refused.value.code == "pull-unreachable"


async def test_pages_follow_each_other_through_a_real_bucket(versitygw: S3Server) -> None:
    name = f"{versitygw.bucket_prefix}pages"
    client = Minio(
        versitygw.host,
        versitygw.access_key,
        versitygw.secret_key,
        region=versitygw.region,
        secure=False,
    )
    client.make_bucket(name)
    keys = [f"a/{n} %2B+表.csv" for n in range(7)]
    for key in keys:
        client.put_object(name, key, io.BytesIO(b"x"), 1)
    where = place(f"{versitygw.endpoint}/{name}/a", versitygw.access_key, versitygw.secret_key)
    source = BucketSource(where, REACH)
    found: list[str] = []
    following, pages = "", 0
    while True:
        page = await asyncio.to_thread(source.page, following, 3)
        found += [each.key for each in page.objects]
        following, pages = page.following, pages + 1
        if not following:
            break
    copied = io.BytesIO()
    await asyncio.to_thread(source.copy, page.objects[0], copied)
    source.close()
    assert (sorted(found), pages, copied.getvalue()) == (sorted(keys), 3, b"x")


@pytest.mark.parametrize(
    "url",
    ["", "s3://h/b", "https://h", "https://h/", "https://h/B", "https://h/a..b", "https://u@h/abc",
     "https://h/192.168.0.1", "rtsp://h/abc", "https://h/表"],
)  # fmt: skip
def test_what_is_no_address_of_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        place(url)
    assert refused.value.code == "pull-address-invalid"
