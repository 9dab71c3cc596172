-- When each sealed original was last read back, and turns of work that one process does at a time.

CREATE TABLE turn (
    name text PRIMARY KEY,
    holder text NOT NULL,
    held_until timestamptz NOT NULL
);

CREATE TABLE fixity (
    recording_id uuid NOT NULL,
    n integer NOT NULL,
    agreed_at timestamptz NOT NULL,
    looked_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    failed_at timestamptz,
    failure text CHECK (failure IN ('digest', 'length', 'missing', 'unreadable')),
    untold boolean NOT NULL DEFAULT false,
    PRIMARY KEY (recording_id, n),
    FOREIGN KEY (recording_id, n) REFERENCES original_object,
    CHECK ((failed_at IS NULL) = (failure IS NULL))
);
CREATE INDEX fixity_oldest ON fixity (looked_at);
CREATE INDEX fixity_failed ON fixity (failed_at) WHERE failed_at IS NOT NULL;
CREATE INDEX fixity_untold ON fixity (looked_at) WHERE untold;

-- A trigger, so that what the release before this one seals is read back as well.
CREATE FUNCTION begin_fixity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO fixity (recording_id, n, agreed_at, looked_at)
    SELECT o.recording_id, o.n, NEW.sealed_at, NEW.sealed_at FROM original_object o
    WHERE o.recording_id = NEW.id ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER recording_sealed
    AFTER UPDATE OF integrity ON recording FOR EACH ROW
    WHEN (NEW.integrity = 'sealed' AND OLD.integrity <> 'sealed')
    EXECUTE FUNCTION begin_fixity();

GRANT SELECT, INSERT, UPDATE ON turn, fixity TO recorder_service;
