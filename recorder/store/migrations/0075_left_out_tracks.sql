-- Other languages, angles and kinds of tracks that a livestream's source offers and that are not
-- taken are named.
ALTER TABLE livestream ADD COLUMN left_out text[] NOT NULL DEFAULT '{}';
