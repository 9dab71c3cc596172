-- Where footage comes from that no device brought (R12, R25), and with what it was made (R13).
CREATE TABLE provenance (
    recording_id uuid PRIMARY KEY REFERENCES recording,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL
        CHECK (kind IN ('party', 'witness', 'surveillance', 'organ', 'card', 'other')),
    reason text,
    provider text,
    handed_over_at timestamptz,
    receipt text,
    stated_at timestamptz NOT NULL,
    stated_by text NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON provenance TO recorder_service;

ALTER TABLE recording ADD COLUMN provenance text
    CHECK (provenance IN ('party', 'witness', 'surveillance', 'organ', 'card', 'other', 'unsaid'));
ALTER TABLE recording ADD COLUMN camera text
    CHECK (camera IN ('body', 'vehicle', 'room', 'surveillance', 'drone', 'phone', 'hand', 'sound',
        'other'));
