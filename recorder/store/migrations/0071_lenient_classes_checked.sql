-- Readers and writers go on meanwhile.
ALTER TABLE case_file VALIDATE CONSTRAINT case_file_classes_check;
ALTER TABLE feed_case VALIDATE CONSTRAINT feed_case_classes_check;
ALTER TABLE recording VALIDATE CONSTRAINT recording_classes_check;
