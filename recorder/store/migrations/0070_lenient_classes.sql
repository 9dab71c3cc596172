-- First and slight breaches that are not punished are classes too (R85). What is there fits; the next
-- migration has it checked beside those who write.
ALTER TABLE case_file DROP CONSTRAINT case_file_classes_check,
    ADD CONSTRAINT case_file_classes_check CHECK (classes <@ ARRAY['evidence', 'obstruction',
        'mass_incident', 'major', 'first_breach', 'slight_breach']) NOT VALID;
ALTER TABLE feed_case DROP CONSTRAINT feed_case_classes_check,
    ADD CONSTRAINT feed_case_classes_check CHECK (classes <@ ARRAY['evidence', 'obstruction',
        'mass_incident', 'major', 'first_breach', 'slight_breach']) NOT VALID;
ALTER TABLE recording DROP CONSTRAINT recording_classes_check,
    ADD CONSTRAINT recording_classes_check CHECK (classes <@ ARRAY['evidence', 'obstruction',
        'mass_incident', 'major', 'first_breach', 'slight_breach']) NOT VALID;
