"""PostgreSQL: every SQL statement of the product stands in this package, and nothing else does."""
