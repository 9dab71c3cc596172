-- How far the chunks of a livestream of WebM have been followed: docs/design/live-capture.md.
ALTER TABLE livestream_period ADD COLUMN walk jsonb;
