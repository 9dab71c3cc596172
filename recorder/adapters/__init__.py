"""The outside world except PostgreSQL; a protocol stands only where two implementations exist."""
