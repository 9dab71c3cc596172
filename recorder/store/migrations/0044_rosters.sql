-- Who is on duty when, and for what (排班): docs/design/registries.md.
CREATE TABLE roster (
    id uuid PRIMARY KEY,
    officer text NOT NULL CHECK (officer <> ''),
    agency_id uuid NOT NULL REFERENCES agency,
    begins_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    -- What the officer is to do: words, or the number of a case or inspection.
    duty text NOT NULL DEFAULT '',
    cancelled boolean NOT NULL DEFAULT false,
    -- The day on which it begins, in China.
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import DEFERRABLE INITIALLY DEFERRED,
    CHECK (valid_from <= valid_to),
    CHECK (begins_at < ends_at)
);
CREATE UNIQUE INDEX roster_officer ON roster (officer, begins_at) WHERE superseded_at IS NULL;
CREATE INDEX roster_agency ON roster (agency_id, begins_at) WHERE superseded_at IS NULL;
GRANT SELECT, INSERT ON roster TO recorder_service;
GRANT UPDATE (superseded_at) ON roster TO recorder_service;

ALTER TABLE registry_import DROP CONSTRAINT registry_import_kind_check;
ALTER TABLE registry_import ADD CONSTRAINT registry_import_kind_check CHECK (kind IN
    ('organisations', 'officers', 'devices', 'handovers', 'rosters', 'matters', 'subjects',
    'entrustments', 'holidays'));
