-- A receiver that is away is left alone for a while, and keeps no other waiting (docs/design/webhooks.md).
ALTER TABLE webhook_endpoint ADD COLUMN troubles integer NOT NULL DEFAULT 0,
    ADD COLUMN rests_until timestamptz;
