-- Where an audit has come to, so that an interrupted one goes on there.

CREATE TABLE audit_run (
    id uuid PRIMARY KEY,
    level text NOT NULL CHECK (level IN ('presence', 'size', 'digest')),
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'completed', 'abandoned')),
    started_at timestamptz NOT NULL,
    saved_at timestamptz NOT NULL,
    finished_at timestamptz,
    step text NOT NULL,
    cursor text,
    looked_at jsonb NOT NULL DEFAULT '{}',
    counts jsonb NOT NULL DEFAULT '{}',
    CHECK ((state = 'completed') = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX audit_run_running ON audit_run (level) WHERE state = 'running';
CREATE INDEX audit_run_newest ON audit_run (started_at DESC);

CREATE TABLE audit_finding (
    run_id uuid NOT NULL REFERENCES audit_run,
    n integer NOT NULL,
    code text NOT NULL,
    about_kind text NOT NULL,
    about text NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (run_id, n)
);

GRANT SELECT, INSERT, UPDATE ON audit_run TO recorder_service;
GRANT SELECT, INSERT ON audit_finding TO recorder_service;
