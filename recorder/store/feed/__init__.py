"""The case feed's tables: sources, mappings, rows as they came, and the state that counts."""
