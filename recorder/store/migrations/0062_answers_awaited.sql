-- Beside those who write.
-- Answers that are overdue: docs/design/dashboard.md.
CREATE INDEX CONCURRENTLY finding_answer_awaited ON finding (agency_id, answer_by) INCLUDE (day) WHERE state = 'open';
