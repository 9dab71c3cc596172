-- Cases whose coverage must be evaluated again: docs/design/coverage.md.

CREATE TABLE coverage_due (
    case_id uuid PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT '-infinity',
    bulk boolean NOT NULL DEFAULT false,
    because text NOT NULL
);
CREATE INDEX coverage_due_next ON coverage_due (bulk, due_at, since);
GRANT SELECT, INSERT, UPDATE, DELETE ON coverage_due TO recorder_service;
