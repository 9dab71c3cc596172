"""Torture: the whole product under faults at named points (docs/design/torture.md)."""
