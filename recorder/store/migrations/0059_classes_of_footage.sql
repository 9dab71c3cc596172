-- Beside those who write.
CREATE INDEX CONCURRENTLY recording_classes ON recording USING gin (classes)
    WHERE classes <> '{}';
