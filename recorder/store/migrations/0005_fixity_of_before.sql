-- What was sealed before 0004 is read back too. On its own: nobody waits for it, and where it takes
-- longer than the limit of a statement it may be given more (`recorder migrate --statement-limit`).
INSERT INTO fixity (recording_id, n, agreed_at, looked_at)
SELECT o.recording_id, o.n, coalesce(r.sealed_at, r.created_at), coalesce(r.sealed_at, r.created_at)
FROM original_object o JOIN recording r ON r.id = o.recording_id AND r.integrity = 'sealed'
ON CONFLICT DO NOTHING;
