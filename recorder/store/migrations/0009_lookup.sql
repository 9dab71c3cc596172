-- Searches and lists that stay fast with millions of rows: docs/design/cases.md, docs/benchmarks.md.

-- Newest cases first, with their keys and nothing else read: for everybody and for one agency.
CREATE INDEX case_identifier_newest ON case_identifier (case_id) INCLUDE (key);
CREATE INDEX case_identifier_agency ON case_identifier (agency_id, case_id) INCLUDE (key);
DROP INDEX case_identifier_case;
-- Beginnings in the order of keys, with the cases they lead to.
CREATE INDEX case_identifier_beginning ON case_identifier (key) INCLUDE (case_id);
DROP INDEX case_identifier_key;
ALTER TABLE case_identifier DROP CONSTRAINT case_identifier_agency_id_key_scheme_key;
ALTER TABLE case_identifier ADD CONSTRAINT case_identifier_agency_id_key_scheme_key
    UNIQUE (agency_id, key, scheme) INCLUDE (case_id);
-- How common each gram is decides how a piece of a number is sought.
ALTER TABLE case_identifier ALTER COLUMN grams SET STATISTICS 300;

-- Footage by when it began, in the order of such a list.
DROP INDEX recording_time;
CREATE INDEX recording_time ON recording ((coalesce(started_at, received_at)) DESC, id DESC);
CREATE INDEX recording_agency_time
    ON recording (agency_id, (coalesce(started_at, received_at)) DESC, id DESC);
-- Officers' numbers hardly repeat: one index for every agency's and for everybody's view.
CREATE INDEX recording_officer_newest ON recording (officer, created_at DESC, id DESC);
DROP INDEX recording_officer;
-- Footage by the beginning of its name.
CREATE INDEX recording_name ON recording ((lower(original_name) COLLATE "C"));
CREATE INDEX recording_quarantined_newest ON recording (created_at DESC, id DESC)
    WHERE admission = 'quarantined';

CREATE INDEX task_run_failed_newest ON task_run (finished_at DESC, id DESC)
    WHERE state = 'failed';
CREATE INDEX alarm_open_newest ON alarm (raised_at DESC, id DESC) WHERE cleared_at IS NULL;
