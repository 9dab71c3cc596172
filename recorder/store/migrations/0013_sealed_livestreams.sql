-- Livestreams become recordings: docs/design/live.md.

ALTER TABLE livestream ADD COLUMN sealing_id uuid;
ALTER TABLE recording ADD COLUMN livestream_id uuid;
ALTER TABLE recording ADD COLUMN continues uuid REFERENCES recording;
CREATE INDEX recording_livestream ON recording (livestream_id) WHERE livestream_id IS NOT NULL;

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
GRANT SELECT, INSERT ON livestream_gap TO recorder_service;
