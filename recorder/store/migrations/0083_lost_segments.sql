-- What reached us and can never be stored: its file in a spool was damaged by the disk. Nobody waits
-- for it: docs/design/live.md.
CREATE TABLE livestream_loss (
    livestream_id uuid NOT NULL REFERENCES livestream,
    number bigint NOT NULL CHECK (number <> 0),
    period integer NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (livestream_id, number)
);
GRANT SELECT, INSERT ON livestream_loss TO recorder_service;

-- When whoever fetches it said last that media are in its hands and cannot go up.
ALTER TABLE livestream ADD COLUMN heard_at timestamptz;
