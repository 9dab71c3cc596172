-- How far a source was taken, and one more cause of a period: docs/design/live-pull.md.

ALTER TABLE livestream_source ADD COLUMN bookmark text;

ALTER TABLE livestream_period DROP CONSTRAINT livestream_period_cause_check;
ALTER TABLE livestream_period ADD CONSTRAINT livestream_period_cause_check
    CHECK (cause IN ('start', 'reconnect', 'silence', 'time_jump', 'codec_change', 'taken_over',
        'discontinuity', 'media_lost', 'ingest_failed', 'unknown'));
