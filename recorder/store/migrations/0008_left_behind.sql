-- What a lost database left in the store: known, harmless, and nothing that anybody may trust.
CREATE TABLE left_behind (
    bucket text NOT NULL CHECK (bucket IN ('renditions', 'staging')),
    object_key text NOT NULL,
    version text NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (bucket, object_key, version)
);

GRANT SELECT, INSERT ON left_behind TO recorder_service;
