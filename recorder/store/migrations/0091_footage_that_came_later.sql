-- Beside those who write.
-- Footage that did not arrive on the day on which it began: what of it is still in its term (R49).
CREATE INDEX CONCURRENTLY recording_came_later ON recording (agency_id, received_at, started_at)
    WHERE (received_at AT TIME ZONE interval '8 hours')::date
        > (started_at AT TIME ZONE interval '8 hours')::date;
