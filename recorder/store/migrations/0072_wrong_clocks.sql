-- Beside those who write.
-- Unlinked footage of clocks that were found to be wrong: docs/design/attribution.md.
CREATE INDEX CONCURRENTLY recording_wrong_clock ON recording (agency_id, received_at)
    WHERE links = 0 AND 'clock_offset' = ANY (flags);
