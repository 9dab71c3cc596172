-- Cases that an evaluation found to be concerned too, noted in its transaction: a worker that dies
-- behind its commit leaves them to the next one (docs/design/coverage.md).
CREATE TABLE coverage_partner (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    case_id uuid NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON coverage_partner TO recorder_service;
