-- Acts that need two persons.

-- What needs two persons: one proposes, another decides (docs/design/registries.md).
CREATE TABLE approval (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    kind text NOT NULL CHECK (kind <> ''),
    subject_id uuid NOT NULL,
    title text NOT NULL,
    -- SHA-256 of what was proposed: nothing else can be approved.
    digest bytea NOT NULL CHECK (length(digest) = 32),
    proposed_by_kind text NOT NULL,
    proposed_by_id text NOT NULL,
    proposed_by_name text NOT NULL,
    proposed_by_officer text,
    proposed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'proposed'
        CHECK (state IN ('proposed', 'approved', 'refused', 'expired', 'withdrawn')),
    -- NULL: by the clock, or not yet.
    decided_by_kind text,
    decided_by_id text,
    decided_by_name text,
    decided_by_officer text,
    decided_at timestamptz,
    reason text,
    CHECK ((state = 'proposed') = (decided_at IS NULL)),
    -- Whatever the service believes: nobody approves the own proposal.
    CHECK (state NOT IN ('approved', 'refused')
        OR (decided_by_id IS NOT NULL AND decided_by_kind = 'person'
            AND (decided_by_kind, decided_by_id) <> (proposed_by_kind, proposed_by_id)))
);
CREATE UNIQUE INDEX approval_open ON approval (kind, subject_id) WHERE state = 'proposed';
CREATE INDEX approval_due ON approval (expires_at) WHERE state = 'proposed';
CREATE INDEX approval_subject ON approval (kind, subject_id, proposed_at);
CREATE INDEX approval_newest ON approval (proposed_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON approval TO recorder_service;
