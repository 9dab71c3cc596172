-- Originals of closed livestreams in a few large objects: docs/design/live-compaction.md.

ALTER TABLE original_object ADD COLUMN index_key text;
ALTER TABLE original_object ADD COLUMN index_version text;

CREATE TABLE volume_intent (
    object_key text PRIMARY KEY,
    recording_id uuid NOT NULL REFERENCES recording,
    n integer NOT NULL CHECK (n >= -1),
    first_member integer NOT NULL,
    members integer NOT NULL,
    length_bytes bigint NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    lock_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (recording_id, n)
);

CREATE TABLE livestream_place (
    livestream_id uuid NOT NULL,
    number bigint NOT NULL,
    recording_id uuid NOT NULL,
    n integer NOT NULL,
    offset_bytes bigint NOT NULL CHECK (offset_bytes >= 0),
    PRIMARY KEY (livestream_id, number)
);

CREATE TABLE superseded_object (
    object_key text PRIMARY KEY,
    version text NOT NULL,
    recording_id uuid NOT NULL,
    length_bytes bigint NOT NULL,
    sha256 bytea CHECK (length(sha256) = 32),
    lock_until timestamptz NOT NULL,
    superseded_at timestamptz NOT NULL
);
CREATE INDEX superseded_object_lock ON superseded_object (lock_until);

CREATE FUNCTION supersede_originals(recording uuid, at timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM fixity WHERE recording_id = $1
        AND EXISTS (SELECT FROM volume_intent WHERE recording_id = $1 AND n = -1);
    WITH gone AS (DELETE FROM original_object WHERE recording_id = $1
        AND EXISTS (SELECT FROM volume_intent WHERE recording_id = $1 AND n = -1)
        RETURNING object_key, version, recording_id, length_bytes, sha256, lock_until),
    kept AS (INSERT INTO superseded_object (object_key, version, recording_id, length_bytes,
        sha256, lock_until, superseded_at) SELECT gone.*, $2 FROM gone RETURNING 1)
    SELECT count(*) FROM kept;
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON volume_intent, superseded_object TO recorder_service;
GRANT SELECT, INSERT ON livestream_place TO recorder_service;

-- What was sealed before.
INSERT INTO task_run (id, task, queue, priority, subject_kind, subject_id, agency_id, due_at,
    created_at)
SELECT gen_random_uuid(), 'compact', 'io', 1, 'recording', r.id, r.agency_id, now(), now()
FROM recording r JOIN original_object o ON o.recording_id = r.id AND o.n = 29
WHERE r.livestream_id IS NOT NULL AND r.integrity = 'sealed'
ON CONFLICT DO NOTHING;
