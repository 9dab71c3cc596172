-- Files of gateways: what was announced, what arrived, and of which livestream it is a copy.

CREATE TABLE gateway_file (
    gateway_id uuid NOT NULL REFERENCES gateway,
    path text NOT NULL,
    name text NOT NULL,
    announced_at timestamptz,
    recording_id uuid REFERENCES recording,
    arrived_at timestamptz,
    PRIMARY KEY (gateway_id, path),
    CHECK ((recording_id IS NULL) = (arrived_at IS NULL))
);
CREATE INDEX gateway_file_name ON gateway_file (gateway_id, name);
CREATE INDEX gateway_file_awaited ON gateway_file (gateway_id, announced_at)
    WHERE recording_id IS NULL;

ALTER TABLE recording ADD COLUMN copy_of uuid;
CREATE INDEX recording_copy_of ON recording (copy_of) WHERE copy_of IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON gateway_file TO recorder_service;
