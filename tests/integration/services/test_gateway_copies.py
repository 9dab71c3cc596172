"""Files of gateways: of which livestream each is a copy; words that come before, after or never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.gateway import GatewayKind, read
from recorder.domain.ids import LivestreamId, new_uuid
from recorder.domain.people import OPERATOR, Actor
from recorder.services import gateways, ingest, live, registry
from recorder.store.gateways import Gateway
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, found, uploaded

CASE = "沪市监案〔2026〕1078号"
FOLDER = "/var/lib/recorder-gateway"


@dataclass(frozen=True)
class Scene:
    """A gateway, a device with a livestream, and the device itself."""

    bureau: Bureau
    gateway: Gateway
    device: Actor
    livestream: LivestreamId

    @property
    def sender(self) -> Actor:
        return gateways.actor_of(self.gateway)

    async def announce(self, path: str) -> None:
        body = {"action": "on_dvr", "app": "live", "stream": "TA00716", "file": path}
        await gateways.hear(self.bureau.deps, self.gateway, read(GatewayKind.SRS, "", body))

    async def awaited(self) -> list[str]:
        view = await gateways.view_gateway(self.bureau.deps, OPERATOR, self.gateway.id)
        return [file.path for file in view.awaited]


@pytest.fixture
async def scene(database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_bureau(database_url, tmp_path) as bureau:
        ingest.begin(bureau.deps)
        added = await gateways.add_gateway(
            bureau.deps, OPERATOR, name="media-1", kind=GatewayKind.SRS
        )
        device = await camera(bureau)
        opening = live.Opening(
            title="现场", officer="JX0227", stage="investigation", case_numbers=(CASE,)
        )
        opened = await live.open_livestream(bureau.deps, device, opening)
        yield Scene(bureau, added.gateway, device, opened.id)
        await ingest.shutdown(bureau.deps)


async def test_a_file_is_a_copy_of_the_livestream_that_is_named_or_that_the_device_had(
    scene: Scene,
) -> None:
    now = scene.bureau.clock.now()
    for n, said in enumerate((
        {"livestream": str(scene.livestream)},
        {"device": "TA00716", "device_started_at": now.isoformat()},
        {"device": "TA00716", "device_started_at": (now - timedelta(seconds=59)).isoformat()},
    )):  # fmt: skip
        row, _ = await found(
            scene.bureau, await uploaded(scene.bureau, scene.sender, b"%d" % n, **said)
        )
        assert (row.copy_of, row.device_number) == (scene.livestream, "TA00716")
        assert (row.officer, row.stage, row.links) == ("JX0227", "investigation", 1)
        assert row.quarantine_reasons == ()
    view = await live.view_livestream(scene.bureau.deps, OPERATOR, scene.livestream)
    assert len(view.copies) == 3


async def test_nobody_elses_livestream_and_nobody_elses_word_count(scene: Scene) -> None:
    deps, now = scene.bureau.deps, scene.bureau.clock.now()
    foreign = await registry.add_device(deps, OPERATOR, number="F-1", agency="foreign")
    theirs = await gateways.add_gateway(
        deps, OPERATOR, name="media-2", kind=GatewayKind.SRS, agency="foreign"
    )
    wrong: tuple[tuple[Actor, dict[str, str]], ...] = (
        (gateways.actor_of(theirs.gateway), {"livestream": str(scene.livestream)}),
        (scene.sender, {"livestream": str(new_uuid())}),
        (scene.sender, {"livestream": "none"}),
        (scene.sender, {"device": foreign.device.number, "device_started_at": now.isoformat()}),
        (scene.sender, {"device": "TA00716",
                        "device_started_at": (now - timedelta(minutes=5)).isoformat()}),
        (scene.device, {"livestream": str(scene.livestream), "path": "live/x.flv"}),
    )  # fmt: skip
    for n, (sender, said) in enumerate(wrong):
        row, _ = await found(scene.bureau, await uploaded(scene.bureau, sender, b"%d" % n, **said))
        assert row.copy_of is None, said
        assert row.links == 0
    assert await scene.bureau.value("SELECT count(*) FROM gateway_file") == 0


async def test_a_word_about_a_file_may_come_before_it_after_it_twice_or_never(
    scene: Scene,
) -> None:
    async def arrive(path: str) -> None:
        said = {"device": "TA00716", "path": path}
        await uploaded(scene.bureau, scene.sender, path.encode(), **said)

    early, late, silent, lost = (f"live/TA00716/{n}.flv" for n in range(4))
    for path in (early, early, lost):
        await scene.announce(f"{FOLDER}/{path}")
    assert await scene.awaited() == [f"{FOLDER}/{early}", f"{FOLDER}/{lost}"]
    for path in (early, late, silent):
        await arrive(path)
    for path in (late, late, early):
        await scene.announce(f"{FOLDER}/{path}")
    assert await scene.awaited() == [f"{FOLDER}/{lost}"]
    assert await scene.bureau.value("SELECT count(*) FROM gateway_file") == 4
    # The same name in another folder is another file.
    await scene.announce(f"{FOLDER}/live/TB00001/0.flv")
    assert len(await scene.awaited()) == 2
