-- Roles and database of the service, for psql as a superuser of an empty PostgreSQL 15 or newer:
--   psql -v owner_password=… -v login_password=… -f roles.sql
-- Without these variables the passwords are read from the files that OWNER_PASSWORD_FILE and
-- LOGIN_PASSWORD_FILE name, as in compose.yaml. Safe to run again: it then sets the passwords.
--
--   recorder_owner    owns the database and its schema; only `recorder migrate` uses it
--   recorder_service  the group that migrations grant to; nobody signs in by it
--   recorder_web      the login of web service and workers: a member of the group, nothing more
\set ON_ERROR_STOP on
\set QUIET on
\if :{?owner_password}
\else
\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\endif
\if :{?login_password}
\else
\set login_password `cat "$LOGIN_PASSWORD_FILE"`
\endif

-- Passwords must not get into the server's log, whatever it is set to.
SET client_min_messages = 'warning';
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

SELECT format('CREATE ROLE %I %s', name, kind)
FROM (VALUES ('recorder_owner', 'LOGIN'),
             ('recorder_service', 'NOLOGIN'),
             ('recorder_web', 'LOGIN')) AS wanted (name, kind)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE recorder_owner PASSWORD :'owner_password';
ALTER ROLE recorder_web PASSWORD :'login_password';
GRANT recorder_service TO recorder_web;

-- Case numbers are compared by their bytes, the same on every machine.
SELECT 'CREATE DATABASE recorder OWNER recorder_owner TEMPLATE template0 ENCODING ''UTF8'''
       ' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'recorder')
\gexec

REVOKE ALL ON DATABASE recorder FROM PUBLIC;
GRANT CONNECT ON DATABASE recorder TO recorder_service;
