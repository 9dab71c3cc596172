-- Registries: who enforces, with what, under which powers (docs/design/registries.md).

-- One file of a registry that was taken (docs/design/registries.md); its rows name it.
CREATE TABLE registry_import (
    id uuid PRIMARY KEY,
    -- Of whoever imported; NULL: of every agency.
    agency_id uuid REFERENCES agency,
    kind text NOT NULL CHECK (kind IN ('organisations', 'officers', 'devices', 'handovers',
        'matters', 'subjects', 'entrustments', 'holidays')),
    file_name text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    length_bytes bigint NOT NULL CHECK (length_bytes >= 0),
    rows integer NOT NULL CHECK (rows >= 0),
    added integer NOT NULL CHECK (added >= 0),
    changed integer NOT NULL CHECK (changed >= 0),
    ended integer NOT NULL CHECK (ended >= 0),
    imported_by text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX registry_import_newest ON registry_import (at DESC, id DESC);

-- What is said of an agency for a span of days. As all rows of registries: valid_from and valid_to
-- are its first and last day, infinity where they are open; a row is never overwritten, only
-- superseded by others, so that it can be asked what was known at any time of any day.
CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL,
    short_name text NOT NULL DEFAULT '',
    kind text NOT NULL
        CHECK (kind IN ('city', 'district', 'street', 'bureau', 'branch', 'entrusted')),
    parent_id uuid REFERENCES agency,
    -- Unified social credit code as it was written; a wrong check digit is flagged, not lost.
    uscc text NOT NULL DEFAULT '',
    uscc_valid boolean NOT NULL DEFAULT true,
    region text NOT NULL DEFAULT '',
    -- The agencies whose place it took.
    predecessors uuid[] NOT NULL DEFAULT '{}',
    -- In whose name an entrusted body or a branch acts.
    on_behalf_of uuid REFERENCES agency,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import,
    CHECK (valid_from <= valid_to),
    CHECK (parent_id <> agency_id)
);
CREATE UNIQUE INDEX organisation_agency ON organisation (agency_id, valid_from)
    WHERE superseded_at IS NULL;
CREATE INDEX organisation_uscc ON organisation (uscc) WHERE superseded_at IS NULL;

-- Which other agencies people of an agency see, as the tree stands now; made from organisation.
CREATE TABLE agency_reach (
    agency_id uuid NOT NULL REFERENCES agency,
    seen_id uuid NOT NULL REFERENCES agency,
    -- A branch: they also act there.
    acts boolean NOT NULL,
    PRIMARY KEY (agency_id, seen_id),
    CHECK (agency_id <> seen_id)
);

-- The one filter of every list: whether a row's agency is among those that the asker sees; NULL
-- sees all. It is inlined, and one agency is compared as such, for the plan of a plain column.
CREATE FUNCTION in_scope(agency uuid, seen uuid[]) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$
    SELECT seen IS NULL OR (cardinality(seen) = 1 AND agency = seen[1])
        OR (cardinality(seen) <> 1 AND agency = ANY (seen))
$$;

-- Numbers of officers exist once in a city: recordings and hand-overs name them by nothing else.
CREATE TABLE officer (
    id uuid PRIMARY KEY,
    number text NOT NULL CHECK (number <> ''),
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL,
    -- As devices know the officer (GA/T 947: 6 characters).
    user_number text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX officer_number ON officer (number, valid_from) WHERE superseded_at IS NULL;
CREATE INDEX officer_agency ON officer (agency_id, number) WHERE superseded_at IS NULL;
CREATE INDEX officer_user_number ON officer (user_number)
    WHERE superseded_at IS NULL AND user_number <> '';

CREATE TABLE officer_certificate (
    id uuid PRIMARY KEY,
    officer text NOT NULL CHECK (officer <> ''),
    number text NOT NULL CHECK (number <> '' AND length(number) <= 32),
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX officer_certificate_officer
    ON officer_certificate (officer, number, valid_from) WHERE superseded_at IS NULL;
CREATE INDEX officer_certificate_number ON officer_certificate (number)
    WHERE superseded_at IS NULL;

-- The fields of a device by GA/T 947, as somebody wrote them: codes are text.
CREATE TABLE device_registration (
    id uuid PRIMARY KEY,
    device_id uuid NOT NULL REFERENCES device,
    agency_id uuid NOT NULL REFERENCES agency,
    serial text NOT NULL DEFAULT '',
    user_number text NOT NULL DEFAULT '',
    user_name text NOT NULL DEFAULT '',
    unit_number text NOT NULL DEFAULT '',
    unit_name text NOT NULL DEFAULT '',
    -- The names as the device holds them, where they came as bytes.
    user_name_raw bytea,
    unit_name_raw bytea,
    -- Its 20 digits by GB/T 28181, where it has any.
    gb28181 text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX device_registration_device ON device_registration (device_id, valid_from)
    WHERE superseded_at IS NULL;
CREATE INDEX device_registration_gb28181 ON device_registration (gb28181)
    WHERE superseded_at IS NULL AND gb28181 <> '';

-- A row of the list of powers (职权事项).
CREATE TABLE matter (
    id uuid PRIMARY KEY,
    code text NOT NULL CHECK (code <> ''),
    name text NOT NULL,
    act_type text CHECK (act_type IN
        ('penalty', 'inspection', 'coercion', 'licence', 'levy', 'requisition')),
    agency_id uuid NOT NULL REFERENCES agency,
    legal_basis text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX matter_code ON matter (code, agency_id, valid_from)
    WHERE superseded_at IS NULL;
CREATE INDEX matter_agency ON matter (agency_id, code) WHERE superseded_at IS NULL;

-- A published subject of enforcement (执法主体公告).
CREATE TABLE enforcement_subject (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('statutory', 'authorised')),
    announced_at date,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import,
    CHECK (valid_from <= valid_to)
);
CREATE UNIQUE INDEX enforcement_subject_agency
    ON enforcement_subject (agency_id, name, valid_from) WHERE superseded_at IS NULL;

-- Whom an agency lets act in its name (委托), matter by matter; an empty matter means every one.
CREATE TABLE entrustment (
    id uuid PRIMARY KEY,
    -- The principal: in whose name.
    agency_id uuid NOT NULL REFERENCES agency,
    agent_id uuid NOT NULL REFERENCES agency,
    matter text NOT NULL DEFAULT '',
    document text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import,
    CHECK (valid_from <= valid_to),
    CHECK (agency_id <> agent_id)
);
CREATE UNIQUE INDEX entrustment_principal
    ON entrustment (agency_id, agent_id, matter, valid_from) WHERE superseded_at IS NULL;
CREATE INDEX entrustment_agent ON entrustment (agent_id, matter) WHERE superseded_at IS NULL;

-- Days that are no working days although the week says so, and the other way round.
CREATE TABLE holiday (
    id uuid PRIMARY KEY,
    day date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('holiday', 'workday')),
    name text NOT NULL DEFAULT '',
    noted_at timestamptz NOT NULL,
    superseded_at timestamptz,
    import_id uuid REFERENCES registry_import
);
CREATE UNIQUE INDEX holiday_day ON holiday (day) WHERE superseded_at IS NULL;

GRANT SELECT, INSERT ON registry_import, agency_reach, organisation, officer, officer_certificate, device_registration, matter,
    enforcement_subject, entrustment, holiday TO recorder_service;
GRANT DELETE, UPDATE ON agency_reach TO recorder_service;
-- The only thing that ever happens to a row.
GRANT UPDATE (superseded_at) ON organisation, officer, officer_certificate, device_registration, matter,
    enforcement_subject, entrustment, holiday
    TO recorder_service;
