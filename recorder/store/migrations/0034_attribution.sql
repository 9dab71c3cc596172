-- Footage finds its case by rule, or is shown to a person: docs/design/attribution.md.

ALTER TABLE case_link DROP CONSTRAINT case_link_origin_check;
ALTER TABLE case_link ADD CONSTRAINT case_link_origin_check
    CHECK (origin IN ('upload', 'person', 'merge', 'rule'));

ALTER TABLE recording ADD COLUMN attributed_at timestamptz;
ALTER TABLE case_event ADD COLUMN attributed_at timestamptz;
CREATE INDEX case_event_agency ON case_event (agency_id, began_at);
CREATE INDEX case_event_unattributed ON case_event (changed_at)
    WHERE attributed_at IS NULL OR attributed_at < changed_at;

CREATE TABLE link_proposal (
    recording_id uuid NOT NULL REFERENCES recording,
    case_id uuid NOT NULL REFERENCES case_file,
    event_id uuid REFERENCES case_event,
    points integer NOT NULL,
    evidence text[] NOT NULL,
    proposed_at timestamptz NOT NULL,
    decision text CHECK (decision IN ('accepted', 'rejected')),
    decided_at timestamptz,
    decided_by text,
    PRIMARY KEY (recording_id, case_id),
    CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX link_proposal_case ON link_proposal (case_id);
CREATE INDEX link_proposal_open ON link_proposal (proposed_at) WHERE decision IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON link_proposal TO recorder_service;
