-- Livestreams in chunks, and push keys: docs/design/live-capture.md.

ALTER TABLE livestream DROP CONSTRAINT livestream_form_check;
ALTER TABLE livestream ADD CONSTRAINT livestream_form_check
    CHECK (form IN ('pushed', 'received', 'chunked'));
ALTER TABLE livestream ADD COLUMN media_type text;
ALTER TABLE livestream ADD COLUMN latitude double precision;
ALTER TABLE livestream ADD COLUMN longitude double precision;
ALTER TABLE livestream ADD COLUMN accuracy_m double precision;
ALTER TABLE livestream ADD CONSTRAINT livestream_chunked
    CHECK ((form = 'chunked') = (media_type IS NOT NULL));

ALTER TABLE livestream_period ADD COLUMN init_number bigint;
ALTER TABLE livestream_period ADD COLUMN init_length_bytes bigint CHECK (init_length_bytes > 0);

CREATE TABLE livestream_push_key (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    livestream_id uuid NOT NULL REFERENCES livestream,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    actor_name text NOT NULL,
    agency_id uuid NOT NULL REFERENCES agency,
    expires_at timestamptz NOT NULL
);
CREATE INDEX livestream_push_key_expiry ON livestream_push_key (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON livestream_push_key TO recorder_service;
