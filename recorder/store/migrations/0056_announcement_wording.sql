-- What officers say at the beginning, as an agency's list has it (R6).
ALTER TABLE duty_list ADD COLUMN wording text NOT NULL DEFAULT '';
