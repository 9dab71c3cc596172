-- Tails of uploads that lie at their place in the folder store, not in staging.
ALTER TABLE upload_piece ADD COLUMN fence bigint;
