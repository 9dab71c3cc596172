-- Card copies of livestreams, and live copies that were released: docs/design/live-card-copy.md.

CREATE TABLE card_copy (
    live_id uuid NOT NULL REFERENCES recording,
    card_id uuid NOT NULL REFERENCES recording,
    state text NOT NULL CHECK (state IN ('proposed', 'matched', 'rejected')),
    origin text NOT NULL CHECK (origin IN ('rule', 'person')),
    overlap_ms bigint NOT NULL CHECK (overlap_ms >= 0),
    share_permille integer NOT NULL CHECK (share_permille BETWEEN 0 AND 1000),
    clock_shift_ms bigint,
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    reason text,
    PRIMARY KEY (live_id, card_id)
);
CREATE INDEX card_copy_card ON card_copy (card_id);

CREATE TABLE live_copy_release (
    recording_id uuid PRIMARY KEY REFERENCES recording,
    released boolean NOT NULL,
    at timestamptz NOT NULL,
    decided_by text NOT NULL,
    reason text NOT NULL
);

ALTER TABLE original_object ADD COLUMN lock_kept boolean NOT NULL DEFAULT true;
GRANT SELECT, INSERT, UPDATE ON card_copy, live_copy_release TO recorder_service;
