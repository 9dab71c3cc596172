-- What the feed said before it said something else: evaluation as of a past day (docs/design/case-feed.md).

ALTER TABLE feed_case ADD COLUMN changed_at timestamptz;

CREATE TABLE feed_past (
    kind text NOT NULL CHECK (kind IN ('case', 'event', 'document')),
    source_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    case_id uuid NOT NULL,
    -- It counted from then until then.
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    -- The row of feed_case, case_event or case_document.
    said jsonb NOT NULL
);
CREATE INDEX feed_past_case ON feed_past (case_id, kind);
CREATE INDEX feed_past_key ON feed_past (source_id, key) WHERE kind = 'case';

-- A trigger, so that no statement that changes a row forgets it.
CREATE FUNCTION keep_feed_past() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := coalesce(OLD.changed_at, OLD.received_at);
    ended timestamptz := coalesce(NEW.changed_at, now());
BEGIN
    IF began < ended THEN
        INSERT INTO feed_past (kind, source_id, key, case_id, since, until, said)
            VALUES (TG_ARGV[0], OLD.source_id, OLD.key, OLD.case_id, began, ended, to_jsonb(OLD));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER feed_case_past AFTER UPDATE ON feed_case
    FOR EACH ROW EXECUTE FUNCTION keep_feed_past('case');
CREATE TRIGGER case_event_past AFTER UPDATE ON case_event
    FOR EACH ROW EXECUTE FUNCTION keep_feed_past('event');
CREATE TRIGGER case_document_past AFTER UPDATE ON case_document
    FOR EACH ROW EXECUTE FUNCTION keep_feed_past('document');

GRANT SELECT, INSERT ON feed_past TO recorder_service;
