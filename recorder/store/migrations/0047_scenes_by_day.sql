-- Beside those who write.
-- Figures of few days over very many agencies: docs/design/dashboard.md.
CREATE INDEX CONCURRENTLY scene_day_day ON scene_day (day);
