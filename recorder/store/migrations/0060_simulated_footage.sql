-- Footage of an invented city: facts without a byte, never sealed (docs/design/city.md).
ALTER TABLE recording DROP CONSTRAINT recording_integrity_check;
ALTER TABLE recording ADD CONSTRAINT recording_integrity_check
    CHECK (integrity IN ('receiving', 'received', 'sealed', 'mismatched', 'simulated'));
ALTER TABLE recording ADD CONSTRAINT recording_simulated CHECK (integrity <> 'simulated'
    OR (source = 'simulated' AND length_bytes = 0 AND num_nonnulls(sha256, sm3, sealed_at) = 0));
