-- Rows that we fetch for a source: by a query of another database, or from files in a folder.

CREATE TABLE feed_pull (
    id uuid PRIMARY KEY,
    source_id uuid NOT NULL REFERENCES feed_source,
    kind text NOT NULL CHECK (kind IN ('sql', 'folder')),
    place bytea NOT NULL,
    every_s integer NOT NULL CHECK (every_s > 0),
    due_at timestamptz NOT NULL,
    watermark text NOT NULL DEFAULT '',
    pulled_at timestamptz,
    trouble text,
    trouble_at timestamptz,
    stopped_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX feed_pull_due ON feed_pull (due_at) WHERE stopped_at IS NULL;

CREATE TABLE feed_file (
    pull_id uuid NOT NULL REFERENCES feed_pull,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    name text NOT NULL,
    rows integer NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (pull_id, digest)
);

GRANT SELECT, INSERT, UPDATE ON feed_pull TO recorder_service;
GRANT SELECT, INSERT ON feed_file TO recorder_service;
