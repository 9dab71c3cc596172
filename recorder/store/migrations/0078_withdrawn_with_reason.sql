-- A finding whose ground a source took back says so, with the source's reason. What is there fits; the
-- next migration has it checked beside those who write.
ALTER TABLE finding_act DROP CONSTRAINT finding_act_act_check,
    ADD CONSTRAINT finding_act_act_check CHECK (act IN ('reply', 'assign', 'appeal', 'close',
        'withdraw')) NOT VALID;
