-- Intents: what a process is about to make in the object store, committed before it is made.

CREATE TABLE store_intent (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('multipart', 'rendition')),
    object_key text NOT NULL,
    upload_id uuid REFERENCES upload,
    run_id uuid REFERENCES task_run,
    attempt integer,
    created_at timestamptz NOT NULL,
    swept_at timestamptz,
    CHECK ((kind = 'multipart') = (upload_id IS NOT NULL)),
    CHECK ((kind = 'rendition') = (run_id IS NOT NULL AND attempt IS NOT NULL))
);
CREATE INDEX store_intent_oldest ON store_intent (created_at);
CREATE INDEX store_intent_key ON store_intent (object_key);

GRANT SELECT, INSERT, UPDATE, DELETE ON store_intent TO recorder_service;
