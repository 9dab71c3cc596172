-- Media servers of others that ask us about publishers and write files: docs/design/live-gateways.md.

CREATE TABLE gateway (
    dock_id uuid PRIMARY KEY REFERENCES dock,
    kind text NOT NULL CHECK (kind IN ('mediamtx', 'srs', 'zlmediakit', 'nginx-rtmp')),
    secret_hash bytea NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    trusted_apps text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    heard_at timestamptz
);

CREATE TABLE gateway_stream (
    gateway_id uuid NOT NULL REFERENCES gateway,
    stream text NOT NULL,
    protocol text,
    accepted integer NOT NULL DEFAULT 0,
    accepted_at timestamptz,
    accepted_address text,
    began_at timestamptz,
    ended_at timestamptz,
    refused integer NOT NULL DEFAULT 0,
    refused_at timestamptz,
    refused_address text,
    refusal text,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (gateway_id, stream)
);

GRANT SELECT, INSERT, UPDATE ON gateway, gateway_stream TO recorder_service;
