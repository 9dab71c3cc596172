-- Beside those who write.
CREATE INDEX CONCURRENTLY restriction_unnoted ON restriction (imposed_at)
    WHERE noted_at IS NULL OR (lifted_at IS NOT NULL AND lift_noted_at IS NULL);
