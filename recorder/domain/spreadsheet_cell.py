"""Cells that no spreadsheet program takes for a formula, and what was written of such a cell."""

from __future__ import annotations

#: What a cell of a formula begins with; the full-width signs count in some versions.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_QUOTE = "'"


def safe(cell: str) -> str:
    """The text behind an apostrophe where it could be a formula; ``plain`` reads it back."""
    return f"{_QUOTE}{cell}" if cell.startswith((*_FORMULA, _QUOTE)) else cell


def plain(cell: str) -> str:
    """What ``safe`` was given."""
    return cell.removeprefix(_QUOTE)
