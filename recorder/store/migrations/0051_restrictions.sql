-- Who may watch a recording can be narrowed, with the ground and its basis (R12, R69): lifted with a
-- reason, never removed. Until every process is of this release, those before it do not know of it.
CREATE TABLE restriction (
    id uuid PRIMARY KEY,
    act uuid NOT NULL,
    agency_id uuid NOT NULL REFERENCES agency,
    recording_id uuid NOT NULL REFERENCES recording,
    ground text NOT NULL
        CHECK (ground IN ('private_space', 'personal_privacy', 'commercial_secret', 'minor')),
    basis text NOT NULL CHECK (basis <> ''),
    imposed_at timestamptz NOT NULL,
    imposed_by text NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text,
    CHECK ((lifted_at IS NULL) = (lift_reason IS NULL)),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE INDEX restriction_recording ON restriction (recording_id, imposed_at);
CREATE INDEX restriction_act ON restriction (act);
GRANT SELECT, INSERT ON restriction TO recorder_service;
GRANT UPDATE (lifted_at, lifted_by, lift_reason) ON restriction TO recorder_service;

ALTER TABLE recording ADD COLUMN restrictions text[] NOT NULL DEFAULT '{}';
