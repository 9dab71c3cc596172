"""What a migration may do: services of the version before go on working on its schema."""

from __future__ import annotations

import re

import pytest

from recorder.store import concurrent_indexes, migrate

#: Statements after which a service of the version before would fail.
TAKES_AWAY = (
    r"\bDROP (TABLE|COLUMN|FUNCTION|SCHEMA|ROLE)\b",
    r"\bRENAME\b",
    r"\bALTER COLUMN \w+ (SET DATA )?TYPE\b",
    r"\bSET NOT NULL\b",
    r"\bREVOKE\b",
    r"\bTRUNCATE\b",
    # Rows that older code inserts do not name the column.
    r"\bADD COLUMN (IF NOT EXISTS )?\w+ (?![^,;]*\bDEFAULT\b)[^,;]*\bNOT NULL\b",
)


def taken_away(sql: str) -> list[str]:
    """The statements of a migration that older services cannot bear."""
    text = re.sub(r"--[^\n]*", "", sql)
    return [found[0] for rule in TAKES_AWAY for found in re.finditer(rule, text, re.IGNORECASE)]


def test_every_migration_has_a_number_of_its_own() -> None:
    numbers = [migration.number for migration in migrate.known_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_migrations_behind_the_first_only_add() -> None:
    later = migrate.known_migrations()[1:]
    assert later
    for migration in later:
        if migration.known_at_least is None:
            assert taken_away(migration.sql) == [], migration.label


def test_a_removal_names_a_migration_that_came_before_it() -> None:
    for migration in migrate.known_migrations():
        if migration.known_at_least is not None:
            assert migration.known_at_least < migration.number, migration.label
    marked = migrate.Migration(9, "x", "-- For services that know at least 0007.\nSELECT 1;")
    assert marked.known_at_least == 7
    assert migrate.Migration(9, "x", "-- Services know 0007.").known_at_least is None


def test_what_runs_beside_those_who_write_makes_and_drops_indexes_and_nothing_else() -> None:
    for migration in migrate.known_migrations():
        if migration.is_concurrent:
            assert concurrent_indexes.statements(migration.sql) != [], migration.label
        else:
            assert "CONCURRENTLY" not in migration.sql, migration.label


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX a ON b (c);",
        "CREATE INDEX CONCURRENTLY ON b (c);",
        "CREATE INDEX CONCURRENTLY a ON b (c); UPDATE b SET c = 1;",
        "DROP INDEX CONCURRENTLY a;",
        "DROP TABLE b;",
    ],
)
def test_what_must_not_run_outside_of_a_transaction_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match="not for a migration beside those who write"):
        concurrent_indexes.statements(sql)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("ALTER TABLE a DROP COLUMN b;", True),
        ("alter table a rename column b to c;", True),
        ("ALTER TABLE a ADD COLUMN b text NOT NULL;", True),
        ("ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT 'x';", False),
        ("ALTER TABLE a ADD COLUMN b text;\n-- DROP TABLE a", False),
        ("CREATE TABLE c (d text NOT NULL);", False),
    ],
)
def test_what_takes_away_is_seen(sql: str, found: bool) -> None:
    assert bool(taken_away(sql)) is found
