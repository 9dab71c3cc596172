-- Beside those who write.
-- Where a device was at a time: docs/design/coverage.md.
CREATE INDEX CONCURRENTLY recording_device_time ON recording (device_number, started_at)
    WHERE started_at IS NOT NULL AND latitude IS NOT NULL;
