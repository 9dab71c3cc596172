"""Figures beside their bars, and the markdown that a benchmark prints for docs/benchmarks.md."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.support.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit that a figure has to keep; ``at_least`` turns it round."""

    limit: float
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number, with what surrounds it."""

    what: str
    value: float
    unit: str = ""
    bar: Bar | None = None
    #: How it was come by or how it scatters: "median of 9", "p50 3, max 40".
    note: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def scatter(values: Sequence[float], unit: str = "") -> str:
    """Median, p90, p99, largest and count in a few words."""
    shown = {
        "p50": statistics.median(values),
        "p90": percentile(values, 0.9),
        "p99": percentile(values, 0.99),
        "max": max(values),
    }
    parts = ", ".join(f"{name} {number(value)}" for name, value in shown.items())
    return f"{parts}{f' {unit}' if unit else ''} (n = {len(values)})"


def number(value: float) -> str:
    """Three significant digits, never in exponents."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def table(figures: Sequence[Figure]) -> str:
    """A markdown table; the bar and whether it is met stand beside each figure."""
    lines = ["| what | measured | bar | met | notes |", "|---|---|---|---|---|"]
    for figure in figures:
        unit = f" {figure.unit}" if figure.unit else ""
        bar, met = "", ""
        if figure.bar:
            sign = "≥" if figure.bar.at_least else "≤"
            bar = f"{sign} {figure.bar.limit:g}{unit}"
            met = "yes" if figure.bar.met_by(figure.value) else "**no**"
        lines.append(
            f"| {figure.what} | {number(figure.value)}{unit} | {bar} | {met} | {figure.note} |"
        )
    return "\n".join(lines)


def publish(
    title: str,
    conditions: Conditions,
    figures: Sequence[Figure],
    *,
    versions: Mapping[str, str] | None = None,
    flags: str = "",
) -> None:
    """Print the whole report: title, conditions, versions and flags, table."""
    print(f"\n### {title}\n\n{conditions.sentence()}")
    if versions:
        print(f"Versions: {', '.join(f'{name} {v}' for name, v in versions.items())}.")
    if flags:
        print(f"Flags: {flags}")
    print(f"\n{table(figures)}\n", flush=True)
