-- An upload that cannot be ended is tried again after pauses that grow.

ALTER TABLE upload
    ADD COLUMN end_tries integer NOT NULL DEFAULT 0,
    ADD COLUMN next_try_at timestamptz;
