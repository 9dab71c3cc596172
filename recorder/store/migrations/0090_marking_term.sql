-- Within how many days after it arrived footage is to be marked, as an agency's list has it (R49).
ALTER TABLE duty_list ADD COLUMN marking_days integer CHECK (marking_days > 0);
