-- Marks of what a record shows above all (R7): two of the five had no word of their own.

ALTER TABLE mark DROP CONSTRAINT mark_kind_check;
ALTER TABLE mark ADD CONSTRAINT mark_kind_check CHECK (kind IN (
    'important', 'violation', 'scene', 'person', 'evidence', 'documents', 'other',
    'announcement', 'voice_statement', 'seizure',
    'approval', 'two_officers', 'id_shown', 'summon_party', 'reasons_and_rights', 'defence_heard',
    'onsite_record', 'signatures', 'witness', 'other_procedure'));
