-- The schema from its first day. Times are timestamptz; units stand in names; states are CHECKs;
-- idempotency is a unique key. Everything that is evidence is written through store/change.py.

-- The service's login is a member of this role; the tables belong to the owner who migrates.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recorder_service') THEN
        CREATE ROLE recorder_service NOLOGIN;
    END IF;
END
$$;

-- An enforcement agency. Everything else belongs to exactly one.
CREATE TABLE agency (
    id uuid PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code <> ''),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A person who signs in. Passwords are argon2id strings.
CREATE TABLE person (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    login text NOT NULL UNIQUE CHECK (login <> ''),
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('officer', 'supervisor', 'administrator')),
    -- Sees every agency.
    city boolean NOT NULL DEFAULT false,
    -- The officer's number, for people who wear cameras.
    officer text,
    password_hash text NOT NULL,
    locale text CHECK (locale IN ('zh_CN', 'en')),
    suspended_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A sign-in of a person; only the hash of the cookie's secret is kept.
CREATE TABLE session (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    person_id uuid NOT NULL REFERENCES person,
    csrf_token text NOT NULL,
    -- From where, IPv6 by its /64: an address that signed in before is not locked out with others.
    address text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_person ON session (person_id);

-- An address that signs one person in once (shown by `recorder demo` and by an operator).
CREATE TABLE login_link (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    person_id uuid NOT NULL REFERENCES person,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

-- Refused sign-ins, for the rate limit; old rows are removed by the clock.
CREATE TABLE sign_in_failure (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login text NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_failure_login ON sign_in_failure (login, at);
CREATE INDEX sign_in_failure_address ON sign_in_failure (address, at);

-- A body camera or other maker of footage. The number is the one it writes itself.
CREATE TABLE device (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    number text NOT NULL UNIQUE CHECK (number <> ''),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'lost')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX device_agency ON device (agency_id);

-- A docking station, which uploads for many devices.
CREATE TABLE dock (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (agency_id, name)
);

-- Who wore which device from when on (R22). The line is open until the next one of the device.
CREATE TABLE device_handover (
    id uuid PRIMARY KEY,
    device_id uuid NOT NULL REFERENCES device,
    -- The officer's number; NULL means handed back.
    officer text,
    at timestamptz NOT NULL,
    noted_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (device_id, at)
);

-- One-time codes by which a device fetches its own token.
CREATE TABLE device_enrolment (
    code_hash bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    device_id uuid NOT NULL REFERENCES device,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

-- Bearer tokens of devices, docks and programs; only the hash is kept.
CREATE TABLE token (
    id uuid PRIMARY KEY,
    secret_hash bytea NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL,
    role text NOT NULL
        CHECK (role IN ('device', 'dock', 'officer', 'supervisor', 'administrator')),
    device_id uuid REFERENCES device,
    dock_id uuid REFERENCES dock,
    city boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CHECK ((role = 'device') = (device_id IS NOT NULL)),
    CHECK ((role = 'dock') = (dock_id IS NOT NULL))
);

-- A resumable transfer. The row is the intent that claims the object key until it is finished.
CREATE TABLE upload (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    -- Kind and id of the sender; nobody else may continue it.
    opened_by text NOT NULL,
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'completing', 'finished', 'removed')),
    length_bytes bigint NOT NULL CHECK (length_bytes >= 0),
    -- Everything before it is durable; an answer never names a higher offset.
    offset_bytes bigint NOT NULL DEFAULT 0 CHECK (offset_bytes BETWEEN 0 AND length_bytes),
    part_bytes bigint NOT NULL CHECK (part_bytes > 0),
    object_key text NOT NULL UNIQUE,
    multipart_id text,
    -- The next part number never used before; numbers are taken before bytes are sent.
    next_part integer NOT NULL DEFAULT 1,
    -- Grows whenever another process takes the upload over; writes of an old holder fail.
    fence bigint NOT NULL DEFAULT 0,
    holder text,
    holder_seen_at timestamptz,
    -- The lock that objects of this upload are given at birth.
    lock_until timestamptz NOT NULL,
    recording_id uuid NOT NULL,
    -- Expired or terminated with bytes: sealed as far as it came.
    ended_early boolean NOT NULL DEFAULT false,
    -- What the sender said, resolved once at creation (domain/footage_facts.py).
    facts jsonb NOT NULL,
    -- The sender's Upload-Metadata header, untouched.
    raw_metadata text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_byte_at timestamptz,
    expires_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX upload_unfinished ON upload (expires_at) WHERE state IN ('open', 'completing');
CREATE INDEX upload_agency ON upload (agency_id, created_at DESC);
CREATE INDEX upload_recording ON upload (recording_id);

-- Durable tails in the staging bucket. The row is written before the bytes, so that no staged
-- object is without one: intended → durable → absorbed (a part holds its bytes) → removed_at.
CREATE TABLE upload_piece (
    object_key text PRIMARY KEY,
    upload_id uuid NOT NULL REFERENCES upload,
    state text NOT NULL DEFAULT 'intended' CHECK (state IN ('intended', 'durable', 'absorbed')),
    offset_bytes bigint NOT NULL,
    length_bytes bigint NOT NULL CHECK (length_bytes > 0),
    sha256 bytea CHECK (length(sha256) = 32),
    version text,
    created_at timestamptz NOT NULL,
    removed_at timestamptz,
    CHECK (state = 'intended' OR (sha256 IS NOT NULL AND version IS NOT NULL))
);
CREATE INDEX upload_piece_durable ON upload_piece (upload_id, offset_bytes)
    WHERE state = 'durable';
CREATE INDEX upload_piece_leftover ON upload_piece (created_at)
    WHERE state <> 'durable' AND removed_at IS NULL;

-- Stored parts in order: the list of what arrived, against which verify compares.
CREATE TABLE upload_part (
    upload_id uuid NOT NULL REFERENCES upload,
    offset_bytes bigint NOT NULL,
    length_bytes bigint NOT NULL CHECK (length_bytes > 0),
    part_number integer NOT NULL CHECK (part_number BETWEEN 1 AND 10000),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    etag text NOT NULL,
    PRIMARY KEY (upload_id, offset_bytes),
    UNIQUE (upload_id, part_number)
);

-- One continuous piece of footage as evidence.
CREATE TABLE recording (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    device_id uuid REFERENCES device,
    -- As the sender gave it, known or not.
    device_number text,
    dock_id uuid REFERENCES dock,
    officer text,
    integrity text NOT NULL
        CHECK (integrity IN ('receiving', 'received', 'sealed', 'mismatched')),
    admission text NOT NULL CHECK (admission IN ('admitted', 'quarantined')),
    quarantine_reasons text[] NOT NULL DEFAULT '{}',
    length_bytes bigint NOT NULL CHECK (length_bytes >= 0),
    -- Who sent it (device, dock or token): within one source, equal content is one recording.
    source text NOT NULL,
    arrival_sha256 bytea NOT NULL CHECK (length(arrival_sha256) = 32),
    declared_sha256 bytea CHECK (length(declared_sha256) = 32),
    -- Made by reading back; NULL until verified.
    sha256 bytea CHECK (length(sha256) = 32),
    sm3 bytea CHECK (length(sm3) = 32),
    original_name text NOT NULL,
    stage text CHECK (stage IN
        ('initiation', 'investigation', 'review', 'decision', 'service', 'enforcement')),
    device_clock_at timestamptz,
    received_at timestamptz NOT NULL,
    clock_offset_ms bigint,
    started_at timestamptz,
    ended_at timestamptz,
    started_at_source text CHECK (started_at_source IN ('metadata', 'file_name', 'media')),
    latitude double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CHECK (longitude BETWEEN -180 AND 180),
    accuracy_m double precision,
    key_file boolean NOT NULL DEFAULT false,
    note text,
    flags text[] NOT NULL DEFAULT '{}',
    -- domain/media.MediaFacts; NULL until probed.
    media jsonb,
    -- How it can be shown; NULL until probed.
    showable text CHECK (showable IN ('as_is', 'remux', 'transcode', 'picture', 'audio', 'none')),
    -- How many cases it is linked to now; the pool of unlinked footage is where it is 0.
    links integer NOT NULL DEFAULT 0 CHECK (links >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    sealed_at timestamptz,
    CHECK (integrity <> 'sealed' OR (sha256 IS NOT NULL AND sm3 IS NOT NULL))
);
CREATE UNIQUE INDEX recording_content ON recording (source, length_bytes, arrival_sha256)
    WHERE integrity <> 'mismatched';
CREATE INDEX recording_agency ON recording (agency_id, created_at DESC, id DESC);
CREATE INDEX recording_newest ON recording (created_at DESC, id DESC);
CREATE INDEX recording_device ON recording (device_number, created_at DESC, id DESC);
CREATE INDEX recording_officer ON recording (agency_id, officer, created_at DESC, id DESC);
CREATE INDEX recording_unlinked ON recording (agency_id, created_at DESC, id DESC)
    WHERE links = 0;
CREATE INDEX recording_unsealed ON recording (created_at) WHERE integrity = 'received';
CREATE INDEX recording_mismatched ON recording (created_at DESC, id DESC)
    WHERE integrity = 'mismatched';
CREATE INDEX recording_time ON recording ((coalesce(started_at, received_at)));
CREATE INDEX recording_flags ON recording USING gin (flags);
CREATE INDEX recording_quarantined ON recording (agency_id, created_at DESC)
    WHERE admission = 'quarantined';

-- The objects that are a recording's original, in order. One for an upload.
CREATE TABLE original_object (
    recording_id uuid NOT NULL REFERENCES recording,
    n integer NOT NULL CHECK (n >= 0),
    object_key text NOT NULL UNIQUE,
    version text NOT NULL,
    length_bytes bigint NOT NULL,
    sha256 bytea CHECK (length(sha256) = 32),
    sm3 bytea CHECK (length(sm3) = 32),
    lock_until timestamptz NOT NULL,
    sidecar_key text NOT NULL,
    sidecar_version text NOT NULL,
    PRIMARY KEY (recording_id, n)
);
CREATE INDEX original_object_lock ON original_object (lock_until);

-- An object whose content another recording already holds; let go when its lock has ended.
CREATE TABLE duplicate_object (
    upload_id uuid PRIMARY KEY REFERENCES upload,
    recording_id uuid NOT NULL REFERENCES recording,
    object_key text NOT NULL,
    version text NOT NULL,
    length_bytes bigint NOT NULL,
    sidecar_key text NOT NULL,
    sidecar_version text NOT NULL,
    lock_until timestamptz NOT NULL,
    original_name text NOT NULL,
    received_at timestamptz NOT NULL,
    released_at timestamptz
);
CREATE INDEX duplicate_object_recording ON duplicate_object (recording_id);
CREATE INDEX duplicate_object_due ON duplicate_object (lock_until) WHERE released_at IS NULL;

-- A case, known by its identifiers.
CREATE TABLE case_file (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    state text NOT NULL CHECK (state IN ('provisional', 'confirmed', 'merged')),
    title text,
    merged_into uuid REFERENCES case_file,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX case_file_agency ON case_file (agency_id, created_at DESC, id DESC);
CREATE INDEX case_file_newest ON case_file (created_at DESC, id DESC);

-- Every number of a case. `key` is compared byte by byte, so that prefixes use the index.
CREATE TABLE case_identifier (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES case_file,
    agency_id uuid NOT NULL REFERENCES agency,
    scheme text NOT NULL CHECK (scheme IN ('case', 'clue', 'inspection', 'filing', 'notice',
        'decision', 'coercion', 'archive', 'scan', 'hotline', 'court')),
    raw text NOT NULL,
    norm text NOT NULL,
    key text COLLATE "C" NOT NULL,
    -- Two- and three-character grams of the key (domain/case_number.py).
    grams text[] COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Key before scheme: prefixes within one organ use it too.
    UNIQUE (agency_id, key, scheme)
);
CREATE INDEX case_identifier_case ON case_identifier (case_id);
CREATE INDEX case_identifier_key ON case_identifier (key);
CREATE INDEX case_identifier_grams ON case_identifier USING gin (grams);

-- Recording and case, many to many; unlinking ends the row and keeps it.
CREATE TABLE case_link (
    id uuid PRIMARY KEY,
    recording_id uuid NOT NULL REFERENCES recording,
    case_id uuid NOT NULL REFERENCES case_file,
    stage text CHECK (stage IN
        ('initiation', 'investigation', 'review', 'decision', 'service', 'enforcement')),
    origin text NOT NULL CHECK (origin IN ('upload', 'person', 'merge')),
    linked_at timestamptz NOT NULL,
    linked_by text NOT NULL,
    reason text,
    unlinked_at timestamptz,
    unlinked_by text,
    unlink_reason text
);
CREATE UNIQUE INDEX case_link_active ON case_link (recording_id, case_id)
    WHERE unlinked_at IS NULL;
CREATE INDEX case_link_case ON case_link (case_id);
CREATE INDEX case_link_recording ON case_link (recording_id);

-- Derived forms of a recording: reproducible, never evidence (R32).
CREATE TABLE rendition (
    id uuid PRIMARY KEY,
    recording_id uuid NOT NULL REFERENCES recording,
    profile text NOT NULL,
    object_key text NOT NULL UNIQUE,
    version text NOT NULL,
    length_bytes bigint NOT NULL,
    media_type text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    sm3 bytea NOT NULL CHECK (length(sm3) = 32),
    parent_sha256 bytea CHECK (length(parent_sha256) = 32),
    parent_arrival_sha256 bytea NOT NULL CHECK (length(parent_arrival_sha256) = 32),
    tool text NOT NULL,
    tool_version text NOT NULL,
    arguments text[] NOT NULL,
    worker text NOT NULL,
    width integer,
    height integer,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    UNIQUE (recording_id, profile)
);

-- A declared task for one subject, with its attempts; PostgreSQL knows, Redis only wakes.
CREATE TABLE task_run (
    id uuid PRIMARY KEY,
    task text NOT NULL,
    queue text NOT NULL CHECK (queue IN ('io', 'media')),
    priority integer NOT NULL,
    subject_kind text NOT NULL,
    subject_id uuid NOT NULL,
    agency_id uuid REFERENCES agency,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'claimed', 'done', 'failed')),
    -- Grows with every claim; a worker's words count only under its own attempt number.
    attempt integer NOT NULL DEFAULT 0,
    -- Outside failures and lost workers so far; limited by the task's tries.
    failures integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    worker text,
    -- {"percent", "speed", "left_s"} in whole numbers, while it runs.
    progress jsonb,
    error_code text,
    error_detail text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (task, subject_kind, subject_id)
);
CREATE INDEX task_run_due ON task_run (queue, priority DESC, due_at) WHERE state = 'pending';
CREATE INDEX task_run_lease ON task_run (lease_until) WHERE state = 'claimed';
CREATE INDEX task_run_subject ON task_run (subject_kind, subject_id);
CREATE INDEX task_run_unfinished ON task_run (agency_id) WHERE state IN ('pending', 'claimed');
CREATE INDEX task_run_failed ON task_run (agency_id, finished_at DESC) WHERE state = 'failed';

-- Something a person must know about. One open alarm for one thing.
CREATE TABLE alarm (
    id uuid PRIMARY KEY,
    code text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
    about_kind text NOT NULL,
    about_id text NOT NULL,
    agency_id uuid REFERENCES agency,
    detail text NOT NULL,
    raised_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    times integer NOT NULL DEFAULT 1,
    acknowledged_at timestamptz,
    acknowledged_by text,
    cleared_at timestamptz,
    cleared_by text,
    note text
);
CREATE UNIQUE INDEX alarm_open ON alarm (code, about_kind, about_id) WHERE cleared_at IS NULL;
CREATE INDEX alarm_newest ON alarm (raised_at DESC, id DESC);

-- A person's permission to play one recording for ten minutes; only the hash is kept.
CREATE TABLE playback_grant (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    recording_id uuid NOT NULL REFERENCES recording,
    profile text NOT NULL,
    -- The person or token it was given to; it serves nobody else.
    actor_id text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX playback_grant_expiry ON playback_grant (expires_at);

-- Facts, append only. `leaf` holds the canonical bytes; a Merkle ledger will stand on them.
CREATE TABLE custody_event (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Readers that follow positions stop below the snapshot's xmin: sequence order is not
    -- commit order.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    name text NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    actor_name text NOT NULL,
    agency_id uuid REFERENCES agency,
    subject_kind text NOT NULL,
    subject_id uuid NOT NULL,
    facts jsonb NOT NULL,
    leaf bytea NOT NULL
);
CREATE INDEX custody_event_subject ON custody_event (subject_kind, subject_id, position);

CREATE FUNCTION refuse_change_of_custody() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custody events are append only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER custody_event_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_custody();

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO recorder_service;
GRANT DELETE ON session, login_link, sign_in_failure, playback_grant TO recorder_service;
REVOKE UPDATE ON custody_event FROM recorder_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO recorder_service;
-- The service asks at its start whether the schema is the one it knows, and never says so itself.
REVOKE INSERT, UPDATE ON schema_migration FROM recorder_service;
