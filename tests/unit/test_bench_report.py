"""What benchmarks print, how they are named and where they are documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.support.report import Bar, Figure, number, percentile, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = list(range(100, 0, -1))
    assert [percentile(values, share) for share in (0.5, 0.9, 0.99, 1.0)] == [50, 90, 99, 100]
    assert percentile([7.0], 0.01) == 7.0


def test_numbers_have_three_significant_digits_and_no_exponent() -> None:
    values = (0.0, 0.00123456, 1.234, 99.96, 12345.6)
    assert [number(value) for value in values] == ["0", "0.00123", "1.23", "100.0", "12346"]


def test_the_table_tells_beside_each_figure_whether_its_bar_is_met() -> None:
    lines = table(
        [
            Figure("wall", 0.85, "×", Bar(0.9)),
            Figure("rate", 0.7, "×", Bar(0.8, at_least=True), "median of 8"),
            Figure("size", 12),
        ]
    ).splitlines()[2:]
    assert lines == [
        "| wall | 0.850 × | ≤ 0.9 × | yes |  |",
        "| rate | 0.700 × | ≥ 0.8 × | **no** | median of 8 |",
        "| size | 12.0 |  |  |  |",
    ]


def test_every_benchmark_says_what_it_measures_and_stands_in_the_document() -> None:
    text = DOCUMENT.read_text()
    assert bench.names()
    assert [name for name in bench.names() if not bench.purpose(name)] == []
    assert [name for name in bench.names() if f"`{name}`" not in text] == []


@pytest.mark.parametrize("argv", [["nothing"], ["--rounds", "3"], ["objects", "nothing"]])
def test_what_cannot_be_run_is_refused_with_the_names_there_are(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(argv) == 2
    assert "objects" in capsys.readouterr().err
