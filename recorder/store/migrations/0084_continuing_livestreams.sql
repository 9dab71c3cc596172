-- A publisher who comes back to a livestream that is over begins one that goes on with it:
-- docs/design/live.md. No reference: a rebuild may find the second one first.
ALTER TABLE livestream ADD COLUMN continues_id uuid;
CREATE INDEX livestream_continuing ON livestream (continues_id, created_at)
    WHERE continues_id IS NOT NULL;
