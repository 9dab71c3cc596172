-- Sessions have a name that may be shown, and end when nobody has used them for a while.

ALTER TABLE session
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
