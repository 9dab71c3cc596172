-- What waits in the spool of an ingest process, so that it is waited for: docs/design/live.md.
ALTER TABLE livestream
    ADD COLUMN promised_period integer,
    ADD COLUMN promised_number bigint;
