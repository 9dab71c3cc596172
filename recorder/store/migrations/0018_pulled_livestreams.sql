-- Livestreams that we fetch from an address: docs/design/live-pull.md.

CREATE TABLE livestream_source (
    livestream_id uuid PRIMARY KEY REFERENCES livestream,
    protocol text NOT NULL,
    -- Host and port, to show; user, password and path are in the sealed address only.
    host text NOT NULL,
    -- NULL once the livestream needs it no more.
    sealed_address bytea,
    trouble text,
    trouble_at timestamptz
);
CREATE INDEX livestream_source_wanted ON livestream_source (livestream_id)
    WHERE sealed_address IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON livestream_source TO recorder_service;

ALTER TABLE livestream_period DROP CONSTRAINT livestream_period_cause_check;
ALTER TABLE livestream_period ADD CONSTRAINT livestream_period_cause_check
    CHECK (cause IN ('start', 'reconnect', 'silence', 'time_jump', 'codec_change', 'taken_over',
        'media_lost', 'ingest_failed', 'unknown'));
