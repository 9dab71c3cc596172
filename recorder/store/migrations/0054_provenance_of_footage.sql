-- Beside those who write.
CREATE INDEX CONCURRENTLY recording_provenance ON recording (provenance, created_at DESC, id DESC)
    WHERE provenance IS NOT NULL;
