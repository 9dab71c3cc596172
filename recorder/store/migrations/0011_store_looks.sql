-- Walks through the whole store that the clock begins: when the last one ended and what it found.
CREATE TABLE store_look (
    name text PRIMARY KEY,
    began_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    found integer NOT NULL CHECK (found >= 0)
);

GRANT SELECT, INSERT, UPDATE ON store_look TO recorder_service;
