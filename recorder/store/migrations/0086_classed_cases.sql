-- Beside those who write.
-- Few cases bear a class (R38, R85).
CREATE INDEX CONCURRENTLY case_file_classed ON case_file (agency_id) WHERE classes <> '{}';
CREATE INDEX CONCURRENTLY feed_case_classed ON feed_case (agency_id)
    WHERE classes <> '{}' AND withdrawn_at IS NULL;
