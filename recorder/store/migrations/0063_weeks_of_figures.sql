-- Figures of days added up by weeks: docs/design/dashboard.md. A week is cut where a month ends.
CREATE FUNCTION week_since(day date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(date_trunc('week', day::timestamp), date_trunc('month', day::timestamp))::date
$$;
CREATE FUNCTION week_until(day date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT least(date_trunc('week', day::timestamp) + interval '6 days',
        date_trunc('month', day::timestamp) + interval '1 month' - interval '1 day')::date
$$;

CREATE TABLE scene_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    kind text NOT NULL,
    act_type text NOT NULL,
    stage text NOT NULL,
    scenes integer NOT NULL,
    must integer NOT NULL,
    recorded integer NOT NULL,
    holes integer NOT NULL,
    unrecorded integer NOT NULL,
    awaited integer NOT NULL,
    gaps integer NOT NULL,
    explained integer NOT NULL,
    recordings integer NOT NULL,
    late integer NOT NULL,
    expected_ms bigint NOT NULL,
    covered_ms bigint NOT NULL,
    missing_ms bigint NOT NULL,
    PRIMARY KEY (agency_id, since, kind, act_type, stage)
);
CREATE TABLE finding_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    findings integer NOT NULL,
    PRIMARY KEY (agency_id, since, kind, state)
);
CREATE TABLE late_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    hours integer NOT NULL,
    recordings integer NOT NULL,
    PRIMARY KEY (agency_id, since, hours)
);

CREATE TABLE figure_stale (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    since date NOT NULL,
    until date NOT NULL
);
CREATE INDEX figure_stale_agency ON figure_stale (agency_id, since);
CREATE FUNCTION note_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO figure_stale (agency_id, since, until)
    SELECT DISTINCT agency_id, week_since(day), week_until(day) FROM came;
    RETURN NULL;
END
$$;

-- What comes from now on is noted; then all that is there: none is missed.
CREATE TRIGGER scene_day_made AFTER INSERT ON scene_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER scene_day_changed AFTER UPDATE ON scene_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER finding_day_made AFTER INSERT ON finding_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER finding_day_changed AFTER UPDATE ON finding_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER late_day_made AFTER INSERT ON late_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
CREATE TRIGGER late_day_changed AFTER UPDATE ON late_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_stale();
INSERT INTO figure_stale (agency_id, since, until)
    SELECT agency_id, week_since(day), week_until(day) FROM scene_day GROUP BY 1, 2, 3
    UNION SELECT agency_id, week_since(day), week_until(day) FROM finding_day GROUP BY 1, 2, 3
    UNION SELECT agency_id, week_since(day), week_until(day) FROM late_day GROUP BY 1, 2, 3;

GRANT SELECT, INSERT, UPDATE, DELETE ON scene_week, finding_week, late_week, figure_stale
    TO recorder_service;
GRANT USAGE ON SEQUENCE figure_stale_id_seq TO recorder_service;
