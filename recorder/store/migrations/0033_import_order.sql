-- Rows of an import are written before it is known what the import did; it is noted last.

ALTER TABLE organisation ALTER CONSTRAINT organisation_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE officer ALTER CONSTRAINT officer_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE officer_certificate ALTER CONSTRAINT officer_certificate_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE device_registration ALTER CONSTRAINT device_registration_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE matter ALTER CONSTRAINT matter_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE enforcement_subject ALTER CONSTRAINT enforcement_subject_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE entrustment ALTER CONSTRAINT entrustment_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE holiday ALTER CONSTRAINT holiday_import_id_fkey DEFERRABLE INITIALLY DEFERRED;
