-- How much of the footage bears marks (R49): counted as other figures of footage are, by differences
-- of its own, which services of before leave alone.
ALTER TABLE recording ADD COLUMN marks integer NOT NULL DEFAULT 0 CHECK (marks >= 0);
UPDATE recording r SET marks = m.marks FROM (SELECT recording_id, count(*) AS marks FROM mark
    WHERE withdrawn_at IS NULL AND recording_id IS NOT NULL GROUP BY recording_id) m
    WHERE m.recording_id = r.id;
ALTER TABLE device_day ADD COLUMN marked integer NOT NULL DEFAULT 0;
ALTER TABLE footage_day ADD COLUMN marked integer NOT NULL DEFAULT 0;
CREATE TABLE marked_delta (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    device text NOT NULL,
    day date NOT NULL,
    officer text NOT NULL,
    marked integer NOT NULL
);
CREATE FUNCTION count_new_marked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO marked_delta (agency_id, device, day, officer, marked)
    SELECT c.agency_id, c.device, c.day, c.officer, count(*)
    FROM came r, LATERAL counted_footage(r::recording) c WHERE r.marks > 0
    GROUP BY c.agency_id, c.device, c.day, c.officer;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_changed_marked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO marked_delta (agency_id, device, day, officer, marked)
    SELECT agency_id, device, day, officer, sum(marked)
    FROM (SELECT agency_id, device, day, officer, 1 AS marked FROM counted_footage(NEW)
            WHERE NEW.marks > 0
        UNION ALL SELECT agency_id, device, day, officer, -1 FROM counted_footage(OLD)
            WHERE OLD.marks > 0) AS both_sides
    GROUP BY agency_id, device, day, officer HAVING sum(marked) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER recording_marked
    AFTER INSERT ON recording REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_marked();
CREATE TRIGGER recording_remarked
    AFTER UPDATE OF agency_id, device_number, officer, integrity, admission, received_at,
        started_at, marks ON recording
    FOR EACH ROW WHEN (OLD.marks > 0 OR NEW.marks > 0) EXECUTE FUNCTION count_changed_marked();
INSERT INTO marked_delta (agency_id, device, day, officer, marked)
SELECT c.agency_id, c.device, c.day, c.officer, count(*)
FROM recording r, LATERAL counted_footage(r) c WHERE r.marks > 0
GROUP BY c.agency_id, c.device, c.day, c.officer;
GRANT SELECT, INSERT, UPDATE, DELETE ON marked_delta TO recorder_service;
GRANT USAGE ON SEQUENCE marked_delta_id_seq TO recorder_service;
