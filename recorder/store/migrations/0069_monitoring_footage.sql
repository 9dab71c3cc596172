-- Beside those who write.
CREATE INDEX CONCURRENTLY recording_monitoring ON recording (created_at DESC, id DESC)
    WHERE camera = 'surveillance' OR provenance = 'surveillance';
