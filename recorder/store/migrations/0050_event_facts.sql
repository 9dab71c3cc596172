-- What other systems' models are told of each event of a case: docs/design/fact-feed.md.

-- The one feed: its life (a restored database begins another), and the position given out last.
CREATE TABLE event_fact_feed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO event_fact_feed DEFAULT VALUES;

-- The newest version of each fact; a new version takes a new position.
CREATE TABLE event_fact (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    day date NOT NULL,
    officers text[] NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    position bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    -- The event counts no more; the body is what it said last.
    withdrawn boolean NOT NULL DEFAULT false,
    body text NOT NULL
);
CREATE UNIQUE INDEX event_fact_position ON event_fact (position);
CREATE INDEX event_fact_agency ON event_fact (agency_id, position);
CREATE INDEX event_fact_day ON event_fact (day, position);
CREATE INDEX event_fact_case ON event_fact (case_id);

GRANT SELECT, UPDATE ON event_fact_feed TO recorder_service;
GRANT SELECT, INSERT, UPDATE ON event_fact TO recorder_service;

ALTER TABLE token DROP CONSTRAINT token_role_check;
ALTER TABLE token ADD CONSTRAINT token_role_check CHECK (role IN
    ('device', 'dock', 'officer', 'supervisor', 'administrator', 'source', 'reader', 'embedder'));

-- Every case with an event gets its facts, behind what happens today.
INSERT INTO coverage_due (case_id, since, due_at, bulk, because)
    SELECT DISTINCT case_id, now(), '-infinity'::timestamptz, true, 'event' FROM case_event
    ON CONFLICT (case_id) DO NOTHING;
