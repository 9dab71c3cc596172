-- A migration that takes something away says which services may still run on the schema.
ALTER TABLE schema_migration ADD COLUMN known_at_least integer;
