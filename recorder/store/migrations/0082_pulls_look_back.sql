-- Rows that a transaction over there commits late are fetched all the same (docs/design/case-feed.md).
ALTER TABLE feed_pull ADD COLUMN behind text NOT NULL DEFAULT '',
    ADD COLUMN behind_at timestamptz;
