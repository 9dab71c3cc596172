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
from recorder.store import gateways as gateway_rows
from recorder.store.gateways import Gateway
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, found, uploaded
from tests.support.streams import put, put_init, take
from tests.support.workshop import open_alarms

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


async def told(scene: Scene) -> list[str]:
    await gateways.watch_awaited(scene.bureau.deps)
    return [code for code, _, _ in await open_alarms(scene.bureau)]


async def came_and_went(scene: Scene, seconds: int) -> None:
    """A stream of the device, as its gateway tells of it."""
    deps, clock = scene.bureau.deps, scene.bureau.clock
    body = {"action": "on_publish", "app": "live", "stream": "TA00716", "ip": "10.0.0.9"}
    async with deps.database.acquire() as connection:
        said = read(GatewayKind.SRS, "", body)
        await gateway_rows.note_accepted(connection, scene.gateway.id, said, clock.now())
    clock.forward(seconds=seconds)
    gone = read(GatewayKind.SRS, "", {**body, "action": "on_unpublish"})
    await gateways.hear(deps, scene.gateway, gone)


async def test_a_file_that_a_gateway_told_of_and_that_never_came_is_an_alarm_until_it_is_here(
    scene: Scene,
) -> None:
    name = "live/TA00716/1772438400000.mp4"
    await scene.announce(f"{FOLDER}/{name}")
    scene.bureau.clock.forward(minutes=29)
    assert await told(scene) == []
    scene.bureau.clock.forward(minutes=2)
    assert await told(scene) == ["gateway_files_missing"]
    # Seen again, it is still one.
    assert await told(scene) == ["gateway_files_missing"]
    await uploaded(scene.bureau, scene.sender, b"late", path=name)
    assert await told(scene) == []


async def test_a_stream_of_which_nothing_is_here_is_an_alarm_until_something_is_pushed_or_pulled(
    scene: Scene,
) -> None:
    bureau, clock = scene.bureau, scene.bureau.clock
    # As the encoder tries.
    await came_and_went(scene, 5)
    clock.forward(minutes=31)
    assert await told(scene) == []
    await came_and_went(scene, 60)
    clock.forward(minutes=31)
    assert await told(scene) == ["gateway_files_missing"]
    await uploaded(bureau, scene.sender, b"pushed", device="TA00716")
    assert await told(scene) == []
    clock.forward(seconds=1)
    await came_and_went(scene, 60)
    clock.forward(minutes=31)
    assert await told(scene) == ["gateway_files_missing"]
    sent = take()
    await put_init(bureau.deps, scene.device, scene.livestream, sent.init)
    await put(bureau.deps, scene.device, scene.livestream, 1, sent.segments[0])
    assert await told(scene) == []
