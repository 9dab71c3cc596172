-- Figures of footage by weeks too: docs/design/dashboard.md. Marks of their own, since workers of
-- the release before take those of figure_stale away and know nothing of this table.
CREATE TABLE footage_week (
    agency_id uuid NOT NULL REFERENCES agency,
    since date NOT NULL,
    recordings integer NOT NULL,
    footage_ms bigint NOT NULL,
    unlinked integer NOT NULL,
    unlinked_ms bigint NOT NULL,
    marked integer NOT NULL,
    PRIMARY KEY (agency_id, since)
);
CREATE TABLE footage_stale (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    since date NOT NULL,
    until date NOT NULL
);
CREATE INDEX footage_stale_agency ON footage_stale (agency_id, since);
CREATE FUNCTION note_footage_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO footage_stale (agency_id, since, until)
    SELECT DISTINCT agency_id, week_since(day), week_until(day) FROM came;
    RETURN NULL;
END
$$;
CREATE TRIGGER footage_day_made AFTER INSERT ON footage_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_footage_stale();
CREATE TRIGGER footage_day_changed AFTER UPDATE ON footage_day REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION note_footage_stale();
INSERT INTO footage_stale (agency_id, since, until)
    SELECT DISTINCT agency_id, week_since(day), week_until(day) FROM footage_day;

GRANT SELECT, INSERT, UPDATE, DELETE ON footage_week, footage_stale TO recorder_service;
GRANT USAGE ON SEQUENCE footage_stale_id_seq TO recorder_service;
