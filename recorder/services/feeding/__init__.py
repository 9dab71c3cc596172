"""The case feed: what other systems say of cases, and how it comes to count.

    sources    which systems may feed
    receiving  rows in, batch by batch
    replaying  the pool, mappings, and rows that take part again
    proposing  cases that numbers join
    batch      one batch in one transaction; cases and writing are parts of it

docs/design/case-feed.md tells the invariants and what happens when something dies.
"""
