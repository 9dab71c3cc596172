-- Marks: what a person points out in footage. On a livestream while it runs, and on recordings.

CREATE TABLE mark (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    livestream_id uuid REFERENCES livestream,
    recording_id uuid REFERENCES recording,
    kind text NOT NULL CHECK (kind IN ('important', 'violation', 'evidence', 'person', 'other')),
    note text NOT NULL DEFAULT '',
    -- Wall time of the picture as the player showed it, and media time since the first picture.
    shown_at timestamptz NOT NULL,
    media_ms bigint CHECK (media_ms >= 0),
    made_at timestamptz NOT NULL,
    made_by_kind text NOT NULL,
    made_by_id text NOT NULL,
    made_by_name text NOT NULL,
    CHECK (livestream_id IS NOT NULL OR recording_id IS NOT NULL)
);
CREATE INDEX mark_livestream ON mark (livestream_id, shown_at) WHERE livestream_id IS NOT NULL;
CREATE INDEX mark_recording ON mark (recording_id, shown_at) WHERE recording_id IS NOT NULL;
GRANT SELECT, INSERT ON mark TO recorder_service;
