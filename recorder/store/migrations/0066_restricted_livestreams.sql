-- Who may watch a livestream can be narrowed while it runs (docs/design/restrictions.md); what it
-- becomes is restricted by the same act.
CREATE TABLE livestream_restriction (
    act uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    livestream_id uuid NOT NULL REFERENCES livestream,
    ground text NOT NULL
        CHECK (ground IN ('private_space', 'personal_privacy', 'commercial_secret', 'minor')),
    basis text NOT NULL CHECK (basis <> ''),
    imposed_at timestamptz NOT NULL,
    imposed_by text NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text,
    noted_at timestamptz,
    lift_noted_at timestamptz,
    CHECK ((lifted_at IS NULL) = (lift_reason IS NULL)),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE INDEX livestream_restriction_livestream
    ON livestream_restriction (livestream_id, imposed_at);
GRANT SELECT, INSERT ON livestream_restriction TO recorder_service;
GRANT UPDATE (lifted_at, lifted_by, lift_reason, noted_at, lift_noted_at)
    ON livestream_restriction TO recorder_service;
CREATE INDEX livestream_restriction_unnoted ON livestream_restriction (imposed_at)
    WHERE noted_at IS NULL OR (lifted_at IS NOT NULL AND lift_noted_at IS NULL);

-- When the store held a note of it, with which a rebuild finds it again.
ALTER TABLE restriction ADD COLUMN noted_at timestamptz;
ALTER TABLE restriction ADD COLUMN lift_noted_at timestamptz;
GRANT UPDATE (noted_at, lift_noted_at) ON restriction TO recorder_service;
