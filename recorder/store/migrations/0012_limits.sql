-- Limits on what one asker may do in a time. Unlogged: counting costs no wait for the disk, and a
-- server that crashed counts from the beginning, which is what it should do then.

CREATE UNLOGGED TABLE allowance (
    what text NOT NULL,
    asker text NOT NULL,
    spent_until timestamptz NOT NULL,
    PRIMARY KEY (what, asker)
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE open_stream (
    id uuid PRIMARY KEY,
    asker text NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE INDEX open_stream_asker ON open_stream (asker);

GRANT SELECT, INSERT, UPDATE, DELETE ON allowance, open_stream TO recorder_service;
