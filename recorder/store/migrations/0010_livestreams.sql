-- Livestreams in periods of segments: docs/design/live.md.

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
    opened_by text NOT NULL,
    source text NOT NULL,
    quarantine_reasons text[] NOT NULL DEFAULT '{}',
    flags text[] NOT NULL DEFAULT '{}',
    form text NOT NULL CHECK (form IN ('pushed', 'received')),
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'live', 'interrupted', 'closing', 'closed')),
    key_prefix text NOT NULL UNIQUE,
    opening_version text,
    device_clock_at timestamptz,
    clock_offset_ms bigint,
    created_at timestamptz NOT NULL,
    first_arrival_at timestamptz,
    last_arrival_at timestamptz,
    highest_number bigint NOT NULL DEFAULT 0,
    segments bigint NOT NULL DEFAULT 0,
    length_bytes bigint NOT NULL DEFAULT 0,
    interrupted_at timestamptz,
    closing_at timestamptz,
    last_number bigint CHECK (last_number >= 0),
    closed_at timestamptz,
    recording_id uuid REFERENCES recording,
    holder text,
    fence bigint NOT NULL DEFAULT 0,
    held_until timestamptz
);
CREATE INDEX livestream_agency ON livestream (agency_id, created_at DESC, id DESC);
CREATE INDEX livestream_newest ON livestream (created_at DESC, id DESC);
CREATE INDEX livestream_running ON livestream (id) WHERE state <> 'closed';

CREATE TABLE livestream_period (
    livestream_id uuid NOT NULL REFERENCES livestream,
    number integer NOT NULL CHECK (number > 0),
    cause text NOT NULL CHECK (cause IN ('start', 'reconnect', 'silence', 'time_jump',
        'codec_change', 'taken_over', 'ingest_failed', 'unknown')),
    tracks jsonb NOT NULL DEFAULT '[]',
    began_at timestamptz NOT NULL,
    PRIMARY KEY (livestream_id, number)
);

CREATE TABLE livestream_segment (
    livestream_id uuid NOT NULL REFERENCES livestream,
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
    previous_sha256 bytea CHECK (length(previous_sha256) = 32),
    media_time_us bigint,
    duration_us bigint,
    keyframe boolean,
    device_at timestamptz,
    arrived_at timestamptz NOT NULL,
    told boolean NOT NULL DEFAULT false,
    recording_id uuid REFERENCES recording,
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

GRANT SELECT, INSERT, UPDATE ON livestream, livestream_period, livestream_segment
    TO recorder_service;
