-- Alarms and failed runs keep what they are about apart from the English sentence, so that pages
-- can say it in the reader's language. Rows written by older code have the sentence alone.
ALTER TABLE alarm ADD COLUMN facts jsonb NOT NULL DEFAULT '{}';
ALTER TABLE task_run ADD COLUMN error_facts jsonb;
