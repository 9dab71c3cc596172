-- Marks of the law on recordings, and marks that are withdrawn. A livestream's marks get their place
-- in the recording when that is made. Until every process is of this release, marks of the new kinds
-- are not shown by those before it.

ALTER TABLE mark DROP CONSTRAINT mark_kind_check;
ALTER TABLE mark ADD CONSTRAINT mark_kind_check CHECK (kind IN (
    'important', 'violation', 'evidence', 'person', 'other',
    'announcement', 'voice_statement', 'seizure',
    'approval', 'two_officers', 'id_shown', 'summon_party', 'reasons_and_rights', 'defence_heard',
    'onsite_record', 'signatures', 'witness', 'other_procedure'));
-- NULL: no clock of the recording is known.
ALTER TABLE mark ALTER COLUMN shown_at DROP NOT NULL;
ALTER TABLE mark ADD COLUMN origin text NOT NULL DEFAULT 'person'
    CHECK (origin IN ('person', 'device', 'metadata'));
ALTER TABLE mark ADD COLUMN withdrawn_at timestamptz;
ALTER TABLE mark ADD COLUMN withdrawn_by text;
ALTER TABLE mark ADD COLUMN withdraw_reason text;
ALTER TABLE mark ADD CONSTRAINT mark_withdrawal
    CHECK ((withdrawn_at IS NULL) = (withdraw_reason IS NULL));
GRANT UPDATE (recording_id, media_ms, withdrawn_at, withdrawn_by, withdraw_reason)
    ON mark TO recorder_service;

-- Those of livestreams that are over belong to their recordings, at the place their player said.
UPDATE mark m SET recording_id = l.recording_id FROM livestream l
    WHERE l.id = m.livestream_id AND m.recording_id IS NULL AND l.recording_id IS NOT NULL;

CREATE TABLE gap_reason (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    recording_id uuid NOT NULL REFERENCES recording,
    place text NOT NULL CHECK (place IN ('begin', 'gap', 'end')),
    -- Which gap of the recording.
    n integer CHECK (n >= 0),
    begins_at timestamptz,
    ends_at timestamptz,
    cause text NOT NULL CHECK (cause IN
        ('equipment_failure', 'battery', 'storage', 'weather', 'obstruction', 'other')),
    note text NOT NULL DEFAULT '',
    reported_at timestamptz NOT NULL,
    made_at timestamptz NOT NULL,
    made_by_kind text NOT NULL,
    made_by_id text NOT NULL,
    made_by_name text NOT NULL,
    CHECK ((place = 'gap') = (n IS NOT NULL))
);
CREATE INDEX gap_reason_recording ON gap_reason (recording_id, made_at);
GRANT SELECT, INSERT ON gap_reason TO recorder_service;
