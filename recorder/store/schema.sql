-- The whole schema as it is now: the document to read. The migrations run; a test proves that both
-- build the same database. Times are timestamptz; units stand in names; states are CHECKs;
-- idempotency is a unique key. Evidence is written through store/change.py.

-- The service's login is a member of this role; the tables belong to the owner who migrates.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recorder_service') THEN
        CREATE ROLE recorder_service NOLOGIN;
    END IF;
END
$$;

-- Which migrations this database has had (store/migrate.py).
CREATE TABLE schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    -- SHA-256 of the file; an edited file is refused.
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    -- Services that know no migration of at least this number refuse the database.
    known_at_least integer
);

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

-- Codes of an app (RFC 6238), asked for beside the password.
CREATE TABLE second_factor (
    person_id uuid PRIMARY KEY REFERENCES person,
    -- Base32, as the app has it: codes are computed from it, so no hash can stand in for it.
    secret text NOT NULL,
    begun_at timestamptz NOT NULL,
    -- Until then the person has only seen the secret, and signs in without a code.
    confirmed_at timestamptz,
    -- The newest time step whose code was used: none counts twice.
    last_step bigint NOT NULL DEFAULT 0
);

-- One-time codes for who lost the app.
CREATE TABLE recovery_code (
    code_hash bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    person_id uuid NOT NULL REFERENCES person,
    made_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX recovery_code_person ON recovery_code (person_id);

-- A sign-in of a person; only the hash of the cookie's secret is kept.
CREATE TABLE session (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    person_id uuid NOT NULL REFERENCES person,
    csrf_token text NOT NULL,
    -- From where, IPv6 by its /64: an address that signed in before is not locked out with others.
    address text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- Its name in lists; good for nothing else.
    id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    -- When its person last asked for something, to the minute.
    seen_at timestamptz NOT NULL DEFAULT now(),
    -- The password was right and the code is still to come: it opens nothing.
    awaits_code boolean NOT NULL DEFAULT false
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

-- What one asker has spent of a limit, such as searches in a minute (docs/design/limits.md).
-- Unlogged: counting costs no wait for the disk, and a server that crashed begins anew.
CREATE UNLOGGED TABLE allowance (
    what text NOT NULL,
    -- Kind and id of the actor.
    asker text NOT NULL,
    -- When everything spent so far is earned back.
    spent_until timestamptz NOT NULL,
    PRIMARY KEY (what, asker)
) WITH (fillfactor = 50);

-- Streams of news that somebody listens to, in any process.
CREATE UNLOGGED TABLE open_stream (
    id uuid PRIMARY KEY,
    asker text NOT NULL,
    -- At the latest: that of a killed process is over by then.
    ends_at timestamptz NOT NULL
);
CREATE INDEX open_stream_asker ON open_stream (asker);

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

-- One file of a registry that was taken (docs/design/registries.md); its rows name it.
CREATE TABLE registry_import (
    id uuid PRIMARY KEY,
    -- Of whoever imported; NULL: of every agency.
    agency_id uuid REFERENCES agency,
    kind text NOT NULL CHECK (kind IN ('organisations', 'officers', 'devices', 'handovers',
        'rosters', 'matters', 'subjects', 'entrustments', 'holidays')),
    file_name text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    length_bytes bigint NOT NULL CHECK (length_bytes >= 0),
    rows integer NOT NULL CHECK (rows >= 0),
    added integer NOT NULL CHECK (added >= 0),
    changed integer NOT NULL CHECK (changed >= 0),
    ended integer NOT NULL CHECK (ended >= 0),
    imported_by text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX registry_import_newest ON registry_import (at DESC, id DESC);

-- What is said of an agency for a span of days. As all rows of registries: valid_from and valid_to
-- are its first and last day, infinity where they are open; a row is never overwritten, only
-- superseded by others, so that it can be asked what was known at any time of any day.
CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL,
    short_name text NOT NULL DEFAULT '',
    kind text NOT NULL
        CHECK (kind IN ('city', 'district', 'street', 'bureau', 'branch', 'entrusted')),
    parent_id uuid REFERENCES agency,
    -- Unified social credit code as it was written; a wrong check digit is flagged, not lost.
    uscc text NOT NULL DEFAULT '',
    uscc_valid boolean NOT NULL DEFAULT true,
    region text NOT NULL DEFAULT '',
    -- The agencies whose place it took.
    predecessors uuid[] NOT NULL DEFAULT '{}',
    -- In whose name an entrusted body or a branch acts.
    on_behalf_of uuid REFERENCES agency,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to),
    CHECK (parent_id <> agency_id)
);
CREATE UNIQUE INDEX organisation_agency ON organisation (agency_id, valid_from)
    WHERE superseded_at IS NULL;
CREATE INDEX organisation_uscc ON organisation (uscc) WHERE superseded_at IS NULL;

-- Which other agencies people of an agency see, as the tree stands now; made from organisation.
CREATE TABLE agency_reach (
    agency_id uuid NOT NULL REFERENCES agency,
    seen_id uuid NOT NULL REFERENCES agency,
    -- A branch: they also act there.
    acts boolean NOT NULL,
    PRIMARY KEY (agency_id, seen_id),
    CHECK (agency_id <> seen_id)
);

-- The one filter of every list: whether a row's agency is among those that the asker sees; NULL
-- sees all. It is inlined, and one agency is compared as such, for the plan of a plain column.
CREATE FUNCTION in_scope(agency uuid, seen uuid[]) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$
    SELECT seen IS NULL OR (cardinality(seen) = 1 AND agency = seen[1])
        OR (cardinality(seen) <> 1 AND agency = ANY (seen))
$$;

-- Numbers of officers exist once in a city: recordings and hand-overs name them by nothing else.
CREATE TABLE officer (
    id uuid PRIMARY KEY,
    number text NOT NULL CHECK (number <> ''),
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL,
    -- As devices know the officer (GA/T 947: 6 characters).
    user_number text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX officer_number ON officer (number, valid_from) WHERE superseded_at IS NULL;
CREATE INDEX officer_agency ON officer (agency_id, number) WHERE superseded_at IS NULL;
CREATE INDEX officer_user_number ON officer (user_number)
    WHERE superseded_at IS NULL AND user_number <> '';

CREATE TABLE officer_certificate (
    id uuid PRIMARY KEY,
    officer text NOT NULL CHECK (officer <> ''),
    number text NOT NULL CHECK (number <> '' AND length(number) <= 32),
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX officer_certificate_officer
    ON officer_certificate (officer, number, valid_from) WHERE superseded_at IS NULL;
CREATE INDEX officer_certificate_number ON officer_certificate (number)
    WHERE superseded_at IS NULL;

-- The fields of a device by GA/T 947, as somebody wrote them: codes are text.
CREATE TABLE device_registration (
    id uuid PRIMARY KEY,
    device_id uuid NOT NULL REFERENCES device,
    agency_id uuid NOT NULL REFERENCES agency,
    serial text NOT NULL DEFAULT '',
    user_number text NOT NULL DEFAULT '',
    user_name text NOT NULL DEFAULT '',
    unit_number text NOT NULL DEFAULT '',
    unit_name text NOT NULL DEFAULT '',
    -- The names as the device holds them, where they came as bytes.
    user_name_raw bytea,
    unit_name_raw bytea,
    -- Its 20 digits by GB/T 28181, where it has any.
    gb28181 text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX device_registration_device ON device_registration (device_id, valid_from)
    WHERE superseded_at IS NULL;
CREATE INDEX device_registration_gb28181 ON device_registration (gb28181)
    WHERE superseded_at IS NULL AND gb28181 <> '';

-- A row of the list of powers (职权事项).
CREATE TABLE matter (
    id uuid PRIMARY KEY,
    code text NOT NULL CHECK (code <> ''),
    name text NOT NULL,
    act_type text CHECK (act_type IN
        ('penalty', 'inspection', 'coercion', 'licence', 'levy', 'requisition')),
    agency_id uuid NOT NULL REFERENCES agency,
    legal_basis text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX matter_code ON matter (code, agency_id, valid_from)
    WHERE superseded_at IS NULL;
CREATE INDEX matter_agency ON matter (agency_id, code) WHERE superseded_at IS NULL;

-- A published subject of enforcement (执法主体公告).
CREATE TABLE enforcement_subject (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('statutory', 'authorised')),
    announced_at date,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX enforcement_subject_agency
    ON enforcement_subject (agency_id, name, valid_from) WHERE superseded_at IS NULL;

-- Whom an agency lets act in its name (委托), matter by matter; an empty matter means every one.
CREATE TABLE entrustment (
    id uuid PRIMARY KEY,
    -- The principal: in whose name.
    agency_id uuid NOT NULL REFERENCES agency,
    agent_id uuid NOT NULL REFERENCES agency,
    matter text NOT NULL DEFAULT '',
    document text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to),
    CHECK (agency_id <> agent_id)
);
CREATE UNIQUE INDEX entrustment_principal
    ON entrustment (agency_id, agent_id, matter, valid_from) WHERE superseded_at IS NULL;
CREATE INDEX entrustment_agent ON entrustment (agent_id, matter) WHERE superseded_at IS NULL;

-- Who is on duty when, and for what (排班).
CREATE TABLE roster (
    id uuid PRIMARY KEY,
    officer text NOT NULL CHECK (officer <> ''),
    agency_id uuid NOT NULL REFERENCES agency,
    begins_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    -- What the officer is to do: words, or the number of a case or inspection.
    duty text NOT NULL DEFAULT '',
    cancelled boolean NOT NULL DEFAULT false,
    -- The day on which it begins, in China.
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to),
    CHECK (begins_at < ends_at)
);
CREATE UNIQUE INDEX roster_officer ON roster (officer, begins_at) WHERE superseded_at IS NULL;
CREATE INDEX roster_agency ON roster (agency_id, begins_at) WHERE superseded_at IS NULL;

-- Days that are no working days although the week says so, and the other way round.
CREATE TABLE holiday (
    id uuid PRIMARY KEY,
    day date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('holiday', 'workday')),
    name text NOT NULL DEFAULT '',
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX holiday_day ON holiday (day) WHERE superseded_at IS NULL;

-- What needs two persons: one proposes, another decides (docs/design/registries.md).
CREATE TABLE approval (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL CHECK (kind <> ''),
    subject_id uuid NOT NULL,
    title text NOT NULL,
    -- SHA-256 of what was proposed: nothing else can be approved.
    digest bytea NOT NULL CHECK (length(digest) = 32),
    proposed_by_kind text NOT NULL,
    proposed_by_id text NOT NULL,
    proposed_by_name text NOT NULL,
    proposed_by_officer text,
    proposed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'proposed'
        CHECK (state IN ('proposed', 'approved', 'refused', 'expired', 'withdrawn')),
    -- NULL: by the clock, or not yet.
    decided_by_kind text,
    decided_by_id text,
    decided_by_name text,
    decided_by_officer text,
    decided_at timestamptz,
    reason text,
    CHECK ((state = 'proposed') = (decided_at IS NULL)),
    -- Whatever the service believes: nobody approves the own proposal.
    CHECK (state NOT IN ('approved', 'refused')
        OR (decided_by_id IS NOT NULL AND decided_by_kind = 'person'
            AND (decided_by_kind, decided_by_id) <> (proposed_by_kind, proposed_by_id)))
);
CREATE UNIQUE INDEX approval_open ON approval (kind, subject_id) WHERE state = 'proposed';
CREATE INDEX approval_due ON approval (expires_at) WHERE state = 'proposed';
CREATE INDEX approval_subject ON approval (kind, subject_id, proposed_at);
CREATE INDEX approval_newest ON approval (proposed_at DESC, id DESC);

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
        CHECK (role IN
            ('device', 'dock', 'officer', 'supervisor', 'administrator', 'source', 'reader',
             'embedder')),
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
    finished_at timestamptz,
    -- How often it could not be ended, and when that is tried again.
    end_tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz
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
    -- In the folder store: the bytes lie at their place in the file of the writer with this fence.
    fence bigint,
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
        CHECK (integrity IN ('receiving', 'received', 'sealed', 'mismatched', 'simulated')),
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
    started_at_source text
        CHECK (started_at_source IN ('metadata', 'file_name', 'media', 'arrival')),
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
    -- When its case was last looked for by rule; NULL: is to be looked for (attribution.md).
    attributed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    sealed_at timestamptz,
    CHECK (integrity <> 'sealed' OR (sha256 IS NOT NULL AND sm3 IS NOT NULL)),
    -- Footage of an invented city: facts without a byte.
    CONSTRAINT recording_simulated CHECK (integrity <> 'simulated'
        OR (source = 'simulated' AND length_bytes = 0 AND num_nonnulls(sha256, sm3, sealed_at) = 0))
);
CREATE UNIQUE INDEX recording_content ON recording (source, length_bytes, arrival_sha256)
    WHERE integrity <> 'mismatched';
CREATE INDEX recording_agency ON recording (agency_id, created_at DESC, id DESC);
CREATE INDEX recording_newest ON recording (created_at DESC, id DESC);
CREATE INDEX recording_device ON recording (device_number, created_at DESC, id DESC);
CREATE INDEX recording_officer_newest ON recording (officer, created_at DESC, id DESC);
CREATE INDEX recording_unlinked ON recording (agency_id, created_at DESC, id DESC)
    WHERE links = 0;
CREATE INDEX recording_unattributed ON recording (created_at)
    WHERE links = 0 AND attributed_at IS NULL AND integrity = 'sealed' AND admission = 'admitted';
CREATE INDEX recording_unsealed ON recording (created_at) WHERE integrity = 'received';
CREATE INDEX recording_mismatched ON recording (created_at DESC, id DESC)
    WHERE integrity = 'mismatched';
-- Lists by when footage began are in that order.
CREATE INDEX recording_time ON recording ((coalesce(started_at, received_at)) DESC, id DESC);
CREATE INDEX recording_agency_time
    ON recording (agency_id, (coalesce(started_at, received_at)) DESC, id DESC);
CREATE INDEX recording_name ON recording ((lower(original_name) COLLATE "C"));
CREATE INDEX recording_flags ON recording USING gin (flags);
CREATE INDEX recording_quarantined ON recording (agency_id, created_at DESC)
    WHERE admission = 'quarantined';
CREATE INDEX recording_quarantined_newest ON recording (created_at DESC, id DESC)
    WHERE admission = 'quarantined';

-- Footage that did not arrive on the day on which it began: what of it is still in its term (R49).
CREATE INDEX recording_came_later ON recording (agency_id, received_at, started_at)
    WHERE (received_at AT TIME ZONE interval '8 hours')::date
        > (started_at AT TIME ZONE interval '8 hours')::date;

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
    -- False: a live copy that a person released; its lock may end.
    lock_kept boolean NOT NULL DEFAULT true,
    -- Of a volume: the locked index beside it.
    index_key text,
    index_version text,
    PRIMARY KEY (recording_id, n)
);
CREATE INDEX original_object_lock ON original_object (lock_until);

-- When each object of a sealed original was last read back (docs/design/fixity.md). No evidence: what
-- a look found is a custody event.
CREATE TABLE fixity (
    recording_id uuid NOT NULL,
    n integer NOT NULL,
    -- When it was last read whole and was what was sealed; the sealing is the first time.
    agreed_at timestamptz NOT NULL,
    -- When a look at it last came to its end, however it ended: the oldest comes next.
    looked_at timestamptz NOT NULL,
    -- Looks in a row that the store cut short, and the moment before which there is no other.
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    -- Stays when a later look agrees again: the page goes on saying so.
    failed_at timestamptz,
    failure text CHECK (failure IN ('digest', 'length', 'missing', 'unreadable')),
    -- The last look is in no FixityChecked event yet.
    untold boolean NOT NULL DEFAULT false,
    PRIMARY KEY (recording_id, n),
    FOREIGN KEY (recording_id, n) REFERENCES original_object,
    CHECK ((failed_at IS NULL) = (failure IS NULL))
);
CREATE INDEX fixity_oldest ON fixity (looked_at);
CREATE INDEX fixity_failed ON fixity (failed_at) WHERE failed_at IS NOT NULL;
CREATE INDEX fixity_untold ON fixity (looked_at) WHERE untold;

-- A trigger, so that what the release before this one seals is read back as well.
CREATE FUNCTION begin_fixity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO fixity (recording_id, n, agreed_at, looked_at)
    SELECT o.recording_id, o.n, NEW.sealed_at, NEW.sealed_at FROM original_object o
    WHERE o.recording_id = NEW.id ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER recording_sealed
    AFTER UPDATE OF integrity ON recording FOR EACH ROW
    WHEN (NEW.integrity = 'sealed' AND OLD.integrity <> 'sealed')
    EXECUTE FUNCTION begin_fixity();

-- Work that one process of the installation does at a time, and until when it is believed to live.
CREATE TABLE turn (
    name text PRIMARY KEY,
    holder text NOT NULL,
    held_until timestamptz NOT NULL
);

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
    -- What people say of its class (R38); sources say it in feed_case.
    classes text[] NOT NULL DEFAULT '{}'
        CHECK (classes <@ ARRAY['evidence', 'obstruction', 'mass_incident', 'major',
        'first_breach', 'slight_breach']),
    CHECK ((state = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX case_file_agency ON case_file (agency_id, created_at DESC, id DESC);
CREATE INDEX case_file_newest ON case_file (created_at DESC, id DESC);
CREATE INDEX case_file_classed ON case_file (agency_id) WHERE classes <> '{}';

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
    CONSTRAINT case_identifier_agency_id_key_scheme_key
        UNIQUE (agency_id, key, scheme) INCLUDE (case_id)
);
-- How common each gram is decides how a piece of a number is sought (store/case_search.py).
ALTER TABLE case_identifier ALTER COLUMN grams SET STATISTICS 300;
-- Newest cases first, with their keys and nothing else read: for everybody and for one agency.
CREATE INDEX case_identifier_newest ON case_identifier (case_id) INCLUDE (key);
CREATE INDEX case_identifier_agency ON case_identifier (agency_id, case_id) INCLUDE (key);
CREATE INDEX case_identifier_beginning ON case_identifier (key) INCLUDE (case_id);
CREATE INDEX case_identifier_grams ON case_identifier USING gin (grams);

-- Recording and case, many to many; unlinking ends the row and keeps it.
CREATE TABLE case_link (
    id uuid PRIMARY KEY,
    recording_id uuid NOT NULL REFERENCES recording,
    case_id uuid NOT NULL REFERENCES case_file,
    stage text CHECK (stage IN
        ('initiation', 'investigation', 'review', 'decision', 'service', 'enforcement')),
    origin text NOT NULL CHECK (origin IN ('upload', 'person', 'merge', 'rule')),
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

-- Cases whose coverage must be evaluated again (docs/design/coverage.md). No foreign key: whoever
-- commits many changes must not wait for a merge that waits for the row.
CREATE TABLE coverage_due (
    case_id uuid PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now(),
    -- When time alone changes the answer, such as a deadline that passes; else at once.
    due_at timestamptz NOT NULL DEFAULT '-infinity',
    -- One of very many, such as after a new list: what happened today goes before it.
    bulk boolean NOT NULL DEFAULT false,
    because text NOT NULL
);
CREATE INDEX coverage_due_next ON coverage_due (bulk, due_at, since);
-- Others that an evaluation found to be concerned, which are touched behind its commit.
CREATE TABLE coverage_partner (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    case_id uuid NOT NULL
);

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

-- A session that delivers segments as they are recorded (docs/design/live.md).
CREATE TABLE livestream (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    device_id uuid REFERENCES device,
    device_number text,
    dock_id uuid REFERENCES dock,
    officer text,
    title text NOT NULL CHECK (title <> ''),
    stage text CHECK (stage IN
        ('initiation', 'investigation', 'review', 'decision', 'service', 'enforcement')),
    case_numbers text[] NOT NULL DEFAULT '{}',
    -- Kind and id of the opener; it and the device itself deliver, nobody else.
    opened_by text NOT NULL,
    source text NOT NULL,
    quarantine_reasons text[] NOT NULL DEFAULT '{}',
    flags text[] NOT NULL DEFAULT '{}',
    -- pushed: the sender numbers its segments; received: a process of ours does, as they come;
    -- chunked: the sender numbers chunks, slices of one file for each period, cut anywhere.
    form text NOT NULL CHECK (form IN ('pushed', 'received', 'chunked')),
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'live', 'interrupted', 'closing', 'closed')),
    key_prefix text NOT NULL UNIQUE,
    -- Version of the locked description `opened.json`; NULL until it is written.
    opening_version text,
    device_clock_at timestamptz,
    clock_offset_ms bigint,
    created_at timestamptz NOT NULL,
    first_arrival_at timestamptz,
    last_arrival_at timestamptz,
    -- Of stored segments: the highest number, how many, and their bytes with the init segments'.
    highest_number bigint NOT NULL DEFAULT 0,
    segments bigint NOT NULL DEFAULT 0,
    length_bytes bigint NOT NULL DEFAULT 0,
    interrupted_at timestamptz,
    closing_at timestamptz,
    -- What the sender said is its last one.
    last_number bigint CHECK (last_number >= 0),
    closed_at timestamptz,
    recording_id uuid REFERENCES recording,
    -- The recording that is being made of what is there; named before its manifest is written.
    sealing_id uuid,
    -- The process that receives it, for the form `received`; words under an old fence count nothing.
    holder text,
    fence bigint NOT NULL DEFAULT 0,
    held_until timestamptz,
    -- Of what its chunks are slices; NULL where it consists of segments.
    media_type text,
    -- Where it was opened, if the device said so.
    latitude double precision,
    longitude double precision,
    accuracy_m double precision,
    CONSTRAINT livestream_chunked CHECK ((form = 'chunked') = (media_type IS NOT NULL))
);
CREATE INDEX livestream_agency ON livestream (agency_id, created_at DESC, id DESC);
CREATE INDEX livestream_newest ON livestream (created_at DESC, id DESC);
CREATE INDEX livestream_running ON livestream (id) WHERE state <> 'closed';
-- Until when its description is locked; NULL: nobody has looked yet.
ALTER TABLE livestream ADD COLUMN opening_lock_until timestamptz;
-- The highest numbers that waited in the spool of an ingest process: its sealing waits for them.
ALTER TABLE livestream ADD COLUMN promised_period integer, ADD COLUMN promised_number bigint;
-- What its source offers and is not taken, as the source calls it.
ALTER TABLE livestream ADD COLUMN left_out text[] NOT NULL DEFAULT '{}';
-- When whoever fetches it said last that media are in its hands and cannot go up.
ALTER TABLE livestream ADD COLUMN heard_at timestamptz;
-- The one that is over and that its publisher goes on with. No reference: a rebuild may find the
-- second one first.
ALTER TABLE livestream ADD COLUMN continues_id uuid;
CREATE INDEX livestream_continuing ON livestream (continues_id, created_at)
    WHERE continues_id IS NOT NULL;
CREATE INDEX livestream_opening_lock
    ON livestream ((coalesce(opening_lock_until, '-infinity'::timestamptz)))
    WHERE opening_version IS NOT NULL;

-- One codec configuration, one init segment; why it began is also the cause of the gap before it.
CREATE TABLE livestream_period (
    livestream_id uuid NOT NULL REFERENCES livestream,
    number integer NOT NULL CHECK (number > 0),
    cause text NOT NULL CHECK (cause IN ('start', 'reconnect', 'silence', 'time_jump',
        'codec_change', 'taken_over', 'discontinuity', 'media_lost', 'ingest_failed', 'unknown')),
    -- domain/fragments.Track; empty where the init segment cannot be read.
    tracks jsonb NOT NULL DEFAULT '[]',
    began_at timestamptz NOT NULL,
    -- In chunks: which one begins with an init segment, and how long that is.
    init_number bigint,
    init_length_bytes bigint CHECK (init_length_bytes > 0),
    -- In chunks of WebM: how far they have been followed (domain/webm.Walk).
    walk jsonb,
    PRIMARY KEY (livestream_id, number)
);

-- Segments and init segments. The row is written before the bytes: intended → stored, or
-- conflicting when the number has another body already; that one is kept beside it.
CREATE TABLE livestream_segment (
    livestream_id uuid NOT NULL REFERENCES livestream,
    -- From 1 on over all periods; the init segment of period p has −p.
    number bigint NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    sm3 bytea NOT NULL CHECK (length(sm3) = 32),
    period integer NOT NULL CHECK (period > 0),
    state text NOT NULL DEFAULT 'intended'
        CHECK (state IN ('intended', 'stored', 'conflicting')),
    object_key text NOT NULL UNIQUE,
    version text,
    length_bytes bigint NOT NULL CHECK (length_bytes > 0),
    lock_until timestamptz NOT NULL,
    -- Of the segment with the number before, as soon as both are there.
    previous_sha256 bytea CHECK (length(previous_sha256) = 32),
    -- Three clocks: in the media, the device's at the first frame, and ours when all of it was here.
    media_time_us bigint,
    duration_us bigint,
    keyframe boolean,
    device_at timestamptz,
    arrived_at timestamptz NOT NULL,
    -- Stands in a LivestreamSegmentsReceived event.
    told boolean NOT NULL DEFAULT false,
    recording_id uuid REFERENCES recording,
    -- Whether the segment with the number before is stored, in the same period.
    follows boolean NOT NULL DEFAULT false,
    PRIMARY KEY (livestream_id, number, sha256),
    CHECK (number > 0 OR number = -period),
    CHECK (state = 'intended' OR version IS NOT NULL)
);
CREATE UNIQUE INDEX livestream_segment_one ON livestream_segment (livestream_id, number)
    WHERE state = 'stored';
CREATE INDEX livestream_segment_untold ON livestream_segment (livestream_id, number)
    WHERE NOT told AND state = 'stored';
CREATE INDEX livestream_segment_unsealed ON livestream_segment (livestream_id, period, number)
    WHERE recording_id IS NULL AND state = 'stored';
CREATE INDEX livestream_segment_lock ON livestream_segment (lock_until)
    WHERE recording_id IS NULL AND state <> 'intended';
CREATE INDEX livestream_segment_edge ON livestream_segment (livestream_id, number)
    WHERE NOT follows AND state = 'stored' AND number > 0;

-- What reached us and can never be stored: its file in a spool was damaged by the disk. Nobody waits
-- for it. Init segments have the number of their period, negative.
CREATE TABLE livestream_loss (
    livestream_id uuid NOT NULL REFERENCES livestream,
    number bigint NOT NULL CHECK (number <> 0),
    period integer NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (livestream_id, number)
);

-- The beginning of the playlist of a running livestream, in stretches behind each other. No evidence:
-- it says what the segments say, and goes when the livestream is closed.
CREATE TABLE livestream_stretch (
    livestream_id uuid NOT NULL REFERENCES livestream,
    -- It lists what stands behind this number, to `reached_number`.
    after_number bigint NOT NULL CHECK (after_number >= 0),
    reached_number bigint NOT NULL,
    segments integer NOT NULL CHECK (segments > 0),
    last_number bigint NOT NULL,
    last_period integer NOT NULL,
    first_us bigint NOT NULL,
    longest_us bigint NOT NULL,
    independent boolean NOT NULL,
    lines text NOT NULL,
    PRIMARY KEY (livestream_id, after_number),
    CHECK (after_number < last_number AND last_number <= reached_number)
);

-- Volumes: the original of a closed livestream in a few large objects (docs/design/live-compaction.md).
-- What is about to be one, and the index beside them (n = −1), is claimed here before its bytes.
CREATE TABLE volume_intent (
    object_key text PRIMARY KEY,
    recording_id uuid NOT NULL REFERENCES recording,
    n integer NOT NULL CHECK (n >= -1),
    -- Which of the small objects it holds, in the order of the original.
    first_member integer NOT NULL,
    members integer NOT NULL,
    length_bytes bigint NOT NULL,
    -- How many were given up in its place.
    attempt integer NOT NULL DEFAULT 0,
    lock_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (recording_id, n)
);

-- In which volume the bytes of a number lie. No foreign keys: a day has 43,200 rows.
CREATE TABLE livestream_place (
    livestream_id uuid NOT NULL,
    number bigint NOT NULL,
    recording_id uuid NOT NULL,
    n integer NOT NULL,
    offset_bytes bigint NOT NULL CHECK (offset_bytes >= 0),
    PRIMARY KEY (livestream_id, number)
);

-- Objects that are no original any more, volumes that were given up among them; let go when their
-- own lock has ended, and then their row goes. No foreign key, as above.
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

-- The only way in which rows of originals go: into superseded ones, with their index claimed. The
-- service itself may not delete them.
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

-- The livestream a recording was (no foreign key: each table would refer to the other), and the
-- recording that was made at its closing, for what came later.
ALTER TABLE recording ADD COLUMN livestream_id uuid;
ALTER TABLE recording ADD COLUMN continues uuid REFERENCES recording;
-- The livestream of which a gateway wrote this copy (no foreign key: a rebuild may find it first).
ALTER TABLE recording ADD COLUMN copy_of uuid;
-- Grounds on which only some may watch it: those of its restrictions that stand.
ALTER TABLE recording ADD COLUMN restrictions text[] NOT NULL DEFAULT '{}';
CREATE INDEX recording_restricted ON recording (created_at DESC, id DESC) WHERE restrictions <> '{}';
-- From whom or what somebody has it who brought it; NULL: a device, dock or gateway did. And with
-- what it was made, as its sender says.
ALTER TABLE recording ADD COLUMN provenance text
    CHECK (provenance IN ('party', 'witness', 'surveillance', 'organ', 'card', 'other', 'unsaid'));
ALTER TABLE recording ADD COLUMN camera text
    CHECK (camera IN ('body', 'vehicle', 'room', 'surveillance', 'drone', 'phone', 'hand', 'sound',
        'other'));
-- Classes whose footage is kept for good (R38), as people say of it alone.
ALTER TABLE recording ADD COLUMN classes text[] NOT NULL DEFAULT '{}'
    CHECK (classes <@ ARRAY['evidence', 'obstruction', 'mass_incident', 'major',
        'first_breach', 'slight_breach']);
CREATE INDEX recording_classes ON recording USING gin (classes) WHERE classes <> '{}';
-- What became of the review without which fixed monitoring is no evidence (R14).
ALTER TABLE recording ADD COLUMN content_review text
    CHECK (content_review IN ('passed', 'refused'));
CREATE INDEX recording_monitoring ON recording (created_at DESC, id DESC)
    WHERE camera = 'surveillance' OR provenance = 'surveillance';
-- How many live marks it bears.
ALTER TABLE recording ADD COLUMN marks integer NOT NULL DEFAULT 0 CHECK (marks >= 0);
CREATE INDEX recording_provenance ON recording (provenance, created_at DESC, id DESC)
    WHERE provenance IS NOT NULL;
CREATE INDEX recording_copy_of ON recording (copy_of) WHERE copy_of IS NOT NULL;
CREATE INDEX recording_livestream ON recording (livestream_id) WHERE livestream_id IS NOT NULL;

-- Where media of a closed livestream are missing or do not join, as it was at the closing.
CREATE TABLE livestream_gap (
    recording_id uuid NOT NULL REFERENCES recording,
    n integer NOT NULL,
    begins_at timestamptz,
    ends_at timestamptz,
    clock text NOT NULL CHECK (clock IN ('device', 'arrival')),
    cause text NOT NULL,
    first_missing bigint,
    last_missing bigint,
    PRIMARY KEY (recording_id, n)
);

-- A device's own file beside the recording of its livestream (docs/design/live-card-copy.md).
CREATE TABLE card_copy (
    live_id uuid NOT NULL REFERENCES recording,
    card_id uuid NOT NULL REFERENCES recording,
    -- proposed: the rule is not sure, a person decides.
    state text NOT NULL CHECK (state IN ('proposed', 'matched', 'rejected')),
    origin text NOT NULL CHECK (origin IN ('rule', 'person')),
    overlap_ms bigint NOT NULL CHECK (overlap_ms >= 0),
    -- Of the shorter one.
    share_permille integer NOT NULL CHECK (share_permille BETWEEN 0 AND 1000),
    -- How much further ahead the device's clock was for the file; NULL where unknown.
    clock_shift_ms bigint,
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    reason text,
    PRIMARY KEY (live_id, card_id)
);
CREATE INDEX card_copy_card ON card_copy (card_id);

-- Whether a live copy that has a card copy may let its locks end; what was decided before is told
-- by custody events.
CREATE TABLE live_copy_release (
    recording_id uuid PRIMARY KEY REFERENCES recording,
    released boolean NOT NULL,
    at timestamptz NOT NULL,
    decided_by text NOT NULL,
    reason text NOT NULL
);

-- A person's permission to watch one livestream, or what one recording has of it, for ten minutes;
-- only the hash is kept.
CREATE TABLE livestream_ticket (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    livestream_id uuid NOT NULL REFERENCES livestream,
    recording_id uuid REFERENCES recording,
    -- The person or token it was given to; it serves nobody else.
    actor_id text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX livestream_ticket_expiry ON livestream_ticket (expires_at);

-- A key that delivers one livestream and does nothing else, while its opener may be signed out;
-- only the hash is kept.
CREATE TABLE livestream_push_key (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    livestream_id uuid NOT NULL REFERENCES livestream,
    -- The opener, as custody events name it.
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    actor_name text NOT NULL,
    agency_id uuid NOT NULL REFERENCES agency,
    expires_at timestamptz NOT NULL
);
CREATE INDEX livestream_push_key_expiry ON livestream_push_key (expires_at);
-- A media server of others that asks us before it lets a publisher in; it uploads as the dock of its
-- name. Of the secret in the address of its hooks only the hash is kept.
CREATE TABLE gateway (
    dock_id uuid PRIMARY KEY REFERENCES dock,
    kind text NOT NULL CHECK (kind IN ('mediamtx', 'srs', 'zlmediakit', 'nginx-rtmp')),
    secret_hash bytea NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    -- Applications whose publishers the gateway has known by other means (GB/T 28181, JT/T 1078).
    trusted_apps text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    -- When it last said something, to the minute.
    heard_at timestamptz
);

-- What hooks said about each stream: hints, in whatever order and number they came. No evidence.
CREATE TABLE gateway_stream (
    gateway_id uuid NOT NULL REFERENCES gateway,
    -- Application and name as the gateway says them.
    stream text NOT NULL,
    protocol text,
    accepted integer NOT NULL DEFAULT 0,
    accepted_at timestamptz,
    accepted_address text,
    began_at timestamptz,
    ended_at timestamptz,
    refused integer NOT NULL DEFAULT 0,
    refused_at timestamptz,
    refused_address text,
    -- Why the last one was not let in (domain/gateway.py).
    refusal text,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (gateway_id, stream)
);

-- Files that a gateway said are finished, and files of it that arrived: one row where both are so.
-- What was announced and has no recording is still to come, or lost.
CREATE TABLE gateway_file (
    gateway_id uuid NOT NULL REFERENCES gateway,
    -- As it was said or sent first; the other one may say more or less of the folders before it.
    path text NOT NULL,
    -- Its last part.
    name text NOT NULL,
    announced_at timestamptz,
    recording_id uuid REFERENCES recording,
    arrived_at timestamptz,
    PRIMARY KEY (gateway_id, path),
    CHECK ((recording_id IS NULL) = (arrived_at IS NULL))
);
CREATE INDEX gateway_file_name ON gateway_file (gateway_id, name);
CREATE INDEX gateway_file_awaited ON gateway_file (gateway_id, announced_at)
    WHERE recording_id IS NULL;

-- Where we fetch a livestream from; the address is sealed with a key that lies in no database.
CREATE TABLE livestream_source (
    livestream_id uuid PRIMARY KEY REFERENCES livestream,
    protocol text NOT NULL,
    -- Host and port, to show; user, password and path are in the sealed address only.
    host text NOT NULL,
    -- NULL once the livestream needs it no more.
    sealed_address bytea,
    trouble text,
    trouble_at timestamptz,
    -- How far it was taken; what stands before it is never taken again.
    bookmark text
);
CREATE INDEX livestream_source_wanted ON livestream_source (livestream_id)
    WHERE sealed_address IS NOT NULL;

-- What somebody points out in footage: on a livestream while it runs, and on recordings. A
-- livestream's marks get their place in the recording when that is made.
CREATE TABLE mark (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    livestream_id uuid REFERENCES livestream,
    recording_id uuid REFERENCES recording,
    kind text NOT NULL CHECK (kind IN (
        'important', 'violation', 'scene', 'person', 'evidence', 'documents', 'other',
        'announcement', 'voice_statement', 'seizure',
        'approval', 'two_officers', 'id_shown', 'summon_party', 'reasons_and_rights',
        'defence_heard', 'onsite_record', 'signatures', 'witness', 'other_procedure')),
    note text NOT NULL DEFAULT '',
    -- Wall time of the picture as the player showed it, NULL where no clock of the recording is
    -- known; and media time since the first picture.
    shown_at timestamptz,
    media_ms bigint CHECK (media_ms >= 0),
    made_at timestamptz NOT NULL,
    made_by_kind text NOT NULL,
    made_by_id text NOT NULL,
    made_by_name text NOT NULL,
    origin text NOT NULL DEFAULT 'person' CHECK (origin IN ('person', 'device', 'metadata')),
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdraw_reason text,
    CHECK (livestream_id IS NOT NULL OR recording_id IS NOT NULL),
    CONSTRAINT mark_withdrawal CHECK ((withdrawn_at IS NULL) = (withdraw_reason IS NULL))
);
CREATE INDEX mark_livestream ON mark (livestream_id, shown_at) WHERE livestream_id IS NOT NULL;
CREATE INDEX mark_recording ON mark (recording_id, shown_at) WHERE recording_id IS NOT NULL;

-- Why a recording has a gap, began late or ended early, as an officer reports it; the newest about
-- a place counts.
CREATE TABLE gap_reason (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    recording_id uuid NOT NULL REFERENCES recording,
    place text NOT NULL CHECK (place IN ('begin', 'gap', 'end')),
    -- Which gap of the recording.
    n integer CHECK (n >= 0),
    begins_at timestamptz,
    ends_at timestamptz,
    cause text NOT NULL CHECK (cause IN
        ('equipment_failure', 'battery', 'storage', 'weather', 'obstruction', 'other')),
    note text NOT NULL DEFAULT '',
    reported_at timestamptz NOT NULL,
    made_at timestamptz NOT NULL,
    made_by_kind text NOT NULL,
    made_by_id text NOT NULL,
    made_by_name text NOT NULL,
    CHECK ((place = 'gap') = (n IS NOT NULL))
);
CREATE INDEX gap_reason_recording ON gap_reason (recording_id, made_at);

-- Why only some may watch a recording (docs/design/restrictions.md): lifted, never removed.
CREATE TABLE restriction (
    id uuid PRIMARY KEY,
    -- All copies of an event are restricted by one act.
    act uuid NOT NULL,
    agency_id uuid NOT NULL REFERENCES agency,
    recording_id uuid NOT NULL REFERENCES recording,
    ground text NOT NULL
        CHECK (ground IN ('private_space', 'personal_privacy', 'commercial_secret', 'minor')),
    -- The article, or the consent, on which the footage rests.
    basis text NOT NULL CHECK (basis <> ''),
    imposed_at timestamptz NOT NULL,
    imposed_by text NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text,
    -- When the store held a note of it, and of its lifting.
    noted_at timestamptz,
    lift_noted_at timestamptz,
    CHECK ((lifted_at IS NULL) = (lift_reason IS NULL)),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE INDEX restriction_recording ON restriction (recording_id, imposed_at);
CREATE INDEX restriction_act ON restriction (act);
CREATE INDEX restriction_unnoted ON restriction (imposed_at)
    WHERE noted_at IS NULL OR (lifted_at IS NOT NULL AND lift_noted_at IS NULL);

-- The same of a livestream; what it becomes is restricted by the same act.
CREATE TABLE livestream_restriction (
    act uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    livestream_id uuid NOT NULL REFERENCES livestream,
    ground text NOT NULL
        CHECK (ground IN ('private_space', 'personal_privacy', 'commercial_secret', 'minor')),
    basis text NOT NULL CHECK (basis <> ''),
    imposed_at timestamptz NOT NULL,
    imposed_by text NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text,
    -- When the store held a note of it, and of its lifting.
    noted_at timestamptz,
    lift_noted_at timestamptz,
    CHECK ((lifted_at IS NULL) = (lift_reason IS NULL)),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE INDEX livestream_restriction_livestream
    ON livestream_restriction (livestream_id, imposed_at);
CREATE INDEX livestream_restriction_unnoted ON livestream_restriction (imposed_at)
    WHERE noted_at IS NULL OR (lifted_at IS NOT NULL AND lift_noted_at IS NULL);

-- Where a recording comes from, as people say; custody events keep what was said before.
CREATE TABLE provenance (
    recording_id uuid PRIMARY KEY REFERENCES recording,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL
        CHECK (kind IN ('party', 'witness', 'surveillance', 'organ', 'card', 'other')),
    -- Why it was brought by hand.
    reason text,
    -- Who handed it over, when, and the number of the receipt they got.
    provider text,
    handed_over_at timestamptz,
    receipt text,
    stated_at timestamptz NOT NULL,
    stated_by text NOT NULL
);

-- QR codes that were read from the beginning of footage.
CREATE TABLE filmed_code (
    recording_id uuid NOT NULL REFERENCES recording,
    -- The key of a number or a scan, as case_identifier has it.
    key text NOT NULL,
    text text NOT NULL,
    -- Where in the media it is first seen.
    media_ms bigint NOT NULL CHECK (media_ms >= 0),
    read_at timestamptz NOT NULL,
    PRIMARY KEY (recording_id, key)
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
    -- What pages say the failure with, in the reader's language.
    error_facts jsonb,
    UNIQUE (task, subject_kind, subject_id)
);
CREATE INDEX task_run_due ON task_run (queue, priority DESC, due_at) WHERE state = 'pending';
CREATE INDEX task_run_lease ON task_run (lease_until) WHERE state = 'claimed';
CREATE INDEX task_run_subject ON task_run (subject_kind, subject_id);
CREATE INDEX task_run_unfinished ON task_run (agency_id) WHERE state IN ('pending', 'claimed');
CREATE INDEX task_run_failed ON task_run (agency_id, finished_at DESC) WHERE state = 'failed';
CREATE INDEX task_run_failed_newest ON task_run (finished_at DESC, id DESC)
    WHERE state = 'failed';

-- What a process is about to make in the object store, committed before it is made. The row goes
-- in the transaction that names what was made; one that stays leads the sweep to what was left.
CREATE TABLE store_intent (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('multipart', 'rendition')),
    object_key text NOT NULL,
    -- Whose multipart upload it becomes.
    upload_id uuid REFERENCES upload,
    -- Which attempt writes the rendition.
    run_id uuid REFERENCES task_run,
    attempt integer,
    created_at timestamptz NOT NULL,
    -- Set by the sweep before it removes anything: who wakes up late cannot adopt it any more.
    swept_at timestamptz,
    CHECK ((kind = 'multipart') = (upload_id IS NOT NULL)),
    CHECK ((kind = 'rendition') = (run_id IS NOT NULL AND attempt IS NOT NULL))
);
CREATE INDEX store_intent_oldest ON store_intent (created_at);
CREATE INDEX store_intent_key ON store_intent (object_key);

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
    note text,
    -- What pages say the alarm with, in the reader's language; `detail` is for logs and programs.
    facts jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX alarm_open ON alarm (code, about_kind, about_id) WHERE cleared_at IS NULL;
CREATE INDEX alarm_newest ON alarm (raised_at DESC, id DESC);
CREATE INDEX alarm_open_newest ON alarm (raised_at DESC, id DESC) WHERE cleared_at IS NULL;

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
    -- For who follows all events: the order of positions is the order of commits within one
    -- subject only.
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

-- Renditions and staged pieces of a lost database, noted by `recorder rebuild`: no finding of an
-- audit, used by nobody, removed by nobody.
CREATE TABLE left_behind (
    bucket text NOT NULL CHECK (bucket IN ('renditions', 'staging')),
    object_key text NOT NULL,
    version text NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (bucket, object_key, version)
);

-- An audit and where it has come to (docs/design/audit.md). No evidence: its event is.
CREATE TABLE audit_run (
    id uuid PRIMARY KEY,
    level text NOT NULL CHECK (level IN ('presence', 'size', 'digest')),
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'completed', 'abandoned')),
    started_at timestamptz NOT NULL,
    -- Half an audit says nothing: its findings count when it is completed.
    saved_at timestamptz NOT NULL,
    finished_at timestamptz,
    -- What is looked at, and behind which key it goes on; NULL: at the beginning of the step.
    step text NOT NULL,
    cursor text,
    looked_at jsonb NOT NULL DEFAULT '{}',
    counts jsonb NOT NULL DEFAULT '{}',
    CHECK ((state = 'completed') = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX audit_run_running ON audit_run (level) WHERE state = 'running';
CREATE INDEX audit_run_newest ON audit_run (started_at DESC);

CREATE TABLE audit_finding (
    run_id uuid NOT NULL REFERENCES audit_run,
    n integer NOT NULL,
    code text NOT NULL,
    about_kind text NOT NULL,
    about text NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (run_id, n)
);

-- Walks through the whole store that the clock begins: when the last one ended and what it found.
CREATE TABLE store_look (
    name text PRIMARY KEY,
    began_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    found integer NOT NULL CHECK (found >= 0)
);

-- --- the case feed (docs/design/case-feed.md) ----------------------------------------------

-- Another system that feeds cases. `name` is its word in addresses; `city`: speaks for every agency;
-- `newest_at`: the latest moment that any of its rows tells of.
CREATE TABLE feed_source (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    city boolean NOT NULL DEFAULT false,
    token_id uuid NOT NULL UNIQUE REFERENCES token,
    rows_per_minute integer NOT NULL CHECK (rows_per_minute > 0),
    created_at timestamptz NOT NULL,
    suspended_at timestamptz,
    heard_at timestamptz,
    newest_at timestamptz
);

-- What became of a source's rows, by the day (+08:00) on which they came.
CREATE TABLE feed_day (
    source_id uuid NOT NULL REFERENCES feed_source,
    day date NOT NULL,
    accepted integer NOT NULL DEFAULT 0,
    superseded integer NOT NULL DEFAULT 0,
    repeated integer NOT NULL DEFAULT 0,
    pooled integer NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, day)
);

-- What a source's code means from a day on; of several for one day the one made last. Without a value
-- the rows are kept and tell of nothing.
CREATE TABLE feed_mapping (
    id uuid PRIMARY KEY,
    source_id uuid NOT NULL REFERENCES feed_source,
    field text NOT NULL CHECK (field IN ('event', 'document', 'act_type', 'stage')),
    code text COLLATE "C" NOT NULL,
    value text,
    valid_from date NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL
);
CREATE INDEX feed_mapping_source ON feed_mapping (source_id, field, code, valid_from, made_at);

-- How far a mapping has come: the rows of its source that came before it are read again, up to here.
CREATE TABLE feed_mapping_spread (
    mapping_id uuid PRIMARY KEY REFERENCES feed_mapping,
    source_id uuid NOT NULL REFERENCES feed_source,
    -- Whether rows that were taken may hold the code; else only the pool is looked at.
    rereads boolean NOT NULL,
    after_key text COLLATE "C" NOT NULL DEFAULT '',
    after_digest bytea NOT NULL DEFAULT '',
    done_at timestamptz
);
CREATE INDEX feed_mapping_spread_due ON feed_mapping_spread (mapping_id) WHERE done_at IS NULL;

-- Every row as it came: `body` is its canonical JSON, `digest` that text's SHA-256. `about`: the key that a
-- withdrawal takes back. Sources and agencies are never removed, so the large tables do not refer to
-- them. One row of a key is winning or withdrawn at most.
CREATE TABLE feed_row (
    source_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    revision bigint CHECK (revision >= 0),
    kind text NOT NULL,
    about text COLLATE "C",
    body text NOT NULL,
    received_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('winning', 'superseded', 'pooled', 'withdrawn')),
    problem text,
    problem_field text,
    problem_value text COLLATE "C",
    PRIMARY KEY (source_id, key, digest),
    CHECK (state <> 'pooled' OR problem IS NOT NULL)
);
CREATE INDEX feed_row_waiting ON feed_row (source_id, problem, problem_field, problem_value, key, digest)
    WHERE state = 'pooled';
CREATE INDEX feed_row_withdrawal ON feed_row (source_id, about) WHERE about IS NOT NULL;

-- The winning state of what a source says of a case as a whole.
CREATE TABLE feed_case (
    source_id uuid NOT NULL REFERENCES feed_source,
    key text COLLATE "C" NOT NULL,
    case_id uuid NOT NULL REFERENCES case_file,
    agency_id uuid NOT NULL REFERENCES agency,
    revision bigint NOT NULL,
    title text,
    act_type text,
    matter text,
    opened_on date,
    closed_on date,
    state text,
    occurred_at timestamptz,
    received_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    classes text[] NOT NULL DEFAULT '{}'
        CHECK (classes <@ ARRAY['evidence', 'obstruction', 'mass_incident', 'major',
        'first_breach', 'slight_breach']),
    -- Since when this counts.
    changed_at timestamptz,
    PRIMARY KEY (source_id, key)
);
CREATE INDEX feed_case_case ON feed_case (case_id);
CREATE INDEX feed_case_classed ON feed_case (agency_id)
    WHERE classes <> '{}' AND withdrawn_at IS NULL;

-- Plans of joint checks and parties that cases mention, by people and by rows of sources. No
-- evidence by itself: what people say is told by custody events.
CREATE TABLE case_mention (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES case_file,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL CHECK (kind IN ('plan', 'party')),
    text text NOT NULL,
    -- Of a party: its unified social credit code.
    code text COLLATE "C" NOT NULL DEFAULT '',
    -- Equal for all spellings, and its pieces.
    find text COLLATE "C" NOT NULL,
    grams text[] NOT NULL,
    -- The row of a source that says it; NULL: a person does.
    source_id uuid REFERENCES feed_source,
    key text COLLATE "C",
    said_at timestamptz NOT NULL,
    said_by text NOT NULL,
    withdrawn_at timestamptz,
    CHECK ((source_id IS NULL) = (key IS NULL))
);
CREATE INDEX case_mention_case ON case_mention (case_id);
CREATE INDEX case_mention_find ON case_mention (kind, find);
CREATE INDEX case_mention_code ON case_mention (code) WHERE code <> '';
CREATE INDEX case_mention_grams ON case_mention USING gin (grams);
CREATE INDEX case_mention_row ON case_mention (source_id, key) WHERE source_id IS NOT NULL;
CREATE UNIQUE INDEX case_mention_person ON case_mention (case_id, kind, find)
    WHERE source_id IS NULL AND withdrawn_at IS NULL;

-- The winning state of each event of a case. A withdrawn one stays and counts for nothing.
CREATE TABLE case_event (
    id uuid PRIMARY KEY,
    source_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    case_id uuid NOT NULL REFERENCES case_file,
    case_key text COLLATE "C",
    agency_id uuid NOT NULL,
    revision bigint NOT NULL,
    kind text NOT NULL,
    act_type text CHECK (act_type IN ('penalty', 'inspection', 'coercion', 'licence', 'levy',
        'requisition')),
    stage text CHECK (stage IN ('initiation', 'investigation', 'review', 'decision', 'service',
        'enforcement')),
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    visit text,
    officers jsonb NOT NULL DEFAULT '[]',
    latitude double precision,
    longitude double precision,
    place text,
    matter text,
    scan text,
    exempt_reason text,
    exempt_approver text,
    received_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    -- When footage was last sent to look for it (docs/design/attribution.md).
    attributed_at timestamptz,
    UNIQUE (source_id, key)
);
CREATE INDEX case_event_agency ON case_event (agency_id, began_at);
CREATE INDEX case_event_unattributed ON case_event (changed_at)
    WHERE attributed_at IS NULL OR attributed_at < changed_at;
CREATE INDEX case_event_case ON case_event (case_id, began_at);
CREATE INDEX case_event_case_key ON case_event (source_id, case_key) WHERE case_key IS NOT NULL;

-- A case that footage may belong to, shown to a person with what speaks for it; no evidence.
CREATE TABLE link_proposal (
    recording_id uuid NOT NULL REFERENCES recording,
    case_id uuid NOT NULL REFERENCES case_file,
    event_id uuid REFERENCES case_event,
    points integer NOT NULL,
    -- Words of domain/attribution.Evidence.
    evidence text[] NOT NULL,
    proposed_at timestamptz NOT NULL,
    decision text CHECK (decision IN ('accepted', 'rejected')),
    decided_at timestamptz,
    decided_by text,
    PRIMARY KEY (recording_id, case_id),
    CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX link_proposal_case ON link_proposal (case_id);
CREATE INDEX link_proposal_open ON link_proposal (proposed_at) WHERE decision IS NULL;
GRANT DELETE ON link_proposal TO recorder_service;

-- The winning state of each document of a case; `event` is the key of the event that it records.
CREATE TABLE case_document (
    id uuid PRIMARY KEY,
    source_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    case_id uuid NOT NULL REFERENCES case_file,
    case_key text COLLATE "C",
    agency_id uuid NOT NULL,
    revision bigint NOT NULL,
    document text NOT NULL,
    event text COLLATE "C",
    occurred_at timestamptz NOT NULL,
    began_at timestamptz,
    ended_at timestamptz,
    officers jsonb NOT NULL DEFAULT '[]',
    received_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    UNIQUE (source_id, key)
);
CREATE INDEX case_document_case ON case_document (case_id, occurred_at);
CREATE INDEX case_document_case_key ON case_document (source_id, case_key)
    WHERE case_key IS NOT NULL;

-- Two cases that one row's numbers join; a person merges them or says that they are two.
CREATE TABLE case_merge_proposal (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    case_id uuid NOT NULL REFERENCES case_file,
    other_id uuid NOT NULL REFERENCES case_file,
    source_id uuid NOT NULL REFERENCES feed_source,
    key text COLLATE "C" NOT NULL,
    numbers text[] NOT NULL,
    proposed_at timestamptz NOT NULL,
    decision text CHECK (decision IN ('merged', 'rejected')),
    decided_at timestamptz,
    decided_by text,
    UNIQUE (case_id, other_id),
    CHECK (case_id < other_id),
    CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX case_merge_proposal_open ON case_merge_proposal (agency_id, proposed_at, id)
    WHERE decision IS NULL;

-- What is fetched for a source; `place` is sealed, since it may hold a password.
CREATE TABLE feed_pull (
    id uuid PRIMARY KEY,
    source_id uuid NOT NULL REFERENCES feed_source,
    kind text NOT NULL CHECK (kind IN ('sql', 'folder', 'bucket')),
    place bytea NOT NULL,
    every_s integer NOT NULL CHECK (every_s > 0),
    due_at timestamptz NOT NULL,
    watermark text NOT NULL DEFAULT '',
    pulled_at timestamptz,
    trouble text,
    trouble_at timestamptz,
    stopped_at timestamptz,
    created_at timestamptz NOT NULL,
    -- Files that were taken, lines of them that hold no row, and the last file with such lines.
    files integer NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    refused_in text,
    -- Where the watermark of a query stood a while ago, and since when this is noted.
    behind text NOT NULL DEFAULT '',
    behind_at timestamptz
);
CREATE INDEX feed_pull_due ON feed_pull (due_at) WHERE stopped_at IS NULL;

-- Files that were taken, each once by its digest; of a bucket, by that of key, tag and length; and how
-- files of a folder look (name, length, time of change) that are not read again.
CREATE TABLE feed_file (
    pull_id uuid NOT NULL REFERENCES feed_pull,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    name text NOT NULL,
    rows integer NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (pull_id, digest)
);

-- --- webhooks (docs/design/webhooks.md) -----------------------------------------------------

-- Where facts are sent; the secret is sealed with the service's key.
CREATE TABLE webhook_endpoint (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    city boolean NOT NULL DEFAULT false,
    url text NOT NULL,
    secret bytea NOT NULL,
    topics text[] NOT NULL,
    created_at timestamptz NOT NULL,
    stopped_at timestamptz,
    stopped_why text,
    -- How many times in a row the receiver was away, and until when it is left alone for that.
    troubles integer NOT NULL DEFAULT 0,
    rests_until timestamptz
);

-- Written with the fact that it tells of.
CREATE TABLE webhook_message (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    agency_id uuid REFERENCES agency,
    topic text NOT NULL CHECK (topic IN ('linked', 'late', 'gap', 'sealed')),
    body text NOT NULL,
    made_at timestamptz NOT NULL
);

-- A message on its way to one endpoint.
CREATE TABLE webhook_delivery (
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint,
    position bigint NOT NULL REFERENCES webhook_message,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'failed')),
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    tried_at timestamptz,
    status integer,
    trouble text,
    PRIMARY KEY (endpoint_id, position)
);
CREATE INDEX webhook_delivery_queue ON webhook_delivery (endpoint_id, due_at, position)
    WHERE state = 'waiting';

-- A version of an agency's audio-video list; approved, it never changes again.
CREATE TABLE duty_list (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    version integer NOT NULL CHECK (version > 0),
    -- The shipped profile it began as.
    profile text,
    title text NOT NULL CHECK (title <> ''),
    note text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    -- The first day on which it is no longer in force; NULL: until a later version.
    valid_to date,
    state text NOT NULL DEFAULT 'draft'
        CHECK (state IN ('draft', 'proposed', 'approved')),
    -- Kind of finding → the rule in words.
    bases jsonb NOT NULL DEFAULT '{}',
    drafted_at timestamptz NOT NULL,
    drafted_by text NOT NULL,
    -- The act of two persons about it (docs/design/registries.md).
    approval_id uuid REFERENCES approval,
    approved_at timestamptz,
    approved_by text,
    -- What officers say at the beginning (R6).
    wording text NOT NULL DEFAULT '',
    -- Within how many days after it arrived footage is to be marked (R49); NULL: nothing is due.
    marking_days integer CHECK (marking_days > 0),
    CHECK (valid_to IS NULL OR valid_from < valid_to),
    CHECK ((state = 'approved') = (approved_at IS NOT NULL)),
    UNIQUE (agency_id, version)
);
CREATE INDEX duty_list_approved ON duty_list (agency_id, valid_from) WHERE state = 'approved';

-- A row of a list, in the columns that agencies publish.
CREATE TABLE duty_rule (
    list_id uuid NOT NULL REFERENCES duty_list,
    code text NOT NULL CHECK (code <> ''),
    n integer NOT NULL,
    level text NOT NULL
        CHECK (level IN ('full_uninterrupted', 'required', 'optional', 'exempt')),
    act_type text,
    stage text,
    scene text,
    matter text,
    starts text NOT NULL,
    ends text NOT NULL,
    place text NOT NULL,
    means text NOT NULL,
    recorder text NOT NULL,
    content text NOT NULL,
    announcement boolean NOT NULL,
    voice_statement boolean NOT NULL,
    officers integer NOT NULL CHECK (officers >= 0),
    scan boolean NOT NULL,
    retention text NOT NULL,
    deadline text NOT NULL,
    legal_basis text NOT NULL,
    PRIMARY KEY (list_id, code)
);

-- When a case was last evaluated, and to what; an equal answer writes nothing else.
CREATE TABLE coverage_case (
    case_id uuid PRIMARY KEY REFERENCES case_file,
    answer bytea NOT NULL CHECK (length(answer) = 32),
    evaluated_at timestamptz NOT NULL,
    -- A deadline in it rests on a year whose holidays were not announced.
    provisional boolean NOT NULL
);
CREATE INDEX coverage_case_provisional ON coverage_case (case_id) WHERE provisional;

-- A scene as it was evaluated last.
CREATE TABLE coverage_scene (
    case_id uuid NOT NULL REFERENCES case_file,
    key text COLLATE "C" NOT NULL,
    agency_id uuid NOT NULL REFERENCES agency,
    -- In China.
    day date NOT NULL,
    kind text NOT NULL,
    act_type text,
    stage text,
    matter text,
    officers text[] NOT NULL,
    state text NOT NULL CHECK (state IN
        ('recorded', 'holes', 'unrecorded', 'awaited', 'open', 'optional', 'exempt')),
    level text NOT NULL,
    rule text,
    legal_basis text,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    expected_ms bigint NOT NULL,
    covered_ms bigint NOT NULL,
    holes jsonb NOT NULL,
    recordings uuid[] NOT NULL,
    due_at timestamptz NOT NULL,
    provisional boolean NOT NULL,
    confidence text NOT NULL,
    -- How many of its recordings were handed in late.
    late integer NOT NULL DEFAULT 0,
    -- Written by somebody who counts in the tables of figures (docs/design/dashboard.md).
    counted boolean NOT NULL DEFAULT false CHECK (counted),
    -- By how much each of those recordings was late.
    late_ms bigint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (case_id, key)
);
CREATE INDEX coverage_scene_agency ON coverage_scene (agency_id, day);
CREATE INDEX coverage_scene_officers ON coverage_scene USING gin (officers);

-- Where officers were, for the question whether they were elsewhere at that time.
CREATE TABLE coverage_presence (
    case_id uuid NOT NULL,
    scene text COLLATE "C" NOT NULL,
    officer text COLLATE "C" NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    PRIMARY KEY (case_id, scene, officer)
);
CREATE INDEX coverage_presence_officer ON coverage_presence (officer, began_at);

-- One thing expected and not found, or found and not expected.
CREATE TABLE finding (
    id uuid PRIMARY KEY,
    -- What it is about (domain/finding.py); a gap that became shorter takes the new one.
    identity uuid NOT NULL,
    case_id uuid NOT NULL REFERENCES case_file,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'major', 'minor', 'notice')),
    confidence text NOT NULL CHECK (confidence IN ('certain', 'probable', 'doubtful')),
    rule text NOT NULL,
    scene text COLLATE "C",
    about text NOT NULL,
    began_at timestamptz,
    ended_at timestamptz,
    recordings uuid[] NOT NULL,
    officers text[] NOT NULL,
    facts jsonb NOT NULL,
    -- In China: the day it is counted on.
    day date NOT NULL,
    state text NOT NULL
        CHECK (state IN ('open', 'replied', 'appealed', 'closed', 'withdrawn')),
    raised_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    -- Who is to answer, and until when.
    owner text,
    answer_by timestamptz,
    UNIQUE (case_id, identity)
);
CREATE INDEX finding_newest ON finding (raised_at DESC, id DESC) WHERE state <> 'withdrawn';
CREATE INDEX finding_agency ON finding (agency_id, raised_at DESC, id DESC)
    WHERE state <> 'withdrawn';
CREATE INDEX finding_agency_state ON finding (agency_id, state, kind, raised_at DESC, id DESC);
CREATE INDEX finding_officers ON finding USING gin (officers);
CREATE INDEX finding_owner ON finding (owner, raised_at DESC, id DESC) WHERE owner IS NOT NULL;
CREATE INDEX finding_on_day ON finding (day, kind, state, agency_id);
CREATE INDEX finding_answer_awaited ON finding (agency_id, answer_by) INCLUDE (day) WHERE state = 'open';

-- What people said about a finding, line by line; the newest of a sort counts.
CREATE TABLE finding_act (
    finding_id uuid NOT NULL REFERENCES finding,
    n integer NOT NULL,
    act text NOT NULL CHECK (act IN ('reply', 'assign', 'appeal', 'close', 'withdraw')),
    text text NOT NULL,
    at timestamptz NOT NULL,
    by_id text NOT NULL,
    by_name text NOT NULL,
    PRIMARY KEY (finding_id, n)
);

-- Figures of days of before, which nothing reads any more (docs/design/dashboard.md).
CREATE TABLE coverage_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    kind text NOT NULL,
    scenes integer NOT NULL DEFAULT 0,
    must integer NOT NULL DEFAULT 0,
    recorded integer NOT NULL DEFAULT 0,
    holes integer NOT NULL DEFAULT 0,
    unrecorded integer NOT NULL DEFAULT 0,
    awaited integer NOT NULL DEFAULT 0,
    expected_ms bigint NOT NULL DEFAULT 0,
    covered_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, kind)
);
CREATE INDEX coverage_day_day ON coverage_day (day);

-- Findings of an agency's day by kind and state, kept by differences.
CREATE TABLE finding_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    findings integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, kind, state)
);
CREATE INDEX finding_day_day ON finding_day (day);

-- What figures make of a scene.
CREATE VIEW counted_scene AS
    SELECT s.case_id, s.agency_id, s.day, s.kind, coalesce(s.act_type, '') AS act_type,
        coalesce(s.stage, '') AS stage, s.officers, 1 AS scenes,
        (s.level IN ('full_uninterrupted', 'required'))::integer AS must,
        (s.state = 'recorded')::integer AS recorded,
        (s.state = 'holes')::integer AS holes,
        (s.state = 'unrecorded')::integer AS unrecorded,
        (s.state = 'awaited')::integer AS awaited,
        CASE WHEN s.state = 'holes' THEN jsonb_array_length(s.holes) ELSE 0 END AS gaps,
        CASE WHEN s.state = 'holes' THEN (SELECT count(*) FROM jsonb_array_elements(s.holes) hole
            WHERE hole ->> 'reason' IS NOT NULL)::integer ELSE 0 END AS explained,
        cardinality(s.recordings) AS recordings, s.late, s.expected_ms, s.covered_ms,
        CASE WHEN s.state IN ('holes', 'unrecorded') THEN s.expected_ms - s.covered_ms ELSE 0 END
            AS missing_ms
    FROM coverage_scene s;

-- In which hour behind its term each late recording came; the last hour means later still.
CREATE VIEW counted_late AS
    SELECT s.case_id, s.agency_id, s.day, s.officers,
        least(1 + ms / 3600000, 10000)::integer AS hours
    FROM coverage_scene s, unnest(s.late_ms) AS ms;

-- Scenes of an agency's day, kept by differences. An act type or stage that is unknown is ''.
CREATE TABLE scene_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    kind text NOT NULL,
    act_type text NOT NULL,
    stage text NOT NULL,
    scenes integer NOT NULL DEFAULT 0,
    must integer NOT NULL DEFAULT 0,
    recorded integer NOT NULL DEFAULT 0,
    holes integer NOT NULL DEFAULT 0,
    unrecorded integer NOT NULL DEFAULT 0,
    awaited integer NOT NULL DEFAULT 0,
    gaps integer NOT NULL DEFAULT 0,
    explained integer NOT NULL DEFAULT 0,
    recordings integer NOT NULL DEFAULT 0,
    late integer NOT NULL DEFAULT 0,
    expected_ms bigint NOT NULL DEFAULT 0,
    covered_ms bigint NOT NULL DEFAULT 0,
    missing_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, kind, act_type, stage)
);
CREATE INDEX scene_day_day ON scene_day (day);

-- Scenes of an officer's day in an agency, kept by differences; a scene of two counts for both.
CREATE TABLE officer_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    officer text COLLATE "C" NOT NULL,
    scenes integer NOT NULL DEFAULT 0,
    must integer NOT NULL DEFAULT 0,
    recorded integer NOT NULL DEFAULT 0,
    holes integer NOT NULL DEFAULT 0,
    unrecorded integer NOT NULL DEFAULT 0,
    awaited integer NOT NULL DEFAULT 0,
    gaps integer NOT NULL DEFAULT 0,
    explained integer NOT NULL DEFAULT 0,
    recordings integer NOT NULL DEFAULT 0,
    late integer NOT NULL DEFAULT 0,
    expected_ms bigint NOT NULL DEFAULT 0,
    covered_ms bigint NOT NULL DEFAULT 0,
    missing_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, officer)
);
-- Late recordings of an agency's day by the hour behind their term, kept by differences.
CREATE TABLE late_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    hours integer NOT NULL,
    recordings integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, hours)
);

-- What waits for an answer, however old.
CREATE INDEX finding_day_waiting ON finding_day (agency_id, day)
    WHERE state IN ('open', 'replied', 'appealed');

-- The week of a day, cut where a month ends.
CREATE FUNCTION week_since(day date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(date_trunc('week', day::timestamp), date_trunc('month', day::timestamp))::date
$$;
CREATE FUNCTION week_until(day date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT least(date_trunc('week', day::timestamp) + interval '6 days',
        date_trunc('month', day::timestamp) + interval '1 month' - interval '1 day')::date
$$;

-- The figures of days by such weeks, added up by the clock; one with a mark does not count.
CREATE TABLE scene_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    kind text NOT NULL,
    act_type text NOT NULL,
    stage text NOT NULL,
    scenes integer NOT NULL,
    must integer NOT NULL,
    recorded integer NOT NULL,
    holes integer NOT NULL,
    unrecorded integer NOT NULL,
    awaited integer NOT NULL,
    gaps integer NOT NULL,
    explained integer NOT NULL,
    recordings integer NOT NULL,
    late integer NOT NULL,
    expected_ms bigint NOT NULL,
    covered_ms bigint NOT NULL,
    missing_ms bigint NOT NULL,
    PRIMARY KEY (agency_id, since, kind, act_type, stage)
);
CREATE TABLE finding_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    findings integer NOT NULL,
    PRIMARY KEY (agency_id, since, kind, state)
);
CREATE TABLE late_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    hours integer NOT NULL,
    recordings integer NOT NULL,
    PRIMARY KEY (agency_id, since, hours)
);

-- Weeks of which a day has changed since they were added up. Inserts only: nobody waits.
CREATE TABLE figure_stale (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    since date NOT NULL,
    until date NOT NULL
);
CREATE INDEX figure_stale_agency ON figure_stale (agency_id, since);
CREATE FUNCTION note_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO figure_stale (agency_id, since, until)
    SELECT DISTINCT agency_id, week_since(day), week_until(day) FROM came;
    RETURN NULL;
END
$$;

CREATE TRIGGER scene_day_made AFTER INSERT ON scene_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER scene_day_changed AFTER UPDATE ON scene_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER finding_day_made AFTER INSERT ON finding_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER finding_day_changed AFTER UPDATE ON finding_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER late_day_made AFTER INSERT ON late_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER late_day_changed AFTER UPDATE ON late_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();

-- Footage of a device's day as officers made it. '' where the sender named none.
CREATE TABLE device_day (
    agency_id uuid NOT NULL REFERENCES agency,
    device text COLLATE "C" NOT NULL,
    day date NOT NULL,
    officer text COLLATE "C" NOT NULL,
    recordings integer NOT NULL DEFAULT 0,
    footage_ms bigint NOT NULL DEFAULT 0,
    unlinked integer NOT NULL DEFAULT 0,
    unlinked_ms bigint NOT NULL DEFAULT 0,
    marked integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, device, day, officer)
);
CREATE INDEX device_day_day ON device_day (agency_id, day);
CREATE INDEX device_day_officer ON device_day (officer, day);

-- The same of an agency's day.
CREATE TABLE footage_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    recordings integer NOT NULL DEFAULT 0,
    footage_ms bigint NOT NULL DEFAULT 0,
    unlinked integer NOT NULL DEFAULT 0,
    unlinked_ms bigint NOT NULL DEFAULT 0,
    marked integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day)
);

-- On which days of a month a device made footage: bit 0 is the first.
CREATE TABLE device_month (
    agency_id uuid NOT NULL REFERENCES agency,
    month date NOT NULL,
    device text COLLATE "C" NOT NULL,
    days integer NOT NULL,
    PRIMARY KEY (agency_id, month, device)
);

-- The same by years, made by triggers: 32 bits for each month are its days.
CREATE TABLE device_year (
    agency_id uuid NOT NULL REFERENCES agency,
    year integer NOT NULL,
    device text COLLATE "C" NOT NULL,
    days bit(384) NOT NULL,
    PRIMARY KEY (agency_id, year, device)
);
CREATE FUNCTION note_device_year() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place integer := 32 * (extract(month FROM NEW.month)::integer - 1) + 1;
BEGIN
    INSERT INTO device_year AS y (agency_id, year, device, days)
    VALUES (NEW.agency_id, extract(year FROM NEW.month)::integer, NEW.device,
        overlay(repeat('0', 384)::bit(384) PLACING NEW.days::bit(32) FROM place))
    ON CONFLICT (agency_id, year, device)
    DO UPDATE SET days = overlay(y.days PLACING NEW.days::bit(32) FROM place);
    RETURN NULL;
END
$$;
CREATE TRIGGER device_month_made AFTER INSERT ON device_month
    FOR EACH ROW EXECUTE FUNCTION note_device_year();
CREATE TRIGGER device_month_changed AFTER UPDATE ON device_month
    FOR EACH ROW WHEN (OLD.days <> NEW.days) EXECUTE FUNCTION note_device_year();

-- Figures of footage by weeks, and the weeks that are to be added up.
CREATE TABLE footage_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    recordings integer NOT NULL,
    footage_ms bigint NOT NULL,
    unlinked integer NOT NULL,
    unlinked_ms bigint NOT NULL,
    marked integer NOT NULL,
    PRIMARY KEY (agency_id, since)
);
CREATE TABLE footage_stale (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    since date NOT NULL,
    until date NOT NULL
);
CREATE INDEX footage_stale_agency ON footage_stale (agency_id, since);
CREATE FUNCTION note_footage_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO footage_stale (agency_id, since, until)
    SELECT DISTINCT agency_id, week_since(day), week_until(day) FROM came;
    RETURN NULL;
END
$$;
CREATE TRIGGER footage_day_made AFTER INSERT ON footage_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_footage_stale();
CREATE TRIGGER footage_day_changed AFTER UPDATE ON footage_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_footage_stale();

-- Differences of footage that are not in the tables above yet: whoever writes recordings waits for
-- nobody else who does.
CREATE TABLE footage_delta (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    device text NOT NULL,
    day date NOT NULL,
    officer text NOT NULL,
    recordings integer NOT NULL,
    footage_ms bigint NOT NULL,
    unlinked integer NOT NULL,
    unlinked_ms bigint NOT NULL
);

-- What figures make of a recording; none of one that is withheld. No footage is younger than its
-- arrival, whatever its clock says.
CREATE FUNCTION counted_footage(r recording) RETURNS TABLE (agency_id uuid, device text, day date,
    officer text, recordings integer, footage_ms bigint, unlinked integer, unlinked_ms bigint)
    LANGUAGE sql STABLE AS $$
    SELECT r.agency_id, coalesce(r.device_number, ''),
        (least(coalesce(r.started_at, r.received_at), r.received_at)
            AT TIME ZONE interval '8 hours')::date,
        coalesce(r.officer, ''), 1, ms, (r.links = 0)::integer,
        CASE WHEN r.links = 0 THEN ms ELSE 0 END
    FROM (SELECT coalesce(greatest(0, extract(epoch FROM r.ended_at - r.started_at) * 1000), 0)
        ::bigint AS ms) AS length
    WHERE r.admission = 'admitted' AND r.integrity <> 'mismatched'
$$;
CREATE FUNCTION count_new_footage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO footage_delta (agency_id, device, day, officer, recordings, footage_ms, unlinked,
        unlinked_ms)
    SELECT c.agency_id, c.device, c.day, c.officer, sum(c.recordings), sum(c.footage_ms),
        sum(c.unlinked), sum(c.unlinked_ms)
    FROM came r, LATERAL counted_footage(r::recording) c
    GROUP BY c.agency_id, c.device, c.day, c.officer;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_changed_footage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO footage_delta (agency_id, device, day, officer, recordings, footage_ms, unlinked,
        unlinked_ms)
    SELECT agency_id, device, day, officer, sum(recordings), sum(footage_ms), sum(unlinked),
        sum(unlinked_ms)
    FROM (SELECT agency_id, device, day, officer, recordings, footage_ms, unlinked, unlinked_ms
            FROM counted_footage(NEW)
        UNION ALL SELECT agency_id, device, day, officer, -recordings, -footage_ms, -unlinked,
            -unlinked_ms FROM counted_footage(OLD)) AS both_sides
    GROUP BY agency_id, device, day, officer
    HAVING (sum(recordings), sum(footage_ms), sum(unlinked), sum(unlinked_ms)) <> (0, 0, 0, 0);
    RETURN NULL;
END
$$;
-- Triggers, so that what the release before this one writes is counted as well.
CREATE TRIGGER recording_counted
    AFTER INSERT ON recording REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_footage();
CREATE TRIGGER recording_recounted
    AFTER UPDATE OF agency_id, device_number, officer, integrity, admission, received_at,
        started_at, ended_at, links ON recording
    FOR EACH ROW EXECUTE FUNCTION count_changed_footage();

-- The same of footage that bears marks.
CREATE TABLE marked_delta (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    device text NOT NULL,
    day date NOT NULL,
    officer text NOT NULL,
    marked integer NOT NULL
);
CREATE FUNCTION count_new_marked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO marked_delta (agency_id, device, day, officer, marked)
    SELECT c.agency_id, c.device, c.day, c.officer, count(*)
    FROM came r, LATERAL counted_footage(r::recording) c WHERE r.marks > 0
    GROUP BY c.agency_id, c.device, c.day, c.officer;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_changed_marked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO marked_delta (agency_id, device, day, officer, marked)
    SELECT agency_id, device, day, officer, sum(marked)
    FROM (SELECT agency_id, device, day, officer, 1 AS marked FROM counted_footage(NEW)
            WHERE NEW.marks > 0
        UNION ALL SELECT agency_id, device, day, officer, -1 FROM counted_footage(OLD)
            WHERE OLD.marks > 0) AS both_sides
    GROUP BY agency_id, device, day, officer HAVING sum(marked) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER recording_marked
    AFTER INSERT ON recording REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_marked();
CREATE TRIGGER recording_remarked
    AFTER UPDATE OF agency_id, device_number, officer, integrity, admission, received_at,
        started_at, marks ON recording
    FOR EACH ROW WHEN (OLD.marks > 0 OR NEW.marks > 0) EXECUTE FUNCTION count_changed_marked();

-- What other systems' models are told (docs/design/fact-feed.md). The one
-- feed: its life (a restored database begins another), and the position given out last.
CREATE TABLE event_fact_feed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO event_fact_feed DEFAULT VALUES;

-- The newest version of each fact; a new version takes a new position.
CREATE TABLE event_fact (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    day date NOT NULL,
    officers text[] NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    position bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    -- The event counts no more; the body is what it said last.
    withdrawn boolean NOT NULL DEFAULT false,
    body text NOT NULL
);
CREATE UNIQUE INDEX event_fact_position ON event_fact (position);
CREATE INDEX event_fact_agency ON event_fact (agency_id, position);
CREATE INDEX event_fact_day ON event_fact (day, position);
CREATE INDEX event_fact_case ON event_fact (case_id);

-- Addresses under which a page of another system shows one case for a while (docs/design/embeds.md).
CREATE TABLE case_embed (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    case_id uuid NOT NULL REFERENCES case_file,
    token_id uuid NOT NULL REFERENCES token,
    number text NOT NULL,
    on_behalf_of text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX case_embed_expires ON case_embed (expires_at);

-- What the feed said before it said something else (docs/design/case-feed.md).
CREATE TABLE feed_past (
    kind text NOT NULL CHECK (kind IN ('case', 'event', 'document')),
    source_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    case_id uuid NOT NULL,
    -- It counted from then until then.
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    -- The row of feed_case, case_event or case_document.
    said jsonb NOT NULL
);
CREATE INDEX feed_past_case ON feed_past (case_id, kind);
CREATE INDEX feed_past_key ON feed_past (source_id, key) WHERE kind = 'case';

-- A trigger, so that no statement that changes a row forgets it.
CREATE FUNCTION keep_feed_past() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := coalesce(OLD.changed_at, OLD.received_at);
    ended timestamptz := coalesce(NEW.changed_at, now());
BEGIN
    IF began < ended THEN
        INSERT INTO feed_past (kind, source_id, key, case_id, since, until, said)
            VALUES (TG_ARGV[0], OLD.source_id, OLD.key, OLD.case_id, began, ended, to_jsonb(OLD));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER feed_case_past AFTER UPDATE ON feed_case
    FOR EACH ROW EXECUTE FUNCTION keep_feed_past('case');
CREATE TRIGGER case_event_past AFTER UPDATE ON case_event
    FOR EACH ROW EXECUTE FUNCTION keep_feed_past('event');
CREATE TRIGGER case_document_past AFTER UPDATE ON case_document
    FOR EACH ROW EXECUTE FUNCTION keep_feed_past('document');

-- Unlinked footage of clocks that were found to be wrong.
CREATE INDEX recording_wrong_clock ON recording (agency_id, received_at)
    WHERE links = 0 AND 'clock_offset' = ANY (flags);
-- Where a device was at a time.
CREATE INDEX recording_device_time ON recording (device_number, started_at)
    WHERE started_at IS NOT NULL AND latitude IS NOT NULL;

CREATE FUNCTION refuse_change_of_custody() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custody events are append only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER custody_event_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_custody();

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO recorder_service;
GRANT DELETE ON session, login_link, sign_in_failure, playback_grant, case_embed, store_intent, allowance,
    open_stream, livestream_ticket, livestream_push_key, second_factor, recovery_code,
    coverage_due, coverage_partner, duty_rule, coverage_scene, coverage_presence, agency_reach, volume_intent,
    superseded_object, livestream_stretch, footage_delta, marked_delta, case_mention, scene_week,
    finding_week, late_week, figure_stale, footage_week, footage_stale
    TO recorder_service;
REVOKE UPDATE ON custody_event, audit_finding, filmed_code, left_behind, livestream_gap, mark, feed_mapping, feed_file,
    gap_reason, livestream_place, finding_act, livestream_stretch, restriction,
    livestream_restriction, livestream_loss
    FROM recorder_service;
REVOKE INSERT ON event_fact_feed FROM recorder_service;
REVOKE UPDATE ON feed_past FROM recorder_service;
REVOKE UPDATE ON registry_import, organisation, officer, officer_certificate, device_registration, matter,
    enforcement_subject, entrustment, holiday, roster
    FROM recorder_service;
-- The only thing that ever happens to a row of a registry.
GRANT UPDATE (superseded_at) ON organisation, officer, officer_certificate, device_registration, matter,
    enforcement_subject, entrustment, holiday, roster
    TO recorder_service;
GRANT UPDATE (recording_id, media_ms, withdrawn_at, withdrawn_by, withdraw_reason)
    ON mark TO recorder_service;
GRANT UPDATE (lifted_at, lifted_by, lift_reason, noted_at, lift_noted_at)
    ON restriction, livestream_restriction TO recorder_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO recorder_service;
REVOKE INSERT, UPDATE ON schema_migration FROM recorder_service;
