-- Beside those who write.
-- What waits is taken in the order of keys, however much of it there is: docs/design/case-feed.md.
CREATE INDEX CONCURRENTLY feed_row_waiting ON feed_row (source_id, problem, problem_field, problem_value, key, digest)
    WHERE state = 'pooled';
DROP INDEX CONCURRENTLY IF EXISTS feed_row_pooled;
