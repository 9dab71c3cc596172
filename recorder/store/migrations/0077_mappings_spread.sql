-- docs/design/case-feed.md.
-- How far a mapping has come: the rows of its source that came before it are read again, up to here.
CREATE TABLE feed_mapping_spread (
    mapping_id uuid PRIMARY KEY REFERENCES feed_mapping,
    source_id uuid NOT NULL REFERENCES feed_source,
    -- Whether rows that were taken may hold the code; else only the pool is looked at.
    rereads boolean NOT NULL,
    after_key text COLLATE "C" NOT NULL DEFAULT '',
    after_digest bytea NOT NULL DEFAULT '',
    done_at timestamptz
);
CREATE INDEX feed_mapping_spread_due ON feed_mapping_spread (mapping_id) WHERE done_at IS NULL;
-- What was mapped anew before this: rows that had been taken by the meaning of before are read again.
INSERT INTO feed_mapping_spread (mapping_id, source_id, rereads)
    SELECT m.id, m.source_id, true FROM feed_mapping m WHERE EXISTS (SELECT FROM feed_mapping o
        WHERE o.source_id = m.source_id AND o.field = m.field AND o.code = m.code
        AND (o.made_at, o.id) < (m.made_at, m.id));
GRANT SELECT, INSERT, UPDATE ON feed_mapping_spread TO recorder_service;
