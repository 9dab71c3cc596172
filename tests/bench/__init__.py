"""Measurements, run by hand, never by ``make test``: ``python -m tests.bench``, ``make bench``.

A module ``bench_NAME.py`` with ``main(argv)`` is the benchmark NAME; its docstring's first line
says what it measures. It prints a report (support/report.py); nothing fails for being slow.
What was measured, and how, stands in docs/benchmarks.md.
"""
