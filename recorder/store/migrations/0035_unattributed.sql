-- Beside those who write.
CREATE INDEX CONCURRENTLY recording_unattributed ON recording (created_at)
    WHERE links = 0 AND attributed_at IS NULL AND integrity = 'sealed' AND admission = 'admitted';
