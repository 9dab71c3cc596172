"""A pushed livestream outlives kill -9 of everything that takes it, and is one recording."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from tests.support.product import POSTGRES, WEB, WORKER, Product, running_product
from tests.support.pusher import delivered, said
from tests.support.streams import take


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


async def test_a_livestream_whose_service_is_killed_is_one_sealed_recording_of_every_segment(
    product: Product,
) -> None:
    sent = take(seconds=12)
    token = await product.device("LIVE-1")
    words = {"title": "巡查", "case_numbers": ["沪市监案〔2026〕11号"]}
    answer = await said(product.ask, "/api/v1/livestreams", token, json.dumps(words).encode())
    assert answer.status == 201, answer.content
    place = answer.headers["Location"]
    await delivered(product.ask, f"{place}/periods/1/init", token, sent.init)
    victims = {3: WEB, 6: POSTGRES, 9: WORKER}
    for number, body in enumerate(sent.segments, 1):
        path = f"{place}/periods/1/segments/{number}"
        answer = await delivered(product.ask, path, token, body)
        assert answer.status in (200, 201), answer.content
        if number in victims:
            await product.kill(victims[number])
    # Whatever was answered before a kill is there: the same bytes again change nothing.
    for number, body in enumerate(sent.segments, 1):
        path = f"{place}/periods/1/segments/{number}"
        assert (await delivered(product.ask, path, token, body)).status == 200
    answer = await said(product.ask, f"{place}/close", token, b'{"last": 12}')
    assert answer.json["state"] == "closed", answer.content
    assert answer.json["gaps"] == []
    recording = str(answer.json["recording"])
    supervisor = await product.supervisor()
    shown = await product.until_sealed(recording, supervisor, within=90)
    assert shown["digests"]["sha256"] == hashlib.sha256(sent.whole).hexdigest()
    assert shown["length"] == len(sent.whole)
    assert await product.original_sha256(recording, supervisor) == shown["digests"]["sha256"]
    receipt = await product.ask("GET", f"/api/v1/recordings/{recording}/receipt", token)
    assert receipt.status == 200
