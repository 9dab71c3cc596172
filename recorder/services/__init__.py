"""Use cases: they own the transactions and know no HTTP."""
