-- A second factor of people: codes of an app (RFC 6238), and recovery codes for who lost it.

CREATE TABLE second_factor (
    person_id uuid PRIMARY KEY REFERENCES person,
    -- Base32, as the app has it: codes are computed from it, so no hash can stand in for it.
    secret text NOT NULL,
    begun_at timestamptz NOT NULL,
    -- Until then the person has only seen the secret, and signs in without a code.
    confirmed_at timestamptz,
    -- The newest time step whose code was used: none counts twice.
    last_step bigint NOT NULL DEFAULT 0
);

CREATE TABLE recovery_code (
    code_hash bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    person_id uuid NOT NULL REFERENCES person,
    made_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX recovery_code_person ON recovery_code (person_id);

-- The password was right and the code is still to come: such a session opens nothing.
ALTER TABLE session ADD COLUMN awaits_code boolean NOT NULL DEFAULT false;

GRANT SELECT, INSERT, UPDATE, DELETE ON second_factor, recovery_code TO recorder_service;
