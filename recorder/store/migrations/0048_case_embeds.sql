-- Addresses under which a page of another system shows one case for a while: docs/design/embeds.md.
CREATE TABLE case_embed (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    case_id uuid NOT NULL REFERENCES case_file,
    token_id uuid NOT NULL REFERENCES token,
    number text NOT NULL,
    on_behalf_of text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX case_embed_expires ON case_embed (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON case_embed TO recorder_service;
