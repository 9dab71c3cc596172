-- Classes of cases whose footage is kept for good (R38): what people say, and what sources say.
ALTER TABLE case_file ADD COLUMN classes text[] NOT NULL DEFAULT '{}'
    CHECK (classes <@ ARRAY['evidence', 'obstruction', 'mass_incident', 'major']);
ALTER TABLE feed_case ADD COLUMN classes text[] NOT NULL DEFAULT '{}'
    CHECK (classes <@ ARRAY['evidence', 'obstruction', 'mass_incident', 'major']);
