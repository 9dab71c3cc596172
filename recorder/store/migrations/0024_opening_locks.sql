-- Descriptions of livestreams are kept locked like their segments; NULL: nobody has looked yet.

ALTER TABLE livestream ADD COLUMN opening_lock_until timestamptz;
CREATE INDEX livestream_opening_lock
    ON livestream ((coalesce(opening_lock_until, '-infinity'::timestamptz)))
    WHERE opening_version IS NOT NULL;
