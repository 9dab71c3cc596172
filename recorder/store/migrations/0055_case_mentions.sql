-- Plans of joint checks and parties that cases mention (R80, R84).
CREATE TABLE case_mention (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES case_file,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL CHECK (kind IN ('plan', 'party')),
    text text NOT NULL,
    code text COLLATE "C" NOT NULL DEFAULT '',
    find text COLLATE "C" NOT NULL,
    grams text[] NOT NULL,
    source_id uuid REFERENCES feed_source,
    key text COLLATE "C",
    said_at timestamptz NOT NULL,
    said_by text NOT NULL,
    withdrawn_at timestamptz,
    CHECK ((source_id IS NULL) = (key IS NULL))
);
CREATE INDEX case_mention_case ON case_mention (case_id);
CREATE INDEX case_mention_find ON case_mention (kind, find);
CREATE INDEX case_mention_code ON case_mention (code) WHERE code <> '';
CREATE INDEX case_mention_grams ON case_mention USING gin (grams);
CREATE INDEX case_mention_row ON case_mention (source_id, key) WHERE source_id IS NOT NULL;
CREATE UNIQUE INDEX case_mention_person ON case_mention (case_id, kind, find)
    WHERE source_id IS NULL AND withdrawn_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON case_mention TO recorder_service;
