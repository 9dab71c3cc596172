-- Duty lists, and what evaluation found: docs/design/duty-lists.md, docs/design/coverage.md.

-- A version of an agency's audio-video list; approved, it never changes again.
CREATE TABLE duty_list (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    version integer NOT NULL CHECK (version > 0),
    -- The shipped profile it began as.
    profile text,
    title text NOT NULL CHECK (title <> ''),
    note text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    -- The first day on which it is no longer in force; NULL: until a later version.
    valid_to date,
    state text NOT NULL DEFAULT 'draft'
        CHECK (state IN ('draft', 'proposed', 'approved')),
    -- Kind of finding → the rule in words.
    bases jsonb NOT NULL DEFAULT '{}',
    drafted_at timestamptz NOT NULL,
    drafted_by text NOT NULL,
    -- The act of two persons about it (docs/design/registries.md).
    approval_id uuid REFERENCES approval,
    approved_at timestamptz,
    approved_by text,
    CHECK (valid_to IS NULL OR valid_from < valid_to),
    CHECK ((state = 'approved') = (approved_at IS NOT NULL)),
    UNIQUE (agency_id, version)
);
CREATE INDEX duty_list_approved ON duty_list (agency_id, valid_from) WHERE state = 'approved';

-- A row of a list, in the columns that agencies publish.
CREATE TABLE duty_rule (
    list_id uuid NOT NULL REFERENCES duty_list,
    code text NOT NULL CHECK (code <> ''),
    n integer NOT NULL,
    level text NOT NULL
        CHECK (level IN ('full_uninterrupted', 'required', 'optional', 'exempt')),
    act_type text,
    stage text,
    scene text,
    matter text,
    starts text NOT NULL,
    ends text NOT NULL,
    place text NOT NULL,
    means text NOT NULL,
    recorder text NOT NULL,
    content text NOT NULL,
    announcement boolean NOT NULL,
    voice_statement boolean NOT NULL,
    officers integer NOT NULL CHECK (officers >= 0),
    scan boolean NOT NULL,
    retention text NOT NULL,
    deadline text NOT NULL,
    legal_basis text NOT NULL,
    PRIMARY KEY (list_id, code)
);

-- When a case was last evaluated, and to what; an equal answer writes nothing else.
CREATE TABLE coverage_case (
    case_id uuid PRIMARY KEY REFERENCES case_file,
    answer bytea NOT NULL CHECK (length(answer) = 32),
    evaluated_at timestamptz NOT NULL,
    -- A deadline in it rests on a year whose holidays were not announced.
    provisional boolean NOT NULL
);
CREATE INDEX coverage_case_provisional ON coverage_case (case_id) WHERE provisional;

-- A scene as it was evaluated last.
CREATE TABLE coverage_scene (
    case_id uuid NOT NULL REFERENCES case_file,
    key text COLLATE "C" NOT NULL,
    agency_id uuid NOT NULL REFERENCES agency,
    -- In China.
    day date NOT NULL,
    kind text NOT NULL,
    act_type text,
    stage text,
    matter text,
    officers text[] NOT NULL,
    state text NOT NULL CHECK (state IN
        ('recorded', 'holes', 'unrecorded', 'awaited', 'open', 'optional', 'exempt')),
    level text NOT NULL,
    rule text,
    legal_basis text,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    expected_ms bigint NOT NULL,
    covered_ms bigint NOT NULL,
    holes jsonb NOT NULL,
    recordings uuid[] NOT NULL,
    due_at timestamptz NOT NULL,
    provisional boolean NOT NULL,
    confidence text NOT NULL,
    PRIMARY KEY (case_id, key)
);
CREATE INDEX coverage_scene_agency ON coverage_scene (agency_id, day);
CREATE INDEX coverage_scene_officers ON coverage_scene USING gin (officers);

-- Where officers were, for the question whether they were elsewhere at that time.
CREATE TABLE coverage_presence (
    case_id uuid NOT NULL,
    scene text COLLATE "C" NOT NULL,
    officer text COLLATE "C" NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    PRIMARY KEY (case_id, scene, officer)
);
CREATE INDEX coverage_presence_officer ON coverage_presence (officer, began_at);

-- One thing expected and not found, or found and not expected.
CREATE TABLE finding (
    id uuid PRIMARY KEY,
    -- What it is about (domain/finding.py); a gap that became shorter takes the new one.
    identity uuid NOT NULL,
    case_id uuid NOT NULL REFERENCES case_file,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'major', 'minor', 'notice')),
    confidence text NOT NULL CHECK (confidence IN ('certain', 'probable', 'doubtful')),
    rule text NOT NULL,
    scene text COLLATE "C",
    about text NOT NULL,
    began_at timestamptz,
    ended_at timestamptz,
    recordings uuid[] NOT NULL,
    officers text[] NOT NULL,
    facts jsonb NOT NULL,
    -- In China: the day it is counted on.
    day date NOT NULL,
    state text NOT NULL
        CHECK (state IN ('open', 'replied', 'appealed', 'closed', 'withdrawn')),
    raised_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    -- Who is to answer, and until when.
    owner text,
    answer_by timestamptz,
    UNIQUE (case_id, identity)
);
CREATE INDEX finding_newest ON finding (raised_at DESC, id DESC) WHERE state <> 'withdrawn';
CREATE INDEX finding_agency ON finding (agency_id, raised_at DESC, id DESC)
    WHERE state <> 'withdrawn';
CREATE INDEX finding_agency_state ON finding (agency_id, state, kind, raised_at DESC, id DESC);

-- What people said about a finding, line by line; the newest of a sort counts.
CREATE TABLE finding_act (
    finding_id uuid NOT NULL REFERENCES finding,
    n integer NOT NULL,
    act text NOT NULL CHECK (act IN ('reply', 'assign', 'appeal', 'close')),
    text text NOT NULL,
    at timestamptz NOT NULL,
    by_id text NOT NULL,
    by_name text NOT NULL,
    PRIMARY KEY (finding_id, n)
);

-- Scenes of an agency's day, kept by differences (docs/design/coverage.md).
CREATE TABLE coverage_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    kind text NOT NULL,
    scenes integer NOT NULL DEFAULT 0,
    must integer NOT NULL DEFAULT 0,
    recorded integer NOT NULL DEFAULT 0,
    holes integer NOT NULL DEFAULT 0,
    unrecorded integer NOT NULL DEFAULT 0,
    awaited integer NOT NULL DEFAULT 0,
    expected_ms bigint NOT NULL DEFAULT 0,
    covered_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, kind)
);
CREATE INDEX coverage_day_day ON coverage_day (day);

-- Findings of an agency's day by kind and state, kept by differences.
CREATE TABLE finding_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    findings integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, kind, state)
);
CREATE INDEX finding_day_day ON finding_day (day);

GRANT SELECT, INSERT, UPDATE ON duty_list, duty_rule, coverage_case, coverage_scene,
    coverage_presence, finding, coverage_day, finding_day TO recorder_service;
GRANT SELECT, INSERT ON finding_act TO recorder_service;
-- Derived from what stays: scenes and presences that are no more, and rules of drafts.
GRANT DELETE ON duty_rule, coverage_scene, coverage_presence TO recorder_service;
