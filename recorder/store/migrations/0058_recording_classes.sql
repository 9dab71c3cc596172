-- Classes whose footage is kept for good (R38), of single recordings.
ALTER TABLE recording ADD COLUMN classes text[] NOT NULL DEFAULT '{}'
    CHECK (classes <@ ARRAY['evidence', 'obstruction', 'mass_incident', 'major']);
