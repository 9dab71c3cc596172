-- Watching livestreams: docs/design/live.md.

CREATE TABLE livestream_ticket (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    livestream_id uuid NOT NULL REFERENCES livestream,
    recording_id uuid REFERENCES recording,
    actor_id text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX livestream_ticket_expiry ON livestream_ticket (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON livestream_ticket TO recorder_service;
