-- Beside those who write.
CREATE INDEX CONCURRENTLY recording_restricted ON recording (created_at DESC, id DESC)
    WHERE restrictions <> '{}';
