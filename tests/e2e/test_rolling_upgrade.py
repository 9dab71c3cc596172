"""While an upgrade rolls, processes of the version before work on the new schema.

Web service and worker of one version are started on a database that is ahead of them, and take
one clip from its first byte to the player.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import asyncpg
import pytest

from recorder.domain.ids import new_uuid
from recorder.store import migrate
from tests.support.running_versions import Running, running
from tests.support.versions import Version, previous_version, this_version
from tests.support.waiting import eventually

#: What a later version may do to a schema that is in use, in every table.
FUTURE = """
DO $$
DECLARE
    the_table text;
BEGIN
    FOR the_table IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN of_the_future text NOT NULL DEFAULT ''later''',
            the_table);
    END LOOP;
END
$$;
CREATE TABLE future_thing (id uuid PRIMARY KEY, recording_id uuid REFERENCES recording);
GRANT SELECT, INSERT, UPDATE ON future_thing TO recorder_service;
CREATE INDEX recording_of_the_future ON recording (of_the_future);
"""


async def takes_a_clip_to_the_player(service: Running, folder: Path, clip: Path) -> str:
    """Sent by the client of that version, sealed, prepared, found, played; gives its name."""
    token = folder / "token.json"
    device = json.loads(service.command("admin", "device", "add", "TA00716", "--json"))
    token.write_text(json.dumps({"token": device["token"]}))
    viewer = ("admin", "token", "add", "feed", "--role", "supervisor", "--json")
    supervisor = json.loads(service.command(*viewer))["token"]
    told = json.loads(
        await asyncio.to_thread(
            service.command,
            *(
                "upload",
                "--server",
                f"http://127.0.0.1:{service.port}",
                "--token-file",
                str(token),
                "--json",
            ),
            *("--state", str(folder / "state"), "--case", "深市监罚〔2026〕12号", str(clip)),
        )
    )
    assert told["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    path = f"/api/v1/recordings/{told['recording']}"

    def prepared() -> bool:
        status, said = service.get(path, supervisor)
        assert status == 200, said
        shown = json.loads(said)
        busy = [t for t in shown["tasks"] if t["state"] in ("pending", "claimed")]
        return shown["integrity"] == "sealed" and not busy

    ready: bool = await eventually(prepared, within=100, what="a sealed and prepared recording")
    assert ready
    status, said = service.get(f"{path}/playback", supervisor)
    assert status == 200, said
    status, played = service.get(json.loads(said)["url"], supervisor)
    assert (status, played[4:8]) == (200, b"ftyp")
    for listed in ("/api/v1/alarms", "/api/v1/work", "/api/v1/work/failed", "/metrics"):
        status, said = service.get(listed, supervisor)
        assert status == 200, (listed, said)
    return str(told["recording"])


async def test_this_version_works_on_a_schema_that_is_ahead_of_it(
    owner_database_url: str, database_url: str, redis_url: str, footage: Path, tmp_path: Path
) -> None:
    newest = migrate.Migration(9000, "future", FUTURE)
    applied = await migrate.migrate(
        owner_database_url, migrations=[*migrate.known_migrations(), newest]
    )
    assert applied == ["9000_future"]
    owner = await asyncpg.connect(owner_database_url)
    try:
        with running(this_version(), database_url, redis_url, tmp_path) as service:
            agency = await owner.fetchval("SELECT id FROM agency")
            unknown = await leave_words_of_the_future(owner, agency)
            clip = footage / "08_faststart.mp4"
            await takes_a_clip_to_the_player(service, tmp_path, clip)
            assert service.command("migrate", "--check") == "The schema is up to date.\n"
        state = await owner.fetchrow("SELECT state, attempt FROM task_run WHERE id = $1", unknown)
        assert state is not None
        assert tuple(state) == ("pending", 0)
    finally:
        await owner.close()


async def leave_words_of_the_future(owner: asyncpg.Connection, agency: object) -> object:
    """A task, an alarm and an event of a kind that this version does not know."""
    run, subject = new_uuid(), new_uuid()
    await owner.execute(
        "INSERT INTO task_run (id, task, queue, priority, subject_kind, subject_id, agency_id,"
        " due_at, created_at)"
        " VALUES ($1, 'foresee', 'io', 1000, 'recording', $2, $3, now(), now())",
        run,
        subject,
        agency,
    )
    await owner.execute(
        "INSERT INTO alarm (id, code, severity, about_kind, about_id, detail, raised_at, seen_at)"
        " VALUES ($1, 'future_alarm', 'critical', 'system', 'future', 'Later.', now(), now())",
        new_uuid(),
    )
    await owner.execute(
        "INSERT INTO custody_event (id, at, name, actor_kind, actor_id, actor_name, agency_id,"
        " subject_kind, subject_id, facts, leaf)"
        " VALUES ($1, now(), 'RecordingForeseen', 'worker', 'w', 'w', $2, 'recording', $3,"
        " '{}', 'x')",
        new_uuid(),
        agency,
        subject,
    )
    return run


@pytest.fixture
def previous(tmp_path: Path) -> Version:
    """The version before this one; this one in a clone without history."""
    place = tmp_path / "previous"
    place.mkdir()
    return previous_version(place)


async def test_the_previous_version_works_on_this_schema_beside_this_version(
    previous: Version, database_url: str, redis_url: str, footage: Path, tmp_path: Path
) -> None:
    assert previous.migrations <= this_version().migrations
    with running(previous, database_url, redis_url, tmp_path) as older:
        clip = footage / "08_faststart.mp4"
        recording = await takes_a_clip_to_the_player(older, tmp_path, clip)
        with running(this_version(), database_url, redis_url, tmp_path) as newer:
            viewer = ("admin", "token", "add", "second", "--role", "supervisor", "--json")
            token = json.loads(newer.command(*viewer))["token"]
            for service in (older, newer):
                status, content = service.get(f"/api/v1/recordings/{recording}/original", token)
                assert (status, content) == (200, clip.read_bytes())
