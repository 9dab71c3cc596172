-- Gaps and playlists of long livestreams without reading all their segments: docs/design/live.md.

-- Whether the segment with the number before is stored, in the same period. What a process of the
-- release before this one writes says false, and whoever reads looks.
ALTER TABLE livestream_segment ADD COLUMN follows boolean NOT NULL DEFAULT true;
ALTER TABLE livestream_segment ALTER COLUMN follows SET DEFAULT false;
UPDATE livestream_segment s SET follows = false
    WHERE s.state <> 'stored' OR s.number <= 1 OR NOT EXISTS (SELECT FROM livestream_segment o
        WHERE o.livestream_id = s.livestream_id AND o.number = s.number - 1
        AND o.state = 'stored' AND o.period = s.period);
CREATE INDEX livestream_segment_edge ON livestream_segment (livestream_id, number)
    WHERE NOT follows AND state = 'stored' AND number > 0;

-- The beginning of the playlist of a running livestream, in stretches behind each other. No evidence:
-- it says what the segments say, and goes when the livestream is closed.
CREATE TABLE livestream_stretch (
    livestream_id uuid NOT NULL REFERENCES livestream,
    -- It lists what stands behind this number, to `reached_number`.
    after_number bigint NOT NULL CHECK (after_number >= 0),
    reached_number bigint NOT NULL,
    segments integer NOT NULL CHECK (segments > 0),
    last_number bigint NOT NULL,
    last_period integer NOT NULL,
    first_us bigint NOT NULL,
    longest_us bigint NOT NULL,
    independent boolean NOT NULL,
    lines text NOT NULL,
    PRIMARY KEY (livestream_id, after_number),
    CHECK (after_number < last_number AND last_number <= reached_number)
);
GRANT SELECT, INSERT, DELETE ON livestream_stretch TO recorder_service;
