-- Days of devices by years, for the dashboard of a whole city: docs/design/dashboard.md. Made by
-- triggers, so that workers of the release before keep it too.
CREATE TABLE device_year (
    agency_id uuid NOT NULL REFERENCES agency,
    year integer NOT NULL,
    device text COLLATE "C" NOT NULL,
    -- 32 bits for each month: device_month.days.
    days bit(384) NOT NULL,
    PRIMARY KEY (agency_id, year, device)
);
CREATE FUNCTION note_device_year() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place integer := 32 * (extract(month FROM NEW.month)::integer - 1) + 1;
BEGIN
    INSERT INTO device_year AS y (agency_id, year, device, days)
    VALUES (NEW.agency_id, extract(year FROM NEW.month)::integer, NEW.device,
        overlay(repeat('0', 384)::bit(384) PLACING NEW.days::bit(32) FROM place))
    ON CONFLICT (agency_id, year, device)
    DO UPDATE SET days = overlay(y.days PLACING NEW.days::bit(32) FROM place);
    RETURN NULL;
END
$$;

-- What comes from now on is noted, then what is there: none is missed.
CREATE TRIGGER device_month_made AFTER INSERT ON device_month
    FOR EACH ROW EXECUTE FUNCTION note_device_year();
CREATE TRIGGER device_month_changed AFTER UPDATE ON device_month
    FOR EACH ROW WHEN (OLD.days <> NEW.days) EXECUTE FUNCTION note_device_year();
INSERT INTO device_year (agency_id, year, device, days)
    SELECT agency_id, extract(year FROM month)::integer, device,
        bit_or(overlay(repeat('0', 384)::bit(384) PLACING days::bit(32)
            FROM 32 * (extract(month FROM month)::integer - 1) + 1))
    FROM device_month GROUP BY 1, 2, 3;

GRANT SELECT, INSERT, UPDATE ON device_year TO recorder_service;
