-- Readers and writers go on meanwhile.
ALTER TABLE finding_act VALIDATE CONSTRAINT finding_act_act_check;
