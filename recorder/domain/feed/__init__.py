"""The case feed, pure: rows as they come, what they say, and which of them counts.

    rows        text to a row: canonical form, digest, key, revision
    mapping     a source's codes to our words, by day
    statements  a row and a mapping to what it says, or the problem with it
    registers   which row of a key counts, and what withdrawals take back

docs/design/case-feed.md tells the invariants.
"""
