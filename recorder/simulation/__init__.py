"""A city in a box: who enforces, what happened, what was recorded, and what is known to be wrong.

It must not know how the service judges: not its duties, deadlines, coverage or findings
(import-linter, tests/unit/test_simulation.py). What is wrong is written down where it is planted.
"""
