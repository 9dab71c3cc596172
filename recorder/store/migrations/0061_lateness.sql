-- How late footage was handed in, and answers that are overdue: docs/design/dashboard.md.
ALTER TABLE coverage_scene ADD COLUMN late_ms bigint[] NOT NULL DEFAULT '{}';

CREATE VIEW counted_late AS
    SELECT s.case_id, s.agency_id, s.day, s.officers,
        least(1 + ms / 3600000, 10000)::integer AS hours
    FROM coverage_scene s, unnest(s.late_ms) AS ms;

CREATE TABLE late_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    hours integer NOT NULL,
    recordings integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, hours)
);
GRANT SELECT, INSERT, UPDATE ON late_day TO recorder_service;
GRANT SELECT, INSERT, UPDATE ON counted_late TO recorder_service;

-- Scenes of before say how late once they are evaluated again.
INSERT INTO coverage_due (case_id, since, bulk, because)
    SELECT DISTINCT case_id, now(), true, 'list' FROM coverage_scene WHERE late > 0
    ON CONFLICT (case_id) DO NOTHING;
