-- Figures of days for the dashboard: docs/design/dashboard.md.

-- How many of a scene's recordings were handed in late.
ALTER TABLE coverage_scene ADD COLUMN late integer NOT NULL DEFAULT 0;
UPDATE coverage_scene s SET late = found.late FROM (
    SELECT s.case_id, s.key, count(*) AS late FROM coverage_scene s JOIN finding f
        ON f.case_id = s.case_id AND f.kind = 'upload_late' AND f.state <> 'withdrawn'
        AND f.recordings && s.recordings
    GROUP BY s.case_id, s.key
) found WHERE found.case_id = s.case_id AND found.key = s.key;

-- Workers of before do not count in the tables below: what they would write is refused, the case
-- stays due, and a worker that counts evaluates it.
ALTER TABLE coverage_scene ADD COLUMN counted boolean NOT NULL DEFAULT true CHECK (counted);
ALTER TABLE coverage_scene ALTER COLUMN counted SET DEFAULT false;

-- What figures make of a scene.
CREATE VIEW counted_scene AS
    SELECT s.case_id, s.agency_id, s.day, s.kind, coalesce(s.act_type, '') AS act_type,
        coalesce(s.stage, '') AS stage, s.officers, 1 AS scenes,
        (s.level IN ('full_uninterrupted', 'required'))::integer AS must,
        (s.state = 'recorded')::integer AS recorded,
        (s.state = 'holes')::integer AS holes,
        (s.state = 'unrecorded')::integer AS unrecorded,
        (s.state = 'awaited')::integer AS awaited,
        CASE WHEN s.state = 'holes' THEN jsonb_array_length(s.holes) ELSE 0 END AS gaps,
        CASE WHEN s.state = 'holes' THEN (SELECT count(*) FROM jsonb_array_elements(s.holes) hole
            WHERE hole ->> 'reason' IS NOT NULL)::integer ELSE 0 END AS explained,
        cardinality(s.recordings) AS recordings, s.late, s.expected_ms, s.covered_ms,
        CASE WHEN s.state IN ('holes', 'unrecorded') THEN s.expected_ms - s.covered_ms ELSE 0 END
            AS missing_ms
    FROM coverage_scene s;

-- Scenes of an agency's day, kept by differences. An act type or stage that is unknown is ''.
CREATE TABLE scene_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    kind text NOT NULL,
    act_type text NOT NULL,
    stage text NOT NULL,
    scenes integer NOT NULL DEFAULT 0,
    must integer NOT NULL DEFAULT 0,
    recorded integer NOT NULL DEFAULT 0,
    holes integer NOT NULL DEFAULT 0,
    unrecorded integer NOT NULL DEFAULT 0,
    awaited integer NOT NULL DEFAULT 0,
    gaps integer NOT NULL DEFAULT 0,
    explained integer NOT NULL DEFAULT 0,
    recordings integer NOT NULL DEFAULT 0,
    late integer NOT NULL DEFAULT 0,
    expected_ms bigint NOT NULL DEFAULT 0,
    covered_ms bigint NOT NULL DEFAULT 0,
    missing_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, kind, act_type, stage)
);

-- Scenes of an officer's day in an agency, kept by differences; a scene of two counts for both.
CREATE TABLE officer_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    officer text COLLATE "C" NOT NULL,
    scenes integer NOT NULL DEFAULT 0,
    must integer NOT NULL DEFAULT 0,
    recorded integer NOT NULL DEFAULT 0,
    holes integer NOT NULL DEFAULT 0,
    unrecorded integer NOT NULL DEFAULT 0,
    awaited integer NOT NULL DEFAULT 0,
    gaps integer NOT NULL DEFAULT 0,
    explained integer NOT NULL DEFAULT 0,
    recordings integer NOT NULL DEFAULT 0,
    late integer NOT NULL DEFAULT 0,
    expected_ms bigint NOT NULL DEFAULT 0,
    covered_ms bigint NOT NULL DEFAULT 0,
    missing_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day, officer)
);
INSERT INTO scene_day SELECT agency_id, day, kind, act_type, stage, sum(scenes), sum(must),
    sum(recorded), sum(holes), sum(unrecorded), sum(awaited), sum(gaps), sum(explained),
    sum(recordings), sum(late), sum(expected_ms), sum(covered_ms), sum(missing_ms)
    FROM counted_scene GROUP BY agency_id, day, kind, act_type, stage;
INSERT INTO officer_day SELECT agency_id, day, o.officer, sum(scenes), sum(must),
    sum(recorded), sum(holes), sum(unrecorded), sum(awaited), sum(gaps), sum(explained),
    sum(recordings), sum(late), sum(expected_ms), sum(covered_ms), sum(missing_ms)
    FROM counted_scene s, LATERAL (SELECT DISTINCT unnest(s.officers)) AS o (officer)
    GROUP BY agency_id, day, o.officer;
-- What waits for an answer, however old.
CREATE INDEX finding_day_waiting ON finding_day (agency_id, day)
    WHERE state IN ('open', 'replied', 'appealed');

-- Footage of a device's day as officers made it. '' where the sender named none.
CREATE TABLE device_day (
    agency_id uuid NOT NULL REFERENCES agency,
    device text COLLATE "C" NOT NULL,
    day date NOT NULL,
    officer text COLLATE "C" NOT NULL,
    recordings integer NOT NULL DEFAULT 0,
    footage_ms bigint NOT NULL DEFAULT 0,
    unlinked integer NOT NULL DEFAULT 0,
    unlinked_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, device, day, officer)
);
CREATE INDEX device_day_day ON device_day (agency_id, day);
CREATE INDEX device_day_officer ON device_day (officer, day);

-- The same of an agency's day.
CREATE TABLE footage_day (
    agency_id uuid NOT NULL REFERENCES agency,
    day date NOT NULL,
    recordings integer NOT NULL DEFAULT 0,
    footage_ms bigint NOT NULL DEFAULT 0,
    unlinked integer NOT NULL DEFAULT 0,
    unlinked_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, day)
);

-- On which days of a month a device made footage: bit 0 is the first.
CREATE TABLE device_month (
    agency_id uuid NOT NULL REFERENCES agency,
    month date NOT NULL,
    device text COLLATE "C" NOT NULL,
    days integer NOT NULL,
    PRIMARY KEY (agency_id, month, device)
);

-- Differences of footage that are not in the tables above yet: whoever writes recordings waits for
-- nobody else who does.
CREATE TABLE footage_delta (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    device text NOT NULL,
    day date NOT NULL,
    officer text NOT NULL,
    recordings integer NOT NULL,
    footage_ms bigint NOT NULL,
    unlinked integer NOT NULL,
    unlinked_ms bigint NOT NULL
);

-- What figures make of a recording; none of one that is withheld. No footage is younger than its
-- arrival, whatever its clock says.
CREATE FUNCTION counted_footage(r recording) RETURNS TABLE (agency_id uuid, device text, day date,
    officer text, recordings integer, footage_ms bigint, unlinked integer, unlinked_ms bigint)
    LANGUAGE sql STABLE AS $$
    SELECT r.agency_id, coalesce(r.device_number, ''),
        (least(coalesce(r.started_at, r.received_at), r.received_at)
            AT TIME ZONE interval '8 hours')::date,
        coalesce(r.officer, ''), 1, ms, (r.links = 0)::integer,
        CASE WHEN r.links = 0 THEN ms ELSE 0 END
    FROM (SELECT coalesce(greatest(0, extract(epoch FROM r.ended_at - r.started_at) * 1000), 0)
        ::bigint AS ms) AS length
    WHERE r.admission = 'admitted' AND r.integrity <> 'mismatched'
$$;
CREATE FUNCTION count_new_footage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO footage_delta (agency_id, device, day, officer, recordings, footage_ms, unlinked,
        unlinked_ms)
    SELECT c.agency_id, c.device, c.day, c.officer, sum(c.recordings), sum(c.footage_ms),
        sum(c.unlinked), sum(c.unlinked_ms)
    FROM came r, LATERAL counted_footage(r::recording) c
    GROUP BY c.agency_id, c.device, c.day, c.officer;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_changed_footage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO footage_delta (agency_id, device, day, officer, recordings, footage_ms, unlinked,
        unlinked_ms)
    SELECT agency_id, device, day, officer, sum(recordings), sum(footage_ms), sum(unlinked),
        sum(unlinked_ms)
    FROM (SELECT agency_id, device, day, officer, recordings, footage_ms, unlinked, unlinked_ms
            FROM counted_footage(NEW)
        UNION ALL SELECT agency_id, device, day, officer, -recordings, -footage_ms, -unlinked,
            -unlinked_ms FROM counted_footage(OLD)) AS both_sides
    GROUP BY agency_id, device, day, officer
    HAVING (sum(recordings), sum(footage_ms), sum(unlinked), sum(unlinked_ms)) <> (0, 0, 0, 0);
    RETURN NULL;
END
$$;
-- Triggers, so that what the release before this one writes is counted as well.
CREATE TRIGGER recording_counted
    AFTER INSERT ON recording REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_footage();
CREATE TRIGGER recording_recounted
    AFTER UPDATE OF agency_id, device_number, officer, integrity, admission, received_at,
        started_at, ended_at, links ON recording
    FOR EACH ROW EXECUTE FUNCTION count_changed_footage();
INSERT INTO footage_delta (agency_id, device, day, officer, recordings, footage_ms, unlinked,
    unlinked_ms)
SELECT c.agency_id, c.device, c.day, c.officer, sum(c.recordings), sum(c.footage_ms),
    sum(c.unlinked), sum(c.unlinked_ms)
FROM recording r, LATERAL counted_footage(r) c
GROUP BY c.agency_id, c.device, c.day, c.officer;

GRANT SELECT, INSERT, UPDATE ON counted_scene, scene_day, officer_day, device_day, footage_day,
    device_month, footage_delta TO recorder_service;
GRANT DELETE ON footage_delta TO recorder_service;
GRANT USAGE ON SEQUENCE footage_delta_id_seq TO recorder_service;
