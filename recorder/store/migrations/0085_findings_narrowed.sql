-- Beside those who write.
-- A city's findings by officer, by who is to answer, and by day: among a million others.
CREATE INDEX CONCURRENTLY finding_officers ON finding USING gin (officers);
CREATE INDEX CONCURRENTLY finding_owner ON finding (owner, raised_at DESC, id DESC)
    WHERE owner IS NOT NULL;
CREATE INDEX CONCURRENTLY finding_on_day ON finding (day, kind, state, agency_id);
