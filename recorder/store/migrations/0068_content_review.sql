-- Fixed electronic monitoring is reviewed before it is evidence (行政处罚法 41, R14).
ALTER TABLE recording ADD COLUMN content_review text
    CHECK (content_review IN ('passed', 'refused'));
