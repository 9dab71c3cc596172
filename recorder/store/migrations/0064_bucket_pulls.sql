-- Rows are fetched from buckets too, and lines of fetched files that hold no row are counted.

ALTER TABLE feed_pull DROP CONSTRAINT feed_pull_kind_check;
ALTER TABLE feed_pull ADD CONSTRAINT feed_pull_kind_check
    CHECK (kind IN ('sql', 'folder', 'bucket'));
ALTER TABLE feed_pull
    ADD COLUMN files integer NOT NULL DEFAULT 0,
    ADD COLUMN refused bigint NOT NULL DEFAULT 0,
    ADD COLUMN refused_in text;
UPDATE feed_pull p SET files = (SELECT count(*) FROM feed_file f WHERE f.pull_id = p.id);
