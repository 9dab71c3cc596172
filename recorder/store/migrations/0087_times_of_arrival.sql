-- What we received while it was made has times too: those of its arrival. What is there fits; the
-- next migration has it checked beside those who write.
ALTER TABLE recording DROP CONSTRAINT recording_started_at_source_check,
    ADD CONSTRAINT recording_started_at_source_check
        CHECK (started_at_source IN ('metadata', 'file_name', 'media', 'arrival')) NOT VALID;
