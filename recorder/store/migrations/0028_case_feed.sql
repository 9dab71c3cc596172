-- What other systems say of cases: their rows as they came, and the state that counts: docs/design/case-feed.md.

ALTER TABLE token DROP CONSTRAINT token_role_check;
ALTER TABLE token ADD CONSTRAINT token_role_check
    CHECK (role IN ('device', 'dock', 'officer', 'supervisor', 'administrator', 'source'));

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

CREATE TABLE feed_day (
    source_id uuid NOT NULL REFERENCES feed_source,
    day date NOT NULL,
    accepted integer NOT NULL DEFAULT 0,
    superseded integer NOT NULL DEFAULT 0,
    repeated integer NOT NULL DEFAULT 0,
    pooled integer NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, day)
);

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

CREATE TABLE feed_row (
    source_id uuid NOT NULL REFERENCES feed_source,
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
CREATE INDEX feed_row_pooled ON feed_row (source_id, problem, problem_field, problem_value)
    WHERE state = 'pooled';
CREATE INDEX feed_row_withdrawal ON feed_row (source_id, about)
    WHERE about IS NOT NULL AND state = 'winning';

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
    PRIMARY KEY (source_id, key)
);
CREATE INDEX feed_case_case ON feed_case (case_id);

CREATE TABLE case_event (
    id uuid PRIMARY KEY,
    source_id uuid NOT NULL REFERENCES feed_source,
    key text COLLATE "C" NOT NULL,
    case_id uuid NOT NULL REFERENCES case_file,
    case_key text COLLATE "C",
    agency_id uuid NOT NULL REFERENCES agency,
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
    UNIQUE (source_id, key)
);
CREATE INDEX case_event_case ON case_event (case_id, began_at);
CREATE INDEX case_event_case_key ON case_event (source_id, case_key) WHERE case_key IS NOT NULL;

CREATE TABLE case_document (
    id uuid PRIMARY KEY,
    source_id uuid NOT NULL REFERENCES feed_source,
    key text COLLATE "C" NOT NULL,
    case_id uuid NOT NULL REFERENCES case_file,
    case_key text COLLATE "C",
    agency_id uuid NOT NULL REFERENCES agency,
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

GRANT SELECT, INSERT, UPDATE ON feed_source, feed_day, feed_row, feed_case, case_event,
    case_document, case_merge_proposal TO recorder_service;
GRANT SELECT, INSERT ON feed_mapping TO recorder_service;
