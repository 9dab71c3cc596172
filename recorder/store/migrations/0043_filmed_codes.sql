-- QR codes that were read from the beginning of footage: docs/design/attribution.md.
CREATE TABLE filmed_code (
    recording_id uuid NOT NULL REFERENCES recording,
    -- The key of a number or a scan, as case_identifier has it.
    key text NOT NULL,
    text text NOT NULL,
    -- Where in the media it is first seen.
    media_ms bigint NOT NULL CHECK (media_ms >= 0),
    read_at timestamptz NOT NULL,
    PRIMARY KEY (recording_id, key)
);
GRANT SELECT, INSERT ON filmed_code TO recorder_service;
